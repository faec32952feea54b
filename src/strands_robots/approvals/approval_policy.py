"""The policy file: which requests are free, audited, need a person's approval, or are forbidden.

The first rule that matches decides; what no rule knows needs approval. What can never be a tool (approvals/never_tools.py)
is forbidden whatever the file says, and a file that says otherwise is refused.
"""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from strands_robots.approvals.never_tools import ALWAYS_TYPES, reason_against_tool
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.graph_scope import relative_name
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.text import printable
from strands_robots.core.validation import reading_problem

_LONGEST = 1 << 20
_PATTERN = re.compile(r"[A-Za-z0-9_*/]+", re.ASCII)

Seconds = Annotated[float, Field(gt=0.0, le=86400.0, allow_inf_nan=False)]


class RequestClass(enum.Enum):
    """What happens to a request."""

    FREE = "free"
    AUDITED = "audited"
    NEEDS_APPROVAL = "needs_approval"
    FORBIDDEN = "forbidden"


class Rate(StrictModel):
    """At most `count` of an action in any `period` [s]. Declined and expired requests do not count."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    period: Seconds


class Rule(StrictModel):
    """One rule: patterns of name and type, in which "*" is any text without "/", and "**" any text.

    Attributes:
        by: Names of the operators whose decision counts; empty for every one who may approve.
    """

    name: str = "**"
    type: str = "**"
    request_class: Annotated[RequestClass, Field(alias="class")]
    rate: Rate | None = None
    permit_lifetime: Seconds = 60.0
    by: Annotated[tuple[str, ...], Field(max_length=64)] = ()

    @field_validator("name", "type")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        if not _PATTERN.fullmatch(value):
            raise ValueError(f"pattern '{printable(value)}' is not of letters, digits, _ / and *")
        return value.strip("/")

    @model_validator(mode="after")
    def _says_what_it_matches(self) -> Rule:
        if self.name == "**" and self.type == "**":
            raise ValueError("a rule for everything is no rule; valid: a pattern of the name, the type, or both")
        if self.by and self.request_class is not RequestClass.NEEDS_APPROVAL:
            raise ValueError(f"by is given for class {self.request_class.value}; valid: with class needs_approval")
        if self.request_class is RequestClass.FORBIDDEN:
            return self
        reason = reason_against_tool(self.name, self.type)
        if reason:
            raise ValueError(f"'{self.name}' of type '{self.type}' is always forbidden: {reason}")
        return self

    def matches(self, name: str, kind: str) -> bool:
        """Return whether the rule is for this interface."""
        return _matches(self.name, name) and _matches(self.type, kind)


class ApprovalPolicy(StrictModel):
    """The file.

    Attributes:
        request_lifetime: How long a request waits for a person [s].
        decline_memory: A request that was declined is declined again without asking, for this long [s].
        most_pending: Requests that may wait for people at once.
        most_pending_of_asker: The same for one asker.
        default_permit_lifetime: Lifetime of a permit for a request that no rule knows [s].
        default_rate: Rate limit of each action that no rule gives one.
        rules: The first that matches decides.
    """

    version: Literal[1]
    request_lifetime: Seconds = 120.0
    decline_memory: Seconds = 60.0
    most_pending: Annotated[int, Field(ge=1, le=64)] = 32
    most_pending_of_asker: Annotated[int, Field(ge=1, le=64)] = 4
    default_permit_lifetime: Seconds = 60.0
    default_rate: Rate = Rate(count=30, period=60.0)
    rules: Annotated[list[Rule], Field(max_length=1000)]


@dataclass(frozen=True)
class Ruling:
    """What the policy says of one request.

    Attributes:
        request_class: The class.
        rate: Rate limit; None for none.
        permit_lifetime: How long a permit is valid after it was given [s].
        words: Which rule decided, for people and the audit.
        by: Names of the operators whose decision counts; empty for every one who may approve.
    """

    request_class: RequestClass
    rate: Rate | None
    permit_lifetime: float
    words: str
    by: tuple[str, ...] = ()


def rule_on(policy: ApprovalPolicy, name: str, kind: str, namespace: str = "") -> Ruling:
    """Return what the policy says of an interface. What lies outside of the graph is forbidden.

    Args:
        policy: The policy; the names in its rules are seen from the graph's namespace.
        name: Full name on the graph, without the leading "/".
        kind: Full type.
        namespace: The graph's namespace; empty for the root.
    """
    if kind in ALWAYS_TYPES:
        return Ruling(RequestClass.FREE, None, 0.0, "stopping is always free")
    local = relative_name(namespace, name, kind)
    reason = reason_against_tool(name, kind)
    if local is None:
        reason = f"it is not one of graph '/{namespace.strip('/')}'"
    if local is None or reason:
        return Ruling(RequestClass.FORBIDDEN, None, 0.0, reason)
    for number, rule in enumerate(policy.rules, start=1):
        if rule.matches(local, kind):
            rate = rule.rate or policy.default_rate
            words = f"rule {number} ({rule.name}, {rule.type})"
            return Ruling(rule.request_class, rate, rule.permit_lifetime, words, rule.by)
    return Ruling(RequestClass.NEEDS_APPROVAL, policy.default_rate, policy.default_permit_lifetime, "no rule knows it")


def load_policy(path: Path) -> tuple[ApprovalPolicy, str]:
    """Return the policy in a file, and the SHA-256 of the file for the audit.

    Raises:
        ConfigurationError: If it cannot be read or is not valid; the message has every field that is wrong.
    """
    try:
        data = path.read_bytes()[:_LONGEST]
        return ApprovalPolicy.model_validate(yaml.safe_load(data)), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"the approval policy '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        problem = reading_problem(error, "policy", ApprovalPolicy)
        raise ConfigurationError(f"the approval policy '{path}' is not valid: {problem}") from error


def _matches(pattern: str, text: str) -> bool:
    parts = (".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part) for part in _split(pattern))
    return re.fullmatch("".join(parts), text) is not None


def _split(pattern: str) -> list[str]:
    return re.findall(r"\*\*|\*|[^*]+", pattern)
