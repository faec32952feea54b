"""What members remember of each other's audit logs: a log that goes back, or has another past, is found out.

Closes two limits of the audit's format: the holder of a log's keys can rewrite it, and an old copy can be put back. Other
machines have seen the newer checkpoint, and say so under signatures of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal

import rfc8785

from strands_robots.audit.audit_key import AuditPublicKey
from strands_robots.audit.json_values import canonical
from strands_robots.audit.log.record import FORMAT
from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.bodies import Beacon, Checkpoint, Witness
from strands_robots.fleet.envelope import Envelope, open_envelope
from strands_robots.fleet.refusal import FleetRefusedError
from strands_robots.fleet.witness_ledger import WitnessLedger, read_ledger

PERIOD = 10.0
"""Time between two co-signatures of one log [s]. A contradiction is said at once."""

_MOST_FINDINGS = 1000


class WitnessBook:
    """The newest checkpoint of each log, and what contradicts it.

    Args:
        ledger: Where what is witnessed is kept; None for nowhere.
        members: Returns those whose logs are witnessed now; None for all.
        now: Steady clock [s].
    """

    def __init__(
        self,
        ledger: WitnessLedger | None = None,
        members: Callable[[], Collection[str]] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.newest: dict[tuple[str, str], Checkpoint] = {}
        self.findings: list[Witness] = []
        self._ledger, self._members, self._now = ledger, members, now
        self._signed: dict[tuple[str, str], float] = {}

    def see(self, envelope: Envelope) -> Iterator[Witness]:
        """Yield what is to be said of a beacon's checkpoint: a co-signature, or what it contradicts."""
        member, body = envelope.sender, envelope.body
        checkpoint = body.checkpoint if isinstance(body, Beacon) else None
        if checkpoint is None or (self._members is not None and member not in self._members()):
            return
        place = (member, checkpoint.log)
        known = self.newest.get(place)
        if known == checkpoint or not is_authentic(checkpoint):
            return
        finding = _finding(known, checkpoint)
        witness = Witness(
            member=member, log=checkpoint.log, next_index=checkpoint.next_index, head=checkpoint.head, finding=finding
        )
        if finding:
            is_new = witness not in self.findings
            self.findings.append(witness)
            del self.findings[:-_MOST_FINDINGS]
        else:
            self.newest[place] = checkpoint
            is_new = self._now() - self._signed.get(place, float("-inf")) >= PERIOD
        if is_new:
            self._signed[place] = self._now()
            if self._ledger is not None:
                self._ledger.beacon(envelope)
            yield witness

    def remember(self, folder: Path) -> None:
        """Take up what a ledger of an earlier start says; one that cannot be read begins anew."""
        try:
            entries = list(read_ledger(folder))
        except (ConfigurationError, OSError):
            return
        for entry in entries:
            if "beacon" in entry:
                try:
                    body = open_envelope(rfc8785.dumps(entry["beacon"]))
                except FleetRefusedError:
                    continue
                checkpoint = body.body.checkpoint if isinstance(body.body, Beacon) else None
                if checkpoint is not None:
                    place = (body.sender, checkpoint.log)
                    known = self.newest.get(place)
                    if known is None or checkpoint.next_index > known.next_index:
                        self.newest[place] = checkpoint


def _finding(known: Checkpoint | None, given: Checkpoint) -> Literal["", "smaller_index", "other_head"]:
    if known is None or given.next_index > known.next_index:
        return ""
    if given.next_index < known.next_index:
        return "smaller_index"
    return "" if given.head == known.head else "other_head"


def is_authentic(checkpoint: Checkpoint) -> bool:
    """Return whether the audit key that the checkpoint names signed it."""
    signed = canonical(
        {
            "head": checkpoint.head,
            "key": checkpoint.key,
            "log": checkpoint.log,
            "next_index": checkpoint.next_index,
            "segment": checkpoint.segment,
            "v": FORMAT,
            "wall_us": checkpoint.wall_us,
        }
    )
    return AuditPublicKey(bytes.fromhex(checkpoint.key)).is_signature(bytes.fromhex(checkpoint.signature), signed)
