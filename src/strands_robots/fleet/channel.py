"""One member's side of the fleet: seals what it says, and lets in only what a member of the roster said and may say. No I/O."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.fleet.bodies import Body
from strands_robots.fleet.envelope import Envelope, open_envelope, seal
from strands_robots.fleet.member import Member, MemberKind
from strands_robots.fleet.message_numbers import Numbers
from strands_robots.fleet.outbox import Outbox
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.roster_keeper import RosterKeeper
from strands_robots.fleet.topics import INWARD, NEEDED, RENEWAL
from strands_robots.operators.operator_key import OperatorKey

RATE = 20.0
"""Messages of one sender that are taken in a second, stops not counted: they are never too many."""

BURST = 40.0
_FROM_ROBOTS = ("stop_report", "challenge", "result", "picture")


@dataclass(frozen=True)
class Received:
    """A message that was let in, and the member that sent it."""

    sender: Member
    envelope: Envelope

    @property
    def body(self) -> Body:
        """What it says."""
        return self.envelope.body


class Channel:
    """Seals and opens messages. May be used by several threads.

    Args:
        key: The member's own key.
        keeper: The roster; the member is on it.
        numbers: Gives messages their numbers.
        now: Steady clock [s].

    Raises:
        ConfigurationError: If the key is not that of a member.
    """

    def __init__(
        self, key: OperatorKey, keeper: RosterKeeper, numbers: Numbers, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.key, self.keeper, self.numbers = key, keeper, numbers
        self.outbox = Outbox()
        self._now = now
        self._lock = threading.Lock()
        self._marks: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, tuple[float, float]] = {}
        self.refusals: Counter[tuple[str, str]] = Counter()
        me = self.roster.find(key.name)
        if me is None or me.key != key.public:
            raise ConfigurationError(
                f"'{key.name}' with this key is not on roster {self.roster.version} of '{self.roster.fleet}'; "
                "valid: a member that was enrolled"
            )
        self._me = me

    @property
    def roster(self) -> Roster:
        """The present roster."""
        return self.keeper.roster

    @property
    def me(self) -> Member:
        """The member itself; what it was last on the roster when it is on it no more."""
        found = self.roster.find(self.key.name)
        if found is not None:
            self._me = found
        return self._me

    def seal(self, to: str, body: Body) -> Envelope:
        """Return a message of this member's."""
        return seal(self.key, self.roster.fleet, to, self.numbers.next(), body)

    def open(self, data: bytes) -> Received:
        """Return a message from outside.

        A stop has no number to be judged by and no rate: every member with the right to stop is heard.

        Raises:
            FleetRefusedError: If it is not let in; it is counted in `refusals`.
        """
        try:
            return self._open(data)
        except FleetRefusedError as error:
            self.count(error)
            raise

    def count(self, error: FleetRefusedError) -> None:
        """Count a refusal; senders that are not on the roster count as one, so that their names fill no memory."""
        known = error.sender if self.roster.find(error.sender) is not None else "unknown"
        with self._lock:
            self.refusals[error.refusal.value, known] += 1

    def take_refusals(self) -> dict[tuple[str, str], int]:
        """Return what was refused since the last call, by reason and sender, for the audit log."""
        with self._lock:
            taken, self.refusals = dict(self.refusals), Counter()
        return taken

    def _open(self, data: bytes) -> Received:
        envelope = open_envelope(data)
        sender = self._sender(envelope)
        self._check_rights(sender, envelope)
        # What robots say is for every member that may listen: evidence of a stop helps all operators, not only the asker.
        if envelope.kind in INWARD and not self.me.is_addressed_by(envelope.to):
            raise FleetRefusedError(
                FleetRefusal.NOT_ADDRESSED, f"a {envelope.kind} to '{printable(envelope.to)}'", sender.name
            )
        if envelope.kind != "stop":
            with self._lock:
                self._check_number(sender, envelope)
                self._check_rate(sender)
        return Received(sender, envelope)

    def _sender(self, envelope: Envelope) -> Member:
        roster, claimed = self.roster, printable(envelope.sender)
        if envelope.fleet != roster.fleet:
            text = f"a message of fleet '{printable(envelope.fleet)}'; valid: '{roster.fleet}'"
            raise FleetRefusedError(FleetRefusal.WRONG_FLEET, text, claimed)
        sender = roster.find(envelope.sender)
        if sender is None:
            text = f"'{claimed}' is not on roster {roster.version}"
            raise FleetRefusedError(FleetRefusal.NOT_ON_ROSTER, text, claimed)
        if not envelope.is_signed_by(sender.key):
            text = f"a {envelope.kind} that '{claimed}' did not sign"
            raise FleetRefusedError(FleetRefusal.WRONG_SIGNATURE, text, claimed)
        return sender

    def _check_rights(self, sender: Member, envelope: Envelope) -> None:
        kind = envelope.kind
        if kind == "stop":
            is_allowed = sender.may_stop(envelope.to)
        elif kind == RENEWAL:
            is_allowed = sender.kind is MemberKind.OPERATOR
        elif kind in NEEDED:
            is_allowed = sender.kind is MemberKind.OPERATOR and NEEDED[kind] in sender.rights
        else:
            is_allowed = sender.is_robot or kind not in _FROM_ROBOTS
        if not is_allowed:
            rights = ", ".join(sorted(right.value for right in sender.rights)) or "none"
            text = f"{sender.kind.value} '{sender.name}' may not send a {kind} to '{printable(envelope.to)}'; its rights: {rights}"
            raise FleetRefusedError(FleetRefusal.NOT_ALLOWED, text, sender.name)

    def _check_number(self, sender: Member, envelope: Envelope) -> None:
        place = (sender.key.key_id, envelope.kind)
        mark = self._marks.get(place, -1)
        if envelope.sequence <= mark:
            text = (
                f"{envelope.kind} number {envelope.sequence} of '{sender.name}'; valid: above {mark}, which was heard"
            )
            raise FleetRefusedError(FleetRefusal.REPEATED, text, sender.name)
        self._marks[place] = envelope.sequence

    def _check_rate(self, sender: Member) -> None:
        now = self._now()
        tokens, since = self._tokens.get(sender.name, (BURST, now))
        tokens = min(BURST, tokens + (now - since) * RATE)
        if tokens < 1.0:
            self._tokens[sender.name] = (tokens, now)
            text = f"'{sender.name}' sends more than {RATE:g} messages a second"
            raise FleetRefusedError(FleetRefusal.TOO_MANY, text, sender.name)
        self._tokens[sender.name] = (tokens - 1.0, now)
