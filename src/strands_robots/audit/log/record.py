"""One line of the log: canonical JSON with its MAC, and the hash that chains it to the next. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from strands_robots.audit.event import Event
from strands_robots.audit.json_values import JsonObject, canonical, integer
from strands_robots.audit.audit_key import MacKey

FORMAT = 1
NO_HASH = "0" * 64
"""`previous` of the first record of a log."""

MAX_LINE = 1 << 17
"""Longest line that a reader takes [bytes]; a writer stays far below."""

_PREFIX = b'{"mac":"'
_MIDDLE = b'","record":'
_START = len(_PREFIX) + 64 + len(_MIDDLE)
_FORM = re.compile(re.escape(_PREFIX) + rb"[0-9a-f]{64}" + re.escape(_MIDDLE))
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TYPES: dict[str, type] = {
    "v": int,
    "index": int,
    "previous": str,
    "kind": str,
    "source": str,
    "session": str,
    "sequence": int,
    "robot": str,
    "actor": str,
    "wall_us": int,
    "monotonic_us": int,
    "recorded_us": int,
    "details": dict,
}
_MAYBE_LARGE = ("sequence", "wall_us", "monotonic_us")


class RecordError(ValueError):
    """A line is not a record of this format; the message says why."""


@dataclass(frozen=True)
class Head:
    """Where a chain stands.

    Attributes:
        next_index: Index of the next record.
        hash: Hash of the last line; NO_HASH when there is none.
    """

    next_index: int = 0
    hash: str = NO_HASH


@dataclass(frozen=True)
class Record:
    """A record as it stands in the log; docs/reference/audit_format.md says what each member means."""

    index: int
    previous: str
    recorded_us: int
    event: Event

    @property
    def kind(self) -> str:
        """What happened."""
        return self.event.kind

    @property
    def details(self) -> JsonObject:
        """What the kind says more."""
        return self.event.details

    def as_json(self) -> JsonObject:
        """Return the record as the JSON object that the line holds."""
        event = self.event
        return {
            "v": FORMAT,
            "index": self.index,
            "previous": self.previous,
            "kind": event.kind,
            "source": event.source,
            "session": event.session,
            "sequence": integer(event.sequence),
            "robot": event.robot,
            "actor": event.actor,
            "wall_us": integer(event.wall_us),
            "monotonic_us": integer(event.monotonic_us),
            "recorded_us": self.recorded_us,
            "details": event.details,
        }


def line_hash(line: bytes) -> str:
    """Return the hash of a line without its newline. Source: RFC 6962 section 2.1, leaf hash."""
    return hashlib.sha256(b"\x00" + line).hexdigest()


def seal(event: Event, head: Head, recorded_us: int, key: MacKey) -> tuple[bytes, Head]:
    """Return the line of an event, without newline, and where the chain stands after it.

    Args:
        event: The event.
        head: Where the chain stands.
        recorded_us: The writer's wall clock [us].
        key: Key of the log.
    """
    body = canonical(Record(head.next_index, head.hash, recorded_us, event).as_json())
    line = _PREFIX + key.of_record(body).encode() + _MIDDLE + body + b"}"
    return line, Head(head.next_index + 1, line_hash(line))


def split(line: bytes) -> tuple[str, bytes]:
    """Return the MAC and the record's bytes of a line.

    Raises:
        RecordError: If the line has another form.
    """
    if not _FORM.match(line) or not line.endswith(b"}"):
        raise RecordError('the line does not have the form {"mac":"...","record":{...}}')
    return line[len(_PREFIX) : len(_PREFIX) + 64].decode("ascii"), line[_START:-1]


def parse(line: bytes) -> tuple[str, bytes, Record]:
    """Return the MAC, the record's bytes and the record of a line. Nothing is verified but the form.

    Raises:
        RecordError: If the line is not a record.
    """
    mac, body = split(line)
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RecordError("the record is no JSON") from error
    if not isinstance(members, dict) or members.keys() != _TYPES.keys():
        raise RecordError("the record's members are not those of this format")
    for name, kind in _TYPES.items():
        value = members[name]
        if name in _MAYBE_LARGE and isinstance(value, str) and re.fullmatch(r"-?[0-9]{16,20}", value):
            value = members[name] = int(value)
        if type(value) is not kind:
            raise RecordError(f"member '{name}' is {type(value).__name__}, not {kind.__name__}")
    if members["v"] != FORMAT:
        raise RecordError(f"the record has format {members['v']}; this reader knows {FORMAT}")
    if members["index"] < 0 or not _HEX64.fullmatch(members["previous"]):
        raise RecordError("'index' or 'previous' is not valid")
    names = ("kind", "source", "session", "sequence", "wall_us", "monotonic_us", "robot", "actor", "details")
    event = Event(**{name: members[name] for name in names})
    return mac, body, Record(members["index"], members["previous"], members["recorded_us"], event)
