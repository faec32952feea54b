"""Several members' ledgers, and audit logs, held against each other: who took back what was already seen. No keys needed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785

from strands_robots.audit.log.record import RecordError, line_hash, parse
from strands_robots.audit.read.reader import LogReader
from strands_robots.fleet.bodies import Beacon, Witness
from strands_robots.fleet.envelope import Envelope, open_envelope
from strands_robots.fleet.presence import PRESENT
from strands_robots.fleet.refusal import FleetRefusedError
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.witness_book import is_authentic
from strands_robots.fleet.witness_ledger import read_ledger


@dataclass(frozen=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        code: rollback, equivocation, other_log, log_differs, log_too_short, silence, stopped_sending, forged.
        member: Whose log or beacons.
        words: What, for people.
    """

    code: str
    member: str
    words: str

    @property
    def is_broken(self) -> bool:
        """Whether it speaks against a log; a silence alone does not."""
        return self.code not in ("silence", "stopped_sending")


@dataclass
class _Seen:
    """What was said of one log: head by index, and the highest index by the member's own message number."""

    heads: dict[int, set[str]] = field(default_factory=dict)
    own: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class _Evidence:
    logs: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    first_log: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, member: str, words: str) -> None:
        finding = Finding(code, member, words)
        if finding not in self.findings:
            self.findings.append(finding)


def verify_witnesses(
    ledgers: Sequence[Path], roster: Roster, logs: Mapping[str, LogReader] | None = None
) -> tuple[list[Finding], int]:
    """Return what does not fit, and how many statements about logs were read.

    Args:
        ledgers: Folders of members, brought together on one machine.
        roster: Whose signatures count. A revoked member's earlier statements do not.
        logs: Audit logs by member, to be held against what was seen of them.

    Raises:
        ConfigurationError: If a ledger cannot be read.
    """
    evidence, count = _Evidence(), 0
    for folder in ledgers:
        last: dict[str, float] = {}
        for entry in read_ledger(folder):
            count += _take(entry, roster, evidence, last)
        for member in [member.name for member in roster.members if member.is_robot]:
            if last and last.get(member, float("inf")) > PRESENT:
                ago = f"for {last[member]:.0f} s" if member in last else "at all"
                evidence.add("stopped_sending", member, f"not heard {ago} when '{folder.name}' wrote its last line")
    for (member, log), seen in evidence.logs.items():
        _check_own(member, log, seen, evidence)
    for member, names in evidence.first_log.items():
        _check_logs(member, names, evidence)
    for member, reader in (logs or {}).items():
        _check_log(member, reader, evidence)
    return evidence.findings, count


def _take(entry: Mapping[str, Any], roster: Roster, evidence: _Evidence, last: dict[str, float]) -> int:
    if "silent" in entry:
        member, seconds = entry["silent"]
        evidence.add("silence", str(member), f"not heard for {seconds:g} s")
        return 0
    if "heard" in entry:
        last.clear()
        last.update({str(name): float(age) for name, age in entry["heard"].items()} or {"": 0.0})
        return 0
    envelope = _proven(entry, roster, evidence)
    if envelope is None:
        return 0
    body = envelope.body
    if isinstance(body, Beacon) and body.checkpoint is not None and is_authentic(body.checkpoint):
        point = body.checkpoint
        seen = evidence.logs.setdefault((envelope.sender, point.log), _Seen())
        seen.heads.setdefault(point.next_index, set()).add(point.head)
        seen.own.append((envelope.sequence, point.next_index))
        evidence.first_log.setdefault(envelope.sender, []).append((envelope.sequence, point.log))
        return 1
    if isinstance(body, Witness):
        # A member that contradicts one log says what it saw; that alone proves nothing against the log's owner.
        if body.finding:
            words = f"'{envelope.sender}' saw {body.finding} at index {body.next_index} of log {body.log[:8]}"
            evidence.add("rollback" if body.finding == "smaller_index" else "equivocation", body.member, words)
        else:
            seen = evidence.logs.setdefault((body.member, body.log), _Seen())
            seen.heads.setdefault(body.next_index, set()).add(body.head)
        return 1
    return 0


def _proven(entry: Mapping[str, Any], roster: Roster, evidence: _Evidence) -> Envelope | None:
    given = entry.get("beacon", entry.get("witness"))
    try:
        envelope = open_envelope(rfc8785.dumps(given))
    except (FleetRefusedError, rfc8785.CanonicalizationError):
        evidence.add("forged", "?", "a line of a ledger holds no message of this version")
        return None
    sender = roster.find(envelope.sender)
    if sender is None:
        return None
    if envelope.fleet != roster.fleet or not envelope.is_signed_by(sender.key):
        evidence.add(
            "forged", envelope.sender, f"a line of a ledger holds a message that '{envelope.sender}' did not sign"
        )
        return None
    return envelope


def _check_own(member: str, log: str, seen: _Seen, evidence: _Evidence) -> None:
    highest = -1
    for _, index in sorted(seen.own):
        if index < highest:
            evidence.add("rollback", member, f"log {log[:8]} stood at {highest} and later at {index}")
        highest = max(highest, index)
    for index, heads in sorted(seen.heads.items()):
        if len(heads) > 1:
            evidence.add("equivocation", member, f"log {log[:8]} has {len(heads)} different heads at index {index}")


def _check_logs(member: str, names: Iterable[tuple[int, str]], evidence: _Evidence) -> None:
    order = list(dict.fromkeys(log for _, log in sorted(names)))
    for before, after in itertools.pairwise(order):
        evidence.add(
            "other_log", member, f"began log {after[:8]} after {before[:8]}; the earlier one must still be kept"
        )


def _check_log(member: str, reader: LogReader, evidence: _Evidence) -> None:
    """Hold a log against what was seen of it: the hash of the line before each index that was witnessed."""
    identities, hashes, count = set[str](), dict[int, str](), 0
    for number in reader.segments():
        for line in reader.lines(number):
            if not line.is_complete:
                continue
            index = _index(line.data)
            if index is not None:
                count = max(count, index + 1)
                hashes[index + 1] = line_hash(line.data)
    known = {log: seen for (name, log), seen in evidence.logs.items() if name == member}
    for log, seen in known.items():
        fits = sum(hashes.get(index) in heads for index, heads in seen.heads.items())
        if fits == 0 and len(known) > 1:
            continue  # Another of the member's logs.
        identities.add(log)
        for index, heads in sorted(seen.heads.items()):
            if index > count:
                evidence.add("log_too_short", member, f"the log ends at {count}; {index} records were witnessed")
            elif index in hashes and hashes[index] not in heads:
                evidence.add("log_differs", member, f"the record before {index} is not the one that was witnessed")
    if known and not identities:
        evidence.add("log_differs", member, "the log is none of those that were witnessed")


def _index(data: bytes) -> int | None:
    try:
        return parse(data)[2].index
    except RecordError:
        return None
