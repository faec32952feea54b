"""What an agent's request needs before it is made: the policy file's ruling, rate limits, and a person's permit. No I/O.

A permit is kept by the request's hash (`permit_memory.py`) and never shown to the model. The same request made again uses
it, also by a later process of the agent; any other request has another hash and needs a permit of its own.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from strands_robots.agent.tools.permit_memory import PermitMemory, WaitingPermit
from strands_robots.approvals.approval_policy import ApprovalPolicy, RequestClass, Ruling, rule_on
from strands_robots.approvals.approval_request import CanonicalRequest
from strands_robots.approvals.never_tools import reason_against_tool
from strands_robots.approvals.rate_limit import RateLimits

_KEPT = frozenset({"no_answer", "pending"})
"""Refusals after which a permit may still be worth something."""


DECLINED = (
    "a person declined '{name}'. Do not retry it and do not vary it; do something else, or tell the user and end. "
    "Requests for '{name}' are refused without asking for a while"
)


@dataclass(frozen=True)
class DeskAnswer:
    """What approval_node says.

    Attributes:
        state: "granted", "waiting" or "refused".
        message: In words, never a person's.
        refusal: One word, when it is refused.
        request_id: What people call the request, when it waits.
        permit_id: Secret that uses the permit, when it waits.
    """

    state: str
    message: str
    refusal: str = ""
    request_id: str = ""
    permit_id: str = ""


class Desk(Protocol):
    """approval_node, as the guard needs it."""

    def is_there(self) -> bool:
        """Return whether it can be asked."""
        ...

    def ask(self, request: CanonicalRequest) -> DeskAnswer:
        """Ask whether a request may be made."""
        ...

    def use(self, permit_id: str, request: CanonicalRequest) -> DeskAnswer:
        """Use a permit; "granted", or "refused" with why."""
        ...


@dataclass(frozen=True)
class Admission:
    """Whether a request may be made now.

    Attributes:
        is_granted: Whether it may.
        kind: One word for why not, "approval_required" when a person decides; else empty.
        message: In words.
        request_id: What people call the request that waits.
        request_class: What the policy says of it.
    """

    is_granted: bool
    kind: str
    message: str
    request_id: str = ""
    request_class: RequestClass = RequestClass.NEEDS_APPROVAL


class Guard:
    """Decides about one agent's requests. May be used by several threads.

    Args:
        policy: The policy.
        desk: approval_node; it has the last word on everything that is not free.
        now: Steady clock [s].
        memory: Where permits that wait are kept; None for this process only.
        namespace: The graph's namespace; names in the policy's rules are seen from there.
    """

    def __init__(
        self,
        policy: ApprovalPolicy,
        desk: Desk,
        now: Callable[[], float] = time.monotonic,
        memory: PermitMemory | None = None,
        namespace: str = "",
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._desk = desk
        self._now = now
        self._limits = RateLimits()
        self._memory = memory or PermitMemory()
        self._lock = threading.Lock()

    def for_asker(self, desk: Desk, memory: PermitMemory) -> Guard:
        """Return the guard of another asker: permits of its own under the same policy; rate limits are shared."""
        made = copy.copy(self)
        made._desk, made._memory = desk, memory
        return made

    def is_shown(self, name: str, kind: str) -> bool:
        """Return whether an interface may be a tool at all."""
        if reason_against_tool(name, kind):
            return False
        return self.ruling(name, kind).request_class is not RequestClass.FORBIDDEN

    def ruling(self, name: str, kind: str) -> Ruling:
        """Return what the policy says of an interface."""
        return rule_on(self._policy, name.strip("/"), kind, self._namespace)

    def will_ask(self, request: CanonicalRequest) -> bool:
        """Return whether admitting a request would ask a person anew."""
        ruling = self.ruling(request.name, request.kind)
        return ruling.request_class is RequestClass.NEEDS_APPROVAL and self._memory.get(request.digest) is None

    def admit(self, request: CanonicalRequest) -> Admission:
        """Return whether exactly this request may be made now; granted, it counts as made."""
        ruling = self.ruling(request.name, request.kind)
        if ruling.request_class is RequestClass.FORBIDDEN:
            return Admission(False, "forbidden", f"'{request.name}' is never a tool: {ruling.words}")
        with self._lock:
            if ruling.request_class is RequestClass.FREE:
                return self._count(request, ruling)
            if self._desk.is_there():
                return self._ask(request, ruling)
            if ruling.request_class is RequestClass.AUDITED:
                return self._count(request, ruling)
        return Admission(
            False,
            "nobody_decides",
            f"'{request.name}' needs a person's approval ({ruling.words}), and approval_node is not running; "
            "valid: a graph started with --approvals and a keyring, or a policy that allows it",
        )

    def _count(self, request: CanonicalRequest, ruling: Ruling) -> Admission:
        if ruling.rate is not None:
            now = self._now()
            if not self._limits.is_free(request.name, ruling.rate, now):
                return Admission(
                    False,
                    "rate_limited",
                    f"'{request.name}' was called {ruling.rate.count} times in {ruling.rate.period:g} s; valid: less",
                )
            self._limits.count(request.name, ruling.rate, now)
        return Admission(True, "", ruling.words, request_class=ruling.request_class)

    def _ask(self, request: CanonicalRequest, ruling: Ruling) -> Admission:
        known = self._memory.get(request.digest)
        if known is not None:
            return self._use(known, request, ruling)
        answer = self._desk.ask(request)
        if answer.state == "granted":
            return Admission(True, "", answer.message, request_class=ruling.request_class)
        if answer.state != "waiting":
            return Admission(False, answer.refusal or "refused", answer.message)
        self._memory.keep(request.digest, WaitingPermit(answer.request_id, answer.permit_id))
        return _waits(request, answer.request_id)

    def _use(self, known: WaitingPermit, request: CanonicalRequest, ruling: Ruling) -> Admission:
        answer = self._desk.use(known.permit_id, request)
        if answer.state != "granted" and answer.refusal in _KEPT:
            if answer.refusal == "pending":
                return _waits(request, known.request_id)
            return Admission(False, answer.refusal, answer.message)
        self._memory.forget(request.digest)
        if answer.state == "granted":
            return Admission(True, "", "approved by a person", known.request_id, ruling.request_class)
        if answer.refusal == "declined":
            return Admission(False, "declined", DECLINED.format(name=request.name))
        return Admission(False, answer.refusal or "refused", answer.message)


def _waits(request: CanonicalRequest, request_id: str) -> Admission:
    words = f"request {request_id} for '{request.name}' waits for a person's decision"
    return Admission(False, "approval_required", words, request_id)
