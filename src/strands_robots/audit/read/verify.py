"""Verification of a log: with the HMAC key, the public key, or both. Knows nothing of how a log is stored or written.

Every line is read once; memory stays bounded. `_Pass.line` is the whole idea: form, MAC, place, chain.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from strands_robots.audit.audit_key import AuditPublicKey, MacKey
from strands_robots.audit.json_values import canonical
from strands_robots.audit.log.checkpoint import Checkpoint, CheckpointError, parse_checkpoint, parse_checkpoint_text
from strands_robots.audit.log.layout import HEAD_BYTES, segment_name
from strands_robots.audit.log.lines import LogLine
from strands_robots.audit.log.ranges import Ranges
from strands_robots.audit.log.record import NO_HASH, Record, RecordError, line_hash, parse
from strands_robots.audit.read.findings import Report
from strands_robots.audit.read.reader import LogReader
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import NotAFileError
from strands_robots.core.text import printable

_REMEMBERED = 128
"""How many of the last hashes are kept, to check the chain between records that stand at the wrong place."""


@dataclass(frozen=True)
class VerifyKeys:
    """What the verifier knows.

    Attributes:
        mac: The HMAC key; None when only the public key is there.
        public: The public key; None when only the HMAC key is there.
    """

    mac: MacKey | None = None
    public: AuditPublicKey | None = None


def verify(log: LogReader, keys: VerifyKeys, anchors: Sequence[Checkpoint] = ()) -> Report:
    """Return what is wrong with a log.

    Args:
        log: The log.
        keys: At least one key.
        anchors: Checkpoints kept outside the log, which it must still contain.

    Raises:
        ConfigurationError: If no key is given.
        OSError: If the log cannot be read.
    """
    if keys.mac is None and keys.public is None:
        raise ConfigurationError("no key is given; valid: the HMAC key, the public key, or both")
    report = Report()
    head = _read_head(log, keys, report)  # Before the segments, so that a log that is being written is never behind it.
    run = _Pass(keys, report, anchors if head is None else (*anchors, head))
    segments = log.segments()
    for number in segments:
        run.begin(number)
        try:
            for line in log.lines(number):
                run.line(line)
        except NotAFileError as error:
            report.add("not_a_file", str(error.strerror), number)
    if run.next_index == 0:
        report.add("empty", f"the log has no record in its {len(segments)} segments")
    else:
        run.end()
    _check_head(run, head)
    for anchor in anchors:
        _check_anchor(run, anchor)
    run.name_unsigned()
    return report


class _Pass:
    """The state while the lines go by."""

    def __init__(self, keys: VerifyKeys, report: Report, checkpoints: Sequence[Checkpoint]) -> None:
        self.report = report
        self.next_index = 0
        self.missing = Ranges()
        self.lost = Ranges()
        self.known = {checkpoint.head.next_index - 1: "" for checkpoint in checkpoints}
        self.signed_index = 0
        self._keys = keys
        self._mac = keys.mac
        self._segment = -1
        self._place = 0
        self._hashes: OrderedDict[int, str] = OrderedDict({-1: NO_HASH})
        self._named_changed = -1
        self._start: tuple[int, Record] | None = None
        self._pruned: list[Record] = []
        self._last_kind = ""
        self._is_previous_missing = False
        self._has_ended = False

    def begin(self, number: int) -> None:
        """A segment begins."""
        self._is_previous_missing = number != self._segment + 1
        self._segment = number
        self._place = 0
        self._has_ended = False

    def line(self, line: LogLine) -> None:
        """Check one line."""
        self.report.size += len(line.data) + line.has_newline
        if not line.has_newline:
            if self._has_ended:
                self._add("after_end", f"bytes follow at offset {line.offset}, after the writer had ended in order")
                return
            self._add("torn", f"{len(line.data)} bytes of an interrupted write at offset {line.offset}")
            return
        self._place += 1
        try:
            if not line.is_complete:
                raise RecordError("the line is too long for a record")
            mac, body, record = parse(line.data)
        except RecordError as error:
            self._add("unreadable", f"line {self._place}: {error}", self.next_index)
            self._accept(self.next_index, "")
            return
        self.report.records += 1
        self._check_segment(record)
        if self._mac is not None and not hmac.compare_digest(self._mac.of_record(body), mac):
            self._add("changed", f"line {self._place}: the MAC does not fit the record", self.next_index)
            self._named_changed = self.next_index
            self._accept(self.next_index, line_hash(line.data))
            return
        self._check_place(record)
        self._check_chain(record)
        self._check_kind(record)
        self._accept(record.index, line_hash(line.data))
        self._last_kind = record.kind
        self._has_ended = record.kind == "log_end"

    def end(self) -> None:
        """All lines went by: say what never came."""
        for first, last in self.missing:
            self._add_missing(first, last)
        if self._start is not None:
            self._check_start(*self._start)
        if self._last_kind != "log_end":
            self.report.add("unclean_end", "the writer did not end in order: it was killed, or is still running")

    def name_unsigned(self) -> None:
        """Say which records only the HMAC key could check."""
        if self._mac is None and self.signed_index < self.next_index:
            count = self.next_index - self.signed_index
            self.report.add(
                "unsigned", f"{count} records from {self.signed_index} on are not signed yet", index=self.signed_index
            )

    def _add(self, code: str, message: str, index: int | None = None) -> None:
        self.report.add(code, f"{segment_name(self._segment)}: {message}", self._segment, index)

    def _accept(self, index: int, digest: str) -> None:
        """Take a record's hash into the chain."""
        if index in self.known:
            self.known[index] = digest
        self._hashes[index] = digest
        if len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)
        self.next_index = max(self.next_index, index + 1)

    def _check_segment(self, record: Record) -> None:
        """A segment begins with segment_start, which names it, and has no other."""
        if (record.kind == "segment_start") != (self._place == 1):
            self._add("segment_misplaced", f"line {self._place} is a record of kind '{record.kind}'", record.index)
            return
        if record.kind != "segment_start":
            return
        details = record.details
        if self._start is None:
            self._start = (self._segment, record)
            self.next_index = max(self.next_index, record.index)
            self.report.log = str(details.get("log"))
            if record.index:
                self._hashes.clear()
        if details.get("log") != self.report.log or details.get("segment") != self._segment:
            self._add(
                "segment_misplaced",
                f"the file says it is segment {details.get('segment')} of log {details.get('log')}",
                record.index,
            )
        if self._mac is not None and details.get("mac_key") != self._mac.name:
            self._add(
                "wrong_key", f"the HMAC key is {self._mac.name}, the segment was written with {details.get('mac_key')}"
            )
            self._mac = None
        if self._keys.public is not None and details.get("key") != self._keys.public.name:
            self._add(
                "wrong_key", f"the public key is {self._keys.public.name}, the segment names {details.get('key')}"
            )

    def _check_place(self, record: Record) -> None:
        lost = _lost(record)
        if lost is not None:
            self.lost.add(*lost)
            self._add("lost", f"records {lost[0]} to {lost[1]} were lost before the writer started again", record.index)
        if record.index > self.next_index:
            self._skip(self.next_index, record.index - 1)
        elif record.index < self.next_index:
            if self.missing.remove(record.index):
                self._add(
                    "out_of_order", f"line {self._place} is record {record.index}, which belongs before", record.index
                )
            else:
                self._add("repeated", f"line {self._place} is record {record.index} once more", record.index)

    def _skip(self, first: int, last: int) -> None:
        """Records are missing here; unless the log named them as lost, they may still come at another place."""
        if self.lost.covers(first, last):
            return
        if self._is_previous_missing and self._place == 1:
            self._add("segment_missing", f"segments before this one are missing, with records {first} to {last}", first)
        else:
            self.missing.add(first, last)

    def _add_missing(self, first: int, last: int) -> None:
        self.report.add("removed", f"records {first} to {last} are missing", index=first)

    def _check_chain(self, record: Record) -> None:
        before = self._hashes.get(record.index - 1)
        if before and before != record.previous and self._named_changed != record.index - 1:
            self._add(
                "changed",
                f"record {record.index - 1} is not the one that record {record.index} follows",
                record.index - 1,
            )

    def _check_kind(self, record: Record) -> None:
        details = record.details
        if record.kind == "checkpoint":
            self._check_checkpoint(record)
        elif record.kind == "pruned":
            self._pruned.append(record)
        elif record.kind == "poison" and details.get("lost") != 0:
            self._add("lost", f"{details.get('lost')} events were lost: {_ascii(details.get('reason'))}", record.index)
        elif record.kind == "sequence_gap":
            source = _ascii(details.get("source"))
            message = f"events {details.get('from')} to {details.get('to')} of {source} never arrived"
            self._add("sequence_gap", message, record.index)
        elif record.kind == "suppressed":
            message = f"{details.get('events')} events of {_ascii(details.get('source'))} were counted only"
            self._add("suppressed", message, record.index)

    def _check_checkpoint(self, record: Record) -> None:
        try:
            checkpoint = parse_checkpoint(record.details)
        except CheckpointError as error:
            self._add("checkpoint_invalid", f"record {record.index}: {error}", record.index)
            return
        fits = (checkpoint.log, checkpoint.head.next_index, checkpoint.head.hash) == (
            self.report.log,
            record.index,
            record.previous,
        )
        if not fits or not checkpoint.is_authentic(self._mac, self._keys.public):
            self._add(
                "checkpoint_invalid", f"record {record.index} is no checkpoint of the records before it", record.index
            )
        else:
            self.signed_index = max(self.signed_index, checkpoint.head.next_index)

    def _check_start(self, number: int, record: Record) -> None:
        """The log begins with its first segment, or where a `pruned` record says that it does."""
        if number == 0 and record.index == 0:
            if record.previous != NO_HASH:
                self.report.add("changed", "the first record follows another", 0, 0)
            return
        if self.lost.covers(0, record.index - 1):
            return
        for pruned in self._pruned:
            first, details = pruned.details.get("first_segment"), pruned.details
            if isinstance(first, int) and number < first:
                return  # Named for removal, and not removed yet.
            if (first, details.get("first_index"), details.get("previous")) == (number, record.index, record.previous):
                return
        message = f"segments before {segment_name(number)} are missing, with records 0 to {record.index - 1}"
        self.report.add("segment_missing", message, number, 0)


def _lost(record: Record) -> tuple[int, int] | None:
    """Return the range of records that a segment_start names as lost."""
    recovered = record.details.get("recovered") if record.kind == "segment_start" else None
    lost = recovered.get("lost") if isinstance(recovered, dict) else None
    if not isinstance(lost, dict):
        return None
    first, last = lost.get("from"), lost.get("to")
    return (
        (first, last)
        if isinstance(first, int) and isinstance(last, int) and first <= last == record.index - 1
        else None
    )


def _read_head(log: LogReader, keys: VerifyKeys, report: Report) -> Checkpoint | None:
    try:
        data = log.head()
    except NotAFileError as error:
        report.add("not_a_file", str(error.strerror))
        return None
    if data is None:
        report.add("head_missing", "HEAD is missing: without it, records cut off the end go unnoticed")
        return None
    try:
        checkpoint = parse_checkpoint_text(data)
    except CheckpointError as error:
        report.add("head_invalid", f"HEAD: {error}")
        return None
    if keys.public is not None and checkpoint.key != keys.public.name:
        report.add("wrong_key", f"the public key is {keys.public.name}, HEAD was signed with {checkpoint.key}")
        return None
    is_exact = data == canonical(checkpoint.as_json()).ljust(HEAD_BYTES - 1) + b"\n"
    if not is_exact or not checkpoint.is_authentic(keys.mac, keys.public):
        report.add("head_invalid", "HEAD: MAC or signature does not fit")
        return None
    report.checkpoint = checkpoint
    return checkpoint


def _check_head(run: _Pass, head: Checkpoint | None) -> None:
    if head is None:
        return
    if run.report.log and head.log != run.report.log:
        run.report.add("head_invalid", f"HEAD belongs to log {head.log}, the segments to {run.report.log}")
    elif head.head.next_index > run.next_index:
        run.report.add(
            "truncated",
            f"records {run.next_index} to {head.head.next_index - 1} are cut off the end",
            index=run.next_index,
        )
    elif not _fits(run, head):
        run.report.add(
            "changed",
            f"record {head.head.next_index - 1} is not the one that HEAD was signed for",
            index=head.head.next_index - 1,
        )
    else:
        run.signed_index = max(run.signed_index, head.head.next_index)


def _check_anchor(run: _Pass, anchor: Checkpoint) -> None:
    report, index = run.report, anchor.head.next_index
    if not anchor.is_authentic(run._keys.mac, run._keys.public):
        report.add(
            "checkpoint_invalid", f"the checkpoint kept outside (record {index - 1}) is not signed with this key"
        )
    elif report.log and anchor.log != report.log:
        report.add("replayed", f"a checkpoint kept outside belongs to log {anchor.log}, this is log {report.log}")
    elif index > run.next_index:
        end = f"the log ends at {run.next_index}: it was cut, or an old copy put back"
        message = f"a checkpoint kept outside covers {index} records, {end}"
        report.add("replayed", message, index=run.next_index)
    elif not _fits(run, anchor):
        report.add("rewritten", f"a checkpoint kept outside names another hash for record {index - 1}", index=index - 1)


def _fits(run: _Pass, checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint's hash is the one seen; lost records cannot be compared."""
    index = checkpoint.head.next_index - 1
    if index < 0 or run.lost.covers(index, index) or (run._start is not None and index < run._start[1].index):
        return True
    return run.known[index] == checkpoint.head.hash


def _ascii(value: object) -> str:
    return printable(str(value))
