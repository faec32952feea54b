"""What a writer finds at its start, and what it names before it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .logs import check, codes, event, make_store, read_records, stop_event, write_log


def kill(path: Path, count: int = 3) -> None:
    """Leave a log as a writer does that is killed."""
    store = make_store(path)
    store.open()
    store.write([event() for _ in range(count)])
    store._leave_folder()


def restart(path: Path) -> object:
    """Start and end a writer, and return the `recovered` that it wrote."""
    store = make_store(path)
    store.open()
    store.write([stop_event()])
    store.close()
    return [record for record in read_records(path) if record.kind == "segment_start"][-1].details.get("recovered")


def change(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def test_killed_writer_leaves_nothing_to_name(tmp_path: Path) -> None:
    kill(tmp_path)
    assert codes(check(tmp_path)) == {"unclean_end"}
    assert restart(tmp_path) is None
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("tail", [b'{"mac":"', b"\x00" * 4096, b"x"])
def test_torn_line_is_named_with_its_place(tmp_path: Path, tail: bytes) -> None:
    kill(tmp_path)
    segment = tmp_path / "000000.jsonl"
    size = segment.stat().st_size
    change(segment, segment.read_bytes() + tail)
    recovered = restart(tmp_path)
    assert isinstance(recovered, dict) and recovered.keys() == {"torn"}
    assert [(entry["segment"], entry["offset"], entry["bytes"]) for entry in recovered["torn"]] == [
        (0, size, len(tail))
    ]
    report = check(tmp_path)
    assert codes(report) == {"torn"} and not report.is_broken and not report.has_gaps


def test_empty_segment_is_named(tmp_path: Path) -> None:
    kill(tmp_path)
    (tmp_path / "000001.jsonl").touch()
    recovered = restart(tmp_path)
    assert isinstance(recovered, dict) and recovered["torn"][0]["segment"] == 1
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_records_that_power_loss_took_are_named_and_their_numbers_not_used_again(tmp_path: Path, lines: int) -> None:
    kill(tmp_path)
    segment = tmp_path / "000000.jsonl"
    change(segment, b"".join(segment.read_bytes().splitlines(keepends=True)[:-lines]))
    recovered = restart(tmp_path)
    assert recovered == {"lost": {"from": 4 - lines, "to": 3}}
    report = check(tmp_path)
    assert codes(report) == {"lost"} and report.has_gaps and not report.is_broken
    assert read_records(tmp_path)[4 - lines].index == 4


def test_lost_segments_are_named(tmp_path: Path) -> None:
    write_log(tmp_path)
    for number in range(3):
        (tmp_path / f"{number:06d}.jsonl").unlink()
    assert restart(tmp_path) == {"lost": {"from": 0, "to": 66}}
    report = check(tmp_path)
    assert codes(report) == {"lost"}
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["000003.jsonl"]


def test_lost_head_is_named(tmp_path: Path) -> None:
    write_log(tmp_path)
    (tmp_path / "HEAD").unlink()
    assert restart(tmp_path) == {"head": "missing"}
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]"])
def test_damaged_head_is_named(tmp_path: Path, content: bytes) -> None:
    write_log(tmp_path)
    (tmp_path / "HEAD").write_bytes(content)
    assert restart(tmp_path) == {"head": "unreadable"}


def test_head_with_a_wrong_mac_is_not_believed(tmp_path: Path) -> None:
    write_log(tmp_path)
    head = (tmp_path / "HEAD").read_bytes()
    (tmp_path / "HEAD").write_bytes(head.replace(b'"next_index":67', b'"next_index":99'))
    assert restart(tmp_path) == {"head": "unreadable"}


def test_head_of_another_log_is_not_believed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_log(tmp_path / name)
    (tmp_path / "one" / "HEAD").write_bytes((tmp_path / "two" / "HEAD").read_bytes())
    assert restart(tmp_path / "one") == {"head": "unreadable"}


def test_link_as_newest_segment_is_passed_over(tmp_path: Path) -> None:
    kill(tmp_path)
    (tmp_path / "000001.jsonl").symlink_to("000000.jsonl")
    recovered = restart(tmp_path)
    assert isinstance(recovered, dict) and recovered["torn"][0]["segment"] == 1
    (tmp_path / "000001.jsonl").unlink()
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("first", [b"nonsense\n", None])
def test_segment_with_a_damaged_beginning_stays_broken(tmp_path: Path, first: bytes | None) -> None:
    kill(tmp_path)
    store = make_store(tmp_path)
    store.open()
    store.write([event()])
    store._leave_folder()
    lines = (tmp_path / "000001.jsonl").read_bytes().splitlines(keepends=True)
    damaged = first if first is not None else lines[0].replace(b'"reason":"open"', b'"reason":"OPEN"')
    change(tmp_path / "000001.jsonl", b"".join([damaged, *lines[1:]]))
    recovered = restart(tmp_path)
    assert isinstance(recovered, dict) and recovered["torn"][0]["offset"] == 0
    assert check(tmp_path).is_broken


def test_log_that_begins_with_something_else_is_not_continued(tmp_path: Path) -> None:
    write_log(tmp_path, segments=1)
    change(tmp_path / "000000.jsonl", b"".join((tmp_path / "000000.jsonl").read_bytes().splitlines(keepends=True)[1:]))
    restart(tmp_path)
    assert check(tmp_path).is_broken


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.floats(0.0, 1.0))
def test_log_cut_at_any_byte_is_continued_and_nothing_goes_unnamed(
    tmp_path_factory: pytest.TempPathFactory, part: float
) -> None:
    path = tmp_path_factory.mktemp("cut") / "log"
    kill(path)
    segment = path / "000000.jsonl"
    whole = segment.read_bytes()
    cut = round(part * len(whole))
    change(segment, whole[:cut])
    recovered = restart(path)
    report = check(path)
    assert not report.is_broken
    assert report.has_gaps is (cut < len(whole))
    assert (recovered is None) is (cut == len(whole))
    restart(path)
    assert codes(check(path)) == codes(report)
