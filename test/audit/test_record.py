"""One line: its form, its MAC, its hash."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strands_robots.audit.log.record import NO_HASH, Head, RecordError, line_hash, parse, seal, split

from .logs import KEYS, event

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def line_of(**members: object) -> bytes:
    """A line whose record has some members replaced, with a MAC that fits."""
    line, _ = seal(event(), Head(), 5, KEYS.mac)
    record = {**json.loads(line)["record"], **members}
    body = rfc8785.dumps(record)
    return b'{"mac":"' + KEYS.mac.of_record(body).encode() + b'","record":' + body + b"}"


def test_line_is_canonical_json_as_the_specification_says() -> None:
    line, head = seal(event("stop", details={"ä": [1, 0.5]}), Head(7, "ab" * 32), 99, KEYS.mac)
    assert rfc8785.dumps(json.loads(line)) == line
    body = line[83:-1]
    assert json.loads(line)["record"] == json.loads(body)
    mac = hmac.new(KEYS.mac.secret, b"strands_robots audit record 1\n" + body, hashlib.sha256).hexdigest()
    assert json.loads(line)["mac"] == mac
    assert head == Head(8, hashlib.sha256(b"\x00" + line).hexdigest()) == Head(8, line_hash(line))


@SLOW
@given(st.integers(1, 2**64 - 1), st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**60))
def test_record_reads_back_the_same(sequence: int, name: str, wall_us: int) -> None:
    given_event = event(sequence=sequence, robot=name, actor=name)
    line, _ = seal(given_event, Head(), wall_us % 2**53, KEYS.mac)
    _, _, record = parse(line)
    assert record.event == given_event
    assert (record.index, record.previous, record.recorded_us) == (0, NO_HASH, wall_us % 2**53)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"mac":"zz","record":{}}',
        b'{"mac":"' + b"A" * 64 + b'","record":{}}',
        b'{"mac":"' + b"a" * 64 + b'","record":{',
    ],
)
def test_other_form_is_refused(line: bytes) -> None:
    with pytest.raises(RecordError, match="form"):
        split(line)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"v": 2}, "format 2"),
        ({"v": 0}, "format 0"),
        ({"v": True}, "bool"),
        ({"index": -1}, "not valid"),
        ({"index": 1.5}, "float"),
        ({"previous": "xy"}, "not valid"),
        ({"sequence": "12"}, "str"),
        ({"wall_us": None}, "NoneType"),
        ({"details": []}, "list"),
        ({"extra": 1}, "members"),
    ],
)
def test_wrong_member_is_refused_by_name(members: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse(line_of(**members))


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_record_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError):
        parse(b'{"mac":"' + b"a" * 64 + b'","record":' + body + b"}")
