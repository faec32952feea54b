"""Properties: whatever somebody without the keys does to a log, verification finds it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strands_robots.audit.read.verify import VerifyKeys, verify

from .logs import BOTH, MAC_ONLY, PUBLIC_ONLY, MemoryLog, write_log

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
EACH_KEY = pytest.mark.parametrize("keys", [BOTH, MAC_ONLY, PUBLIC_ONLY], ids=["both", "hmac", "public"])
parts = st.floats(0.0, 1.0, exclude_max=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("log") / "log"
    write_log(path, count=4)
    return MemoryLog.of(path).files


def is_broken(files: dict[str, bytes], keys: VerifyKeys) -> bool:
    return verify(MemoryLog(files), keys).is_broken


@EACH_KEY
@SLOW
@given(
    name=st.sampled_from(["000000.jsonl", "000001.jsonl", "000002.jsonl", "HEAD"]), part=parts, flip=st.integers(1, 255)
)
def test_any_changed_byte_is_found(
    files: dict[str, bytes], keys: VerifyKeys, name: str, part: float, flip: int
) -> None:
    data = bytearray(files[name])
    place = int(part * len(data))
    if name == "HEAD" and keys is PUBLIC_ONLY and data.find(b'"mac":"') <= place < data.find(b'","signature"'):
        return  # The MAC of HEAD can only be checked with the HMAC key; nothing depends on it for those who have none.
    data[place] ^= flip
    assert is_broken({**files, name: bytes(data)}, keys)


@EACH_KEY
def test_every_single_bit_of_one_segment_is_found(files: dict[str, bytes], keys: VerifyKeys) -> None:
    name = "000001.jsonl"
    for place in range(0, len(files[name]), 7):
        data = bytearray(files[name])
        data[place] ^= 1 << (place % 8)
        assert is_broken({**files, name: bytes(data)}, keys), place


@EACH_KEY
@SLOW
@given(order=st.permutations(range(4 * 3 + 7)))
def test_any_other_order_of_the_lines_is_found(files: dict[str, bytes], keys: VerifyKeys, order: list[int]) -> None:
    names = sorted(set(files) - {"HEAD"})
    lines = [line for name in names for line in files[name].splitlines(keepends=True)]
    assert len(lines) == len(order)
    sizes = [len(files[name].splitlines()) for name in names]
    shuffled = iter([lines[place] for place in order])
    changed = {name: b"".join(itertools.islice(shuffled, size)) for name, size in zip(names, sizes)}
    assert is_broken({**files, **changed}, keys) is (order != sorted(order))


@EACH_KEY
@SLOW
@given(removed=st.sets(st.integers(0, 4 * 3 + 6), min_size=1))
def test_any_removed_lines_are_found(files: dict[str, bytes], keys: VerifyKeys, removed: set[int]) -> None:
    place, changed = itertools.count(), {}
    for name in sorted(set(files) - {"HEAD"}):
        changed[name] = b"".join(line for line in files[name].splitlines(keepends=True) if next(place) not in removed)
    assert is_broken({**files, **changed}, keys)


@EACH_KEY
@SLOW
@given(part=parts, name=st.sampled_from(["000000.jsonl", "000001.jsonl", "000002.jsonl"]))
def test_any_cut_is_found(files: dict[str, bytes], keys: VerifyKeys, part: float, name: str) -> None:
    assert is_broken({**files, name: files[name][: int(part * len(files[name]))]}, keys)


@SLOW
@given(data=st.binary(max_size=300), name=st.sampled_from(["000001.jsonl", "HEAD", "000003.jsonl"]))
def test_garbage_is_found_and_nothing_is_raised(files: dict[str, bytes], data: bytes, name: str) -> None:
    report = verify(MemoryLog({**files, name: data}), BOTH)
    assert report.is_broken or (name == "000003.jsonl" and b"\n" not in data)
