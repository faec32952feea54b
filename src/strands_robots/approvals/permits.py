"""One-shot permits: a request waits for a person, becomes a permit, and is used once. The files behind it are not here.

A request is known to people by its `request_id`. The permit has another, secret id that only the asker gets, and is
remembered by its hash only. Who asks is what the asker says: a permit is worth something only to who holds its id and
repeats the same request to the last bit.
"""

from __future__ import annotations

import enum
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from strands_robots.approvals.approval_policy import ApprovalPolicy, RequestClass, Ruling, rule_on
from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest
from strands_robots.approvals.decision import Decision, check_decision
from strands_robots.approvals.decline_memory import DeclineMemory
from strands_robots.approvals.rate_limit import RateLimits
from strands_robots.core.text import printable
from strands_robots.operators.keyring import Keyring

_MOST_FINISHED = 256
_REMEMBERED = 600.0
"""How long a finished request can still be asked about [s]."""


class Moment(NamedTuple):
    """Now, on the clock that survives a restart and on the one that never jumps.

    Attributes:
        wall: Wall clock [s since 1970 UTC].
        steady: Monotonic clock [s].
    """

    wall: float
    steady: float


class PermitState(enum.IntEnum):
    """State of a request; numbers as in msg/ApprovalRequest."""

    PENDING = 1
    APPROVED = 2
    DECLINED = 3
    EXPIRED = 4
    USED = 5


@dataclass(frozen=True)
class Asker:
    """Who asks, as "class/name", and that start of it."""

    source: str
    session: str


@dataclass(frozen=True)
class Ticket:
    """One request on its way.

    Attributes:
        request_id: What people call it.
        permit_hash: SHA-256 of the permit's id.
        request: What is asked, exactly.
        asker: Who asks.
        ruling: What the policy said.
        state: Where it stands.
        asked: Wall clock [s].
        expires: Steady time after which it is worth nothing [s].
        expires_wall: The same on the wall clock [s].
        decision: The decision; None while pending.
        decided_by: The operator who decided, as "operator/<name>".
    """

    request_id: str
    permit_hash: str
    request: CanonicalRequest
    asker: Asker
    ruling: Ruling
    state: PermitState
    asked: float
    expires: float
    expires_wall: float
    decision: Decision | None = None
    decided_by: str = ""


class Journal(Protocol):
    """Remembers permits and their use, so that a restart neither loses nor doubles one."""

    def approved(self, ticket: Ticket, now: Moment) -> None:
        """Record a permit. Raises OSError when it is not on the disk."""

    def used(self, ticket: Ticket, now: Moment) -> None:
        """Record the use of a permit. Raises OSError when it is not on the disk."""


@dataclass(frozen=True)
class PermitAnswer:
    """What an asker is told.

    Attributes:
        request_class: Class of the request; FREE and AUDITED may go on at once.
        ticket: The request that waits; None when it does not.
        permit_id: The secret that uses the permit later; empty when nothing waits.
        words: Which rule decided.
    """

    request_class: RequestClass
    ticket: Ticket | None
    permit_id: str
    words: str


class PermitDesk:
    """Takes requests, decisions and uses. Not thread-safe: one node's executor calls it.

    Args:
        policy: What needs what.
        keyring: Whose decisions count.
        journal: Where permits and uses are recorded before the asker is told.
        run_id: Run of the graph; a decision is signed for one run.
        permits: Permits of an earlier start, from the journal.
        namespace: The graph's namespace; names in the policy's rules are seen from there.
    """

    def __init__(
        self,
        policy: ApprovalPolicy,
        keyring: Keyring,
        journal: Journal,
        run_id: str,
        permits: tuple[Ticket, ...] = (),
        namespace: str = "",
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._keyring = keyring
        self._journal = journal
        self._run_id = run_id
        self._rates = RateLimits()
        self._declined = DeclineMemory(policy.decline_memory)
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        for ticket in permits:
            self._tickets[ticket.request_id] = ticket
            if ticket.state is PermitState.APPROVED:
                self._rates.reserve(ticket.request.name)

    def tickets(self) -> tuple[Ticket, ...]:
        """Return every request that is known, the oldest first."""
        return tuple(self._tickets.values())

    def ask(self, request: CanonicalRequest, asker: Asker, now: Moment) -> PermitAnswer:
        """Take a request.

        Raises:
            ApprovalRefusedError: NO_ASKER, FORBIDDEN, RATE_LIMITED, DECLINED_LATELY, ALREADY_PENDING,
                TOO_MANY_PENDING or NOT_RECORDED.
        """
        if not asker.source.strip() or not asker.session:
            raise ApprovalRefusedError(
                ApprovalRefusal.NO_ASKER, "no asker is given; valid: who asks, as 'agent/<name>', and its session"
            )
        ruling = rule_on(self._policy, request.name, request.kind, self._namespace)
        if ruling.request_class is RequestClass.FORBIDDEN:
            raise ApprovalRefusedError(
                ApprovalRefusal.FORBIDDEN, f"'{request.name}' ({request.kind}) is forbidden: {ruling.words}"
            )
        if ruling.request_class is RequestClass.NEEDS_APPROVAL:
            self.tick(now)
            lost = self._give_back(request, asker, now)
            if lost is not None:
                return lost
        if ruling.rate is not None and not self._rates.is_free(request.name, ruling.rate, now.steady):
            raise ApprovalRefusedError(
                ApprovalRefusal.RATE_LIMITED,
                f"'{request.name}' was made or asked for {ruling.rate.count} times within {ruling.rate.period:g} s",
            )
        if ruling.request_class is not RequestClass.NEEDS_APPROVAL:
            if ruling.rate is not None:
                self._rates.count(request.name, ruling.rate, now.steady)
            return PermitAnswer(ruling.request_class, None, "", ruling.words)
        self._check_room(request, asker, now)
        return self._open(request, asker, ruling, now)

    def decide(self, decision: Decision, now: Moment) -> Ticket:
        """Take a person's decision and return the request as it stands then.

        Raises:
            ApprovalRefusedError: UNKNOWN_REQUEST, ALREADY_DECIDED, EXPIRED, a reason of `check_decision`, or
                NOT_RECORDED.
        """
        self.tick(now)
        ticket = self._tickets.get(decision.request_id)
        if ticket is None:
            raise ApprovalRefusedError(
                ApprovalRefusal.UNKNOWN_REQUEST, f"no request '{printable(decision.request_id)}' is known"
            )
        if ticket.state is not PermitState.PENDING:
            reason = ApprovalRefusal.EXPIRED if ticket.state is PermitState.EXPIRED else ApprovalRefusal.ALREADY_DECIDED
            raise ApprovalRefusedError(reason, f"request {ticket.request_id} is {ticket.state.name.lower()}")
        operator = check_decision(
            decision, ticket.request.digest, ticket.asker.source, self._run_id, self._keyring, ticket.ruling.by
        )
        lifetime = ticket.ruling.permit_lifetime
        decided = replace(
            ticket,
            state=PermitState.APPROVED if decision.is_approved else PermitState.DECLINED,
            decision=decision,
            decided_by=operator.source,
            expires=now.steady + lifetime,
            expires_wall=now.wall + lifetime,
        )
        if decision.is_approved:
            self._record(self._journal.approved, decided, now)
            self._declined.approved(ticket.asker.source, ticket.request.name)
        else:
            self._rates.give_back(ticket.request.name)
            self._declined.declined(ticket.asker.source, ticket.request.name, now.steady)
        self._tickets[ticket.request_id] = decided
        return decided

    def use(self, permit_id: str, request: CanonicalRequest, asker: Asker, now: Moment) -> Ticket:
        """Use up a permit for exactly this request and return it; on the disk before this returns.

        Raises:
            ApprovalRefusedError: UNKNOWN_PERMIT, WRONG_ASKER, WRONG_REQUEST, PENDING, DECLINED, EXPIRED, ALREADY_USED,
                FORBIDDEN when the policy has changed, or NOT_RECORDED, which uses it up as well.
        """
        self.tick(now)
        ticket = self._find(permit_id)
        if ticket.asker != asker:
            raise ApprovalRefusedError(ApprovalRefusal.WRONG_ASKER, "the permit was given to another asker")
        if ticket.request.digest != request.digest:
            raise ApprovalRefusedError(
                ApprovalRefusal.WRONG_REQUEST,
                f"the permit is for hash {ticket.request.digest}; given {request.digest}; "
                "valid: exactly the same request",
            )
        if ticket.state is not PermitState.APPROVED:
            raise ApprovalRefusedError(_NOT_USABLE[ticket.state], _WORDS[ticket.state])
        ruling = rule_on(self._policy, request.name, request.kind, self._namespace)
        if ruling.request_class is RequestClass.FORBIDDEN:
            raise ApprovalRefusedError(ApprovalRefusal.FORBIDDEN, f"'{request.name}' is forbidden now")
        used = replace(ticket, state=PermitState.USED)
        # Before the disk: a permit whose use may or may not be recorded is used up.
        self._tickets[ticket.request_id] = used
        self._rates.give_back(request.name)
        if ticket.ruling.rate is not None:
            self._rates.count(request.name, ticket.ruling.rate, now.steady)
        self._record(self._journal.used, used, now)
        return used

    def tick(self, now: Moment) -> tuple[Ticket, ...]:
        """Let what is too old expire, and return it; call it at least once a second."""
        expired = []
        for ticket in self.tickets():
            is_open = ticket.state in (PermitState.PENDING, PermitState.APPROVED)
            if is_open and (now.steady >= ticket.expires or now.wall >= ticket.expires_wall):
                ended = replace(ticket, state=PermitState.EXPIRED, expires=now.steady)
                self._tickets[ticket.request_id] = ended
                self._rates.give_back(ticket.request.name)
                expired.append(ended)
            elif not is_open and now.steady >= ticket.expires + _REMEMBERED:
                del self._tickets[ticket.request_id]
        self._declined.forget(now.steady)
        self._forget_oldest()
        return tuple(expired)

    def _check_room(self, request: CanonicalRequest, asker: Asker, now: Moment) -> None:
        pause = self._declined.left(asker.source, request.name, now.steady)
        if pause > 0.0:
            raise ApprovalRefusedError(
                ApprovalRefusal.DECLINED_LATELY,
                f"a request for '{request.name}' was declined; no person is asked again for {pause:.0f} s. "
                "Do not retry it and do not vary it",
            )
        waiting = [ticket for ticket in self.tickets() if ticket.state is PermitState.PENDING]
        own = [ticket for ticket in waiting if ticket.asker.source == asker.source]
        same = next((ticket for ticket in own if ticket.request.digest == request.digest), None)
        if same is not None:
            left = same.expires - now.steady
            raise ApprovalRefusedError(
                ApprovalRefusal.ALREADY_PENDING,
                f"the same request of another start of '{printable(asker.source)}' waits for a decision; "
                f"it expires in {left:.0f} s",
            )
        if len(waiting) >= self._policy.most_pending or len(own) >= self._policy.most_pending_of_asker:
            raise ApprovalRefusedError(
                ApprovalRefusal.TOO_MANY_PENDING,
                f"{len(waiting)} requests wait for a decision, {len(own)} of them of '{printable(asker.source)}'",
            )

    def _give_back(self, request: CanonicalRequest, asker: Asker, now: Moment) -> PermitAnswer | None:
        """Return a request that its asker has already made, with a new secret for its permit; None when there is none.

        The asker asks twice only when the answer was lost, and with it the permit's id, which is not kept here.
        """
        for ticket in self.tickets():
            is_open = ticket.state in (PermitState.PENDING, PermitState.APPROVED)
            if not is_open or ticket.asker != asker or ticket.request.digest != request.digest:
                continue
            permit_id = secrets.token_hex(16)
            again = replace(ticket, permit_hash=hash_permit(permit_id))
            if ticket.state is PermitState.APPROVED:
                # The old id first: a crash in between costs the permit, and never doubles it.
                self._record(self._journal.used, ticket, now)
                self._tickets[ticket.request_id] = again
                self._record(self._journal.approved, again, now)
            self._tickets[ticket.request_id] = again
            return PermitAnswer(ticket.ruling.request_class, again, permit_id, ticket.ruling.words)
        return None

    def _open(self, request: CanonicalRequest, asker: Asker, ruling: Ruling, now: Moment) -> PermitAnswer:
        permit_id = secrets.token_hex(16)
        lifetime = self._policy.request_lifetime
        ticket = Ticket(
            request_id=secrets.token_hex(8),
            permit_hash=hash_permit(permit_id),
            request=request,
            asker=asker,
            ruling=ruling,
            state=PermitState.PENDING,
            asked=now.wall,
            expires=now.steady + lifetime,
            expires_wall=now.wall + lifetime,
        )
        self._tickets[ticket.request_id] = ticket
        self._rates.reserve(request.name)
        return PermitAnswer(ruling.request_class, ticket, permit_id, ruling.words)

    def _find(self, permit_id: str) -> Ticket:
        permit_hash = hash_permit(permit_id)
        for ticket in self._tickets.values():
            if ticket.permit_hash == permit_hash:
                return ticket
        raise ApprovalRefusedError(ApprovalRefusal.UNKNOWN_PERMIT, "no such permit is known; valid: ask for one")

    def _forget_oldest(self) -> None:
        finished = [
            ticket for ticket in self.tickets() if ticket.state not in (PermitState.PENDING, PermitState.APPROVED)
        ]
        for ticket in finished[:-_MOST_FINISHED]:
            del self._tickets[ticket.request_id]

    @staticmethod
    def _record(write: Callable[[Ticket, Moment], None], ticket: Ticket, now: Moment) -> None:
        try:
            write(ticket, now)
        except OSError as error:
            raise ApprovalRefusedError(
                ApprovalRefusal.NOT_RECORDED, f"the permit cannot be recorded: {error.strerror or error}"
            ) from error


def hash_permit(permit_id: str) -> str:
    """Return the hash under which a permit is remembered."""
    return hashlib.sha256(b"strands_robots permit 1\n" + permit_id.encode()).hexdigest()


_NOT_USABLE = {
    PermitState.PENDING: ApprovalRefusal.PENDING,
    PermitState.DECLINED: ApprovalRefusal.DECLINED,
    PermitState.EXPIRED: ApprovalRefusal.EXPIRED,
    PermitState.USED: ApprovalRefusal.ALREADY_USED,
}
_WORDS = {
    PermitState.PENDING: "no person has decided yet",
    PermitState.DECLINED: "declined",
    PermitState.EXPIRED: "expired",
    PermitState.USED: "the permit was used already; valid: one use for each permit",
}
"""What the asker is told; never a word of the person who decided."""
