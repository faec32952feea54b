"""A checkpoint proves the log up to one record to whoever holds one of the keys."""

from __future__ import annotations

import json

import pytest

from strands_robots.audit.log.checkpoint import (
    CheckpointError,
    make_checkpoint,
    parse_checkpoint,
    parse_checkpoint_text,
)
from strands_robots.audit.log.record import Head

from .logs import KEYS, OTHER_KEYS

CHECKPOINT = make_checkpoint("ab" * 16, Head(7, "cd" * 32), 2, 5, KEYS)


def test_checkpoint_reads_back_the_same() -> None:
    text = json.dumps(CHECKPOINT.as_json()).encode().ljust(1023) + b"\n"
    assert parse_checkpoint_text(text) == CHECKPOINT


@pytest.mark.parametrize(("mac", "public"), [(True, True), (True, False), (False, True)])
def test_each_key_is_enough_and_only_the_right_one(mac: bool, public: bool) -> None:
    for keys, expected in ((KEYS, True), (OTHER_KEYS, False)):
        answer = CHECKPOINT.is_authentic(keys.mac if mac else None, keys.signing.public if public else None)
        assert answer is expected


def test_later_members_are_covered_and_ignored() -> None:
    value = CHECKPOINT.as_json()
    assert isinstance(value["checkpoint"], dict)
    value["checkpoint"]["tree"] = {"size": 7, "root": "00"}
    checkpoint = parse_checkpoint(value)
    assert b'"tree"' in checkpoint.signed
    assert not checkpoint.is_authentic(KEYS.mac, None)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\x00" * 1024, b"[" * 100_000])
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint_text(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mac",), 3),
        (("signature",), None),
        (("checkpoint",), []),
        (("mac",), "ABCD"),
        (("signature",), "abc"),
        (("checkpoint", "v"), 2),
        (("checkpoint", "v"), 0),
        (("checkpoint", "head"), "no hex"),
        (("checkpoint", "next_index"), "7"),
        (("checkpoint", "segment"), True),
        (("checkpoint", "wall_us"), 2**60),
        (("extra",), 1),
    ],
)
def test_wrong_member_is_refused(path: tuple[str, ...], value: object) -> None:
    members = CHECKPOINT.as_json()
    target = members
    for name in path[:-1]:
        target = target[name]  # type: ignore[assignment]
    target[path[-1]] = value  # type: ignore[assignment]
    with pytest.raises(CheckpointError):
        parse_checkpoint(members)
