"""Where an existing log ends, and what is wrong with its end: what the writer must know and name before it goes on."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from strands_robots.audit.log.checkpoint import Checkpoint, CheckpointError, parse_checkpoint_text
from strands_robots.core.private_folder import NotAFileError, PrivateFolder
from strands_robots.audit.json_values import JsonObject, JsonValue
from strands_robots.audit.audit_key import LogKeys
from strands_robots.audit.log.layout import HEAD_BYTES, HEAD_FILE, segment_name, segment_numbers
from strands_robots.audit.log.lines import read_lines
from strands_robots.audit.log.record import Head, Record, RecordError, line_hash, parse
from strands_robots.audit.log.segment import Torn
from strands_robots.core.errors import ConfigurationError


@dataclass(frozen=True)
class End:
    """The end of a log.

    Attributes:
        log: Identity of the log; empty when there is none.
        head: Where its chain stands.
        segment: Number of the newest segment, -1 when there is none.
        recovered: What was wrong, as `recovered` of segment_start; empty when nothing was.
    """

    log: str = ""
    head: Head = field(default_factory=Head)
    segment: int = -1
    recovered: JsonObject = field(default_factory=dict)


@dataclass
class _Tail:
    """The last valid records of the newest segments."""

    log: str = ""
    head: Head | None = None
    torn: list[JsonValue] = field(default_factory=list)


def find_end(folder: PrivateFolder, keys: LogKeys) -> End:
    """Return where the log in a folder ends.

    Raises:
        ConfigurationError: If the log was written with other keys.
        OSError: If the folder cannot be read.
    """
    numbers = segment_numbers(folder.names())
    checkpoint, head_problem = _read_head(folder, keys)
    tail = _Tail()
    for number in reversed(numbers):
        if _read_tail(folder, number, keys, tail):
            break
    recovered: JsonObject = {"torn": tail.torn} if tail.torn else {}
    newest = max(numbers, default=-1)
    if checkpoint is not None and tail.head is not None and checkpoint.log != tail.log:
        checkpoint, head_problem = None, "unreadable"
    if checkpoint is None:
        if numbers:
            recovered["head"] = head_problem
        return End(tail.log, tail.head or Head(), newest, recovered)
    head = tail.head or Head()
    if checkpoint.head.next_index > head.next_index:
        recovered["lost"] = {"from": head.next_index, "to": checkpoint.head.next_index - 1}
        head = checkpoint.head
    return End(checkpoint.log, head, max(newest, checkpoint.segment), recovered)


def _read_head(folder: PrivateFolder, keys: LogKeys) -> tuple[Checkpoint | None, str]:
    try:
        checkpoint = parse_checkpoint_text(folder.read(HEAD_FILE, HEAD_BYTES))
    except FileNotFoundError:
        return None, "missing"
    except (NotAFileError, CheckpointError):
        return None, "unreadable"
    return (checkpoint, "") if checkpoint.is_authentic(keys.mac, keys.signing.public) else (None, "unreadable")


def _read_tail(folder: PrivateFolder, number: int, keys: LogKeys, tail: _Tail) -> bool:
    """Take over the last valid record of a segment, note the bytes behind it, and return whether there was one."""
    offset, is_whole = 0, True
    torn = Torn(number, 0)
    try:
        for line in read_lines(folder.chunks(segment_name(number))):
            record = _admit(folder, line.data, keys, tail) if line.is_complete else None
            if record is None:
                torn, is_whole = _rest(folder, number, offset), False
                break
            tail.head = Head(record.index + 1, line_hash(line.data))
            offset = line.offset + len(line.data) + 1
    except NotAFileError:
        is_whole = False
    if not is_whole or tail.head is None:
        tail.torn.insert(0, torn.as_json())
    return tail.head is not None


def _admit(folder: PrivateFolder, line: bytes, keys: LogKeys, tail: _Tail) -> Record | None:
    """Return the record in a line if it is valid and stands where it must."""
    try:
        mac, body, record = parse(line)
    except RecordError:
        return None
    is_ours = hmac.compare_digest(keys.mac.of_record(body), mac)
    if tail.head is not None:
        return record if is_ours and (record.index, record.previous) == (tail.head.next_index, tail.head.hash) else None
    log = record.details.get("log")
    if record.kind != "segment_start" or not isinstance(log, str):
        return None
    if record.details.get("mac_key") != keys.mac.name:
        raise ConfigurationError(
            f"the audit log in '{folder.path}' was written with other keys; "
            "valid: the keys that began it, or another folder"
        )
    if not is_ours:
        return None
    tail.log = log
    return record


def _rest(folder: PrivateFolder, number: int, offset: int) -> Torn:
    """Return what stands in a segment from an offset [bytes] on."""
    digest, position = hashlib.sha256(), 0
    for chunk in folder.chunks(segment_name(number)):
        digest.update(chunk[max(0, offset - position) :])
        position += len(chunk)
    return Torn(number, offset, max(0, position - offset), digest.hexdigest())
