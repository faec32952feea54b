"""Rules by which events of the graph wake an agent, as a file has them, and whether they can work. No ROS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from strands_robots.agent.tools.definition import Field as InterfaceField
from strands_robots.agent.tools.definition import load_definition
from strands_robots.approvals.approval_policy import Rate
from strands_robots.approvals.never_tools import reason_against_tool
from strands_robots.core.errors import StrandsRobotsError, UnknownNameError
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.text import printable

READABLE = frozenset({"strands_robots/msg/SafetyState", "strands_robots/msg/GateState"})
"""Types that are never tools, because no client may forge them, and that may wake an agent all the same."""

GOAL_TYPE = "action_msgs/msg/GoalStatusArray"
GoalEnd = Literal["succeeded", "cancelled", "aborted"]
MOST_RULES = 32
MOST_FIELDS = 16

_STEP = re.compile(r"(?P<name>[A-Za-z]\w*)(?:\[(?P<index>\d*)\])?")
_TOPIC = re.compile(r"/?[A-Za-z~_][\w~]*(/[A-Za-z_]\w*)*")

Seconds = Annotated[float, Field(ge=0.0, le=86400.0, allow_inf_nan=False)]
Value = str | int | float | bool


class Condition(StrictModel):
    """One condition about a field; exactly one of the tests.

    Attributes:
        field: Its path: "state", "pose.position.z", "markers[].ns" (of every item), "temperatures[0]".
        equals: Is this value; a constant of the message by its name.
        differs: Is not this value.
        below, above: A number on this side of a limit.
        until: For these: it holds until the number is back beyond this.
        appears: Some text that fits the pattern ("*" is any text) and was not there for `forget`.
        forget: How long what was seen is remembered [s].
        changes: Is not what it was in the message before.
    """

    field: str
    equals: Value | None = None
    differs: Value | None = None
    below: float | None = None
    above: float | None = None
    until: float | None = None
    appears: Annotated[str, Field(max_length=128)] | None = None
    forget: Seconds = 5.0
    changes: Literal[True] | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> Condition:
        tests = ("equals", "differs", "below", "above", "appears", "changes")
        given = [name for name in tests if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"has {len(given)} tests ({', '.join(given) or 'none'}); valid: one of {', '.join(tests)}")
        if self.until is not None and given[0] not in ("below", "above"):
            raise ValueError("until belongs to below or above")
        if self.until is not None and (
            (self.below is not None and self.until < self.below) or (self.above is not None and self.until > self.above)
        ):
            raise ValueError("until lies on the wrong side of the limit")
        return self

    @property
    def is_pulse(self) -> bool:
        """Whether it is true for one message at a time."""
        return self.appears is not None or self.changes is not None


class WakeRule(StrictModel):
    """One rule: either a topic with conditions, or the ends of an action server's goals.

    Attributes:
        name: Its name, for the audit and for who asked: "event/<name>".
        topic, type: Topic, relative to the graph's namespace, and its type.
        when: All of them together. The rule fires when they become true, not while they stay so.
        goal: Name of an action server, instead of a topic.
        ends: Ends of its goals that fire.
        data: Fields that the agent is shown, as data.
        prompt: What the agent is asked, in fixed words.
        session: Conversation of the turn.
        cooldown: Shortest time from one wake of this rule to the next [s].
        rate: Most wakes of this rule.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    topic: str = ""
    type: str = ""
    when: list[Condition] = Field(default=[], max_length=8)
    goal: str = ""
    ends: list[GoalEnd] = Field(default=["succeeded", "cancelled", "aborted"], min_length=1)
    data: list[str] = Field(default=[], max_length=MOST_FIELDS)
    prompt: Annotated[str, Field(min_length=1, max_length=4000)]
    session: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "main"
    cooldown: Seconds = 10.0
    rate: Rate = Rate(count=6, period=3600.0)

    @field_validator("topic", "goal")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if value and not _TOPIC.fullmatch(value):
            raise ValueError(f"'{printable(value)}' is no name of ROS")
        return value

    @model_validator(mode="after")
    def _has_one_source(self) -> WakeRule:
        if bool(self.topic) == bool(self.goal):
            raise ValueError("valid: either topic or goal")
        if self.topic and not (self.type and self.when):
            raise ValueError("a topic needs type and when")
        if self.goal and (self.type or self.when or self.data):
            raise ValueError("a goal takes ends, and no type, when or data")
        return self

    @property
    def heard_name(self) -> str:
        """Name of the topic that is listened to, relative to the graph's namespace."""
        return self.topic or f"{self.goal}/_action/status"

    @property
    def heard_type(self) -> str:
        """Its type."""
        return self.type or GOAL_TYPE


class WakeConfig(StrictModel):
    """All rules, and what holds for them together.

    Attributes:
        rate: Most wakes of all rules together.
        chain: How many events in a row the agent may have caused itself before they are left out.
        echo: What happens within this time after a turn, or after a goal of the agent, may be caused by it [s].
        stale: An event that had to wait longer for the end of a turn is left out [s].
        rules: The rules.
    """

    rate: Rate = Rate(count=20, period=3600.0)
    chain: Annotated[int, Field(ge=1, le=10)] = 2
    echo: Seconds = 5.0
    stale: Seconds = 300.0
    rules: list[WakeRule] = Field(default=[], max_length=MOST_RULES)


def problems_of(config: WakeConfig) -> list[str]:
    """Return in words everything about the rules that cannot work with the installed interfaces."""
    names = [rule.name for rule in config.rules]
    doubled = sorted({name for name in names if names.count(name) > 1})
    found = [f"wake rule '{name}' is there twice" for name in doubled]
    for rule in config.rules:
        found += [f"wake rule '{rule.name}': {problem}" for problem in _problems(rule)]
    return found


def _problems(rule: WakeRule) -> Iterator[str]:
    if rule.goal:
        return
    reason = reason_against_tool(rule.topic, rule.type)
    if reason and rule.type not in READABLE:
        yield f"topic '{rule.topic}' of type '{rule.type}' is nothing that an agent may hear: {reason}"
    try:
        if len(rule.type.split("/")) != 3 or rule.type.split("/")[1] != "msg":
            yield f"type '{printable(rule.type)}' is no message; valid: as std_msgs/msg/String"
            return
        load_definition(rule.type)
    except StrandsRobotsError as error:
        yield str(error)
        return
    for number, condition in enumerate(rule.when, 1):
        yield from (f"condition {number}: {problem}" for problem in _condition_problems(rule.type, condition))
    for path in rule.data:
        try:
            find_field(rule.type, path)
        except StrandsRobotsError as error:
            yield f"data: {error}"


def _condition_problems(kind: str, condition: Condition) -> Iterator[str]:
    try:
        found = find_field(kind, condition.field)
        constant_value(found, condition.equals if condition.equals is not None else condition.differs)
    except StrandsRobotsError as error:
        yield str(error)
        return
    is_number = "int" in found.kind or found.kind.startswith("float")
    if (condition.below is not None or condition.above is not None) and not is_number:
        yield f"field '{condition.field}' is of type {found.kind}; below and above are for numbers"
    if condition.appears is not None and found.kind not in ("string", "wstring"):
        yield f"field '{condition.field}' is of type {found.kind}; appears is for texts"


def split_path(path: str) -> list[tuple[str, int | None, bool]]:
    """Return name, index and whether every item is meant, for each step of a path; empty for what is no path."""
    steps = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            return []
        index = match["index"]
        steps.append((match["name"], int(index) if index else None, index == ""))
    return steps


def find_field(kind: str, path: str) -> InterfaceField:
    """Return the field of a message that a path names.

    Raises:
        UnknownNameError: If a part has no such field, or is used as what it is not; the message has the valid ones.
    """
    steps = split_path(path)
    found: InterfaceField | None = None
    for name, index, is_every in steps:
        fields = {field.name: field for field in load_definition(kind).parts[0].fields} if "/" in kind else {}
        if name not in fields:
            raise UnknownNameError(f"field of {kind}", name, fields)
        found = fields[name]
        if found.is_list != (index is not None or is_every):
            shape = f"{name}[] or {name}[0]" if found.is_list else name
            raise UnknownNameError(f"path in {kind}", path, [shape])
        kind = found.kind
    if found is None:
        raise UnknownNameError(f"path in {kind}", path, ["names between dots, with [] or [0] behind lists"])
    return found


def constant_value(field: InterfaceField, given: Any) -> Any:
    """Return a given value, a constant's for its name.

    Raises:
        UnknownNameError: If a number's text names no constant of the field.
    """
    if isinstance(given, str) and field.kind not in ("string", "wstring"):
        known = {constant.name: constant.value for constant in field.constants}
        if given not in known:
            raise UnknownNameError(f"constant of field '{field.name}'", given, known)
        return known[given]
    return given
