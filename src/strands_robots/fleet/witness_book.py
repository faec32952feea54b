"""What members remember of each other's audit logs: a log that goes back, or has another past, is found out. No I/O.

Closes two limits of the audit's format: the holder of a log's keys can rewrite it, and an old copy can be put back. Other
machines have seen the newer checkpoint, and say so under signatures of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from strands_robots.audit.audit_key import AuditPublicKey
from strands_robots.audit.json_values import canonical
from strands_robots.audit.log.record import FORMAT
from strands_robots.fleet.bodies import Checkpoint, Witness


class WitnessBook:
    """The newest checkpoint of each log, and what contradicts it."""

    def __init__(self) -> None:
        self.newest: dict[tuple[str, str], Checkpoint] = {}
        self.findings: list[Witness] = []

    def see(self, member: str, checkpoint: Checkpoint | None) -> Iterator[Witness]:
        """Yield what is to be said of a member's checkpoint: a co-signature, or what it contradicts."""
        if checkpoint is None or not is_authentic(checkpoint):
            return
        place = (member, checkpoint.log)
        known = self.newest.get(place)
        if known == checkpoint:
            return
        finding = _finding(known, checkpoint)
        witness = Witness(
            member=member, log=checkpoint.log, next_index=checkpoint.next_index, head=checkpoint.head, finding=finding
        )
        if finding:
            self.findings.append(witness)
            del self.findings[:-1000]
        else:
            self.newest[place] = checkpoint
        yield witness


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
