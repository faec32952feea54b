"""Finding records, and handing a log to somebody else."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from strands_robots.audit.audit_key import PUBLIC_FILE, load_or_create_keys, load_public_key
from strands_robots.audit.read.export import CSV_COLUMNS, write_archive, write_csv, write_jsonl
from strands_robots.audit.read.query import Query, format_time, last_records, newest_segments, parse_since, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.core.errors import ConfigurationError

from .logs import BOTH, START_US, FakeClock, MemoryLog, event, make_store, write_log

NOW_US = 1_735_732_800_000_000


@pytest.fixture
def log(tmp_path: Path) -> FolderReader:
    clock = FakeClock()
    store = make_store(tmp_path / "log", clock)
    store.open()
    store.write([event("stop", robot=""), event("refusal", robot="left"), event("refusal", robot="right")])
    clock.pass_time(60.0)
    store.write([event("refusal", robot="left", actor="=cmd()", details={"é": 1})])
    store.close()
    return FolderReader(tmp_path / "log")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (Query(), 7),
        (Query(kinds=("refusal",)), 3),
        (Query(robots=("left",)), 2),
        (Query(kinds=("stop", "refusal"), robots=("left", "right")), 3),
        (Query(since_us=START_US + 30_000_000), 3),
        (Query(kinds=("nothing",)), 0),
    ],
)
def test_query_gives_what_matches(log: FolderReader, query: Query, count: int) -> None:
    assert len(list(records(log, query))) == count


def test_query_passes_over_what_cannot_be_read(tmp_path: Path) -> None:
    write_log(tmp_path)
    (tmp_path / "000000.jsonl").unlink()
    (tmp_path / "000000.jsonl").symlink_to("000001.jsonl")
    (tmp_path / "000001.jsonl").chmod(0o600)
    data = (tmp_path / "000001.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "000001.jsonl").write_bytes(b"".join([data[0], b"garbage\n", *data[1:], data[3][:-1]]))
    log = FolderReader(tmp_path)
    assert len(list(records(log, Query()))) == 45
    assert len(list(records(log, Query(), first_segment=2))) == 23
    assert newest_segments(log, 10) == 2 and newest_segments(log, 30) == 1 and newest_segments(log, 1000) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW_US - 90_000_000),
        ("15m", NOW_US - 900_000_000),
        ("2 h", NOW_US - 7_200_000_000),
        ("1.5d", NOW_US - 129_600_000_000),
        ("2025-01-01T12:00:00Z", NOW_US),
        ("2025-01-01T13:00:00+01:00", NOW_US),
        (" 2025-01-01 12:00:00+00:00", NOW_US),
        ("99999999999999999d", 0),
    ],
)
def test_time_is_read_as_people_write_it(text: str, expected: int) -> None:
    assert parse_since(text, NOW_US) == expected


def test_time_without_a_zone_is_local() -> None:
    expected = datetime(2025, 1, 1, 12).timestamp() * 1e6
    assert parse_since("2025-01-01T12:00:00", NOW_US) == int(expected)


@pytest.mark.parametrize("text", ["", "yesterday", "5 weeks", "2025-13-01", "-3s"])
def test_other_time_is_refused_with_what_is_valid(text: str) -> None:
    with pytest.raises(ConfigurationError, match="15m, 2h, 1d"):
        parse_since(text, NOW_US)


def test_time_is_shown_in_utc_whatever_it_is() -> None:
    assert format_time(NOW_US + 5) == "2025-01-01T12:00:00.000005Z"
    assert format_time(2**60) == f"{2**60}us"
    assert datetime.fromisoformat(format_time(NOW_US)[:-1] + "+00:00") == datetime.fromtimestamp(
        NOW_US / 1e6, timezone.utc
    )


def test_jsonl_holds_the_records(log: FolderReader) -> None:
    file = io.BytesIO()
    assert write_jsonl(records(log, Query(kinds=("refusal",))), file) == 3
    assert [json.loads(line)["kind"] for line in file.getvalue().splitlines()] == ["refusal"] * 3


def test_csv_is_ascii_and_runs_no_formula(log: FolderReader) -> None:
    file = io.BytesIO()
    assert write_csv(records(log, Query(kinds=("refusal",))), file) == 3
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("ascii"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[2]["actor"] == "'=cmd()" and json.loads(rows[2]["details"]) == {"é": 1}


def test_archive_verifies_elsewhere(log: FolderReader, tmp_path: Path) -> None:
    load_or_create_keys(tmp_path / "keys", create=True)
    file = io.BytesIO()
    key = (tmp_path / "keys" / PUBLIC_FILE).read_bytes()
    assert write_archive(log.path, key, file) == 3
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    assert load_public_key(tmp_path / "elsewhere" / PUBLIC_FILE).name
    assert verify(FolderReader(tmp_path / "elsewhere"), BOTH).findings == []


def test_archive_of_a_damaged_log_holds_what_there_is(tmp_path: Path) -> None:
    write_log(tmp_path)
    (tmp_path / "HEAD").unlink()
    (tmp_path / "000002.jsonl").unlink()
    (tmp_path / "000002.jsonl").symlink_to("000001.jsonl")
    assert write_archive(tmp_path, b"key", io.BytesIO()) == 3


def test_memory_log_is_a_log() -> None:
    assert verify(MemoryLog({}), VerifyKeys(BOTH.mac)).counts == {"empty": 1, "head_missing": 1}


@pytest.mark.parametrize("query", [Query(), Query(kinds=("refusal",)), Query(robots=("left",))])
def test_last_records_are_the_end_of_all_records(log: FolderReader, query: Query) -> None:
    every = list(records(log, query))
    for count in range(len(every) + 2):
        assert last_records(log, query, count) == (every[-count:] if count else [])


class CountingReader(FolderReader):
    """Counts the lines that are read."""

    read = 0

    def backwards(self, segment: int) -> Iterator[bytes]:
        for line in super().backwards(segment):
            self.read += 1
            yield line


def test_last_records_of_a_long_log_read_its_end_only(tmp_path: Path) -> None:
    store = make_store(tmp_path / "log")
    store.open()
    for _ in range(20):
        store.write([event() for _ in range(100)])
    store.close()
    log = CountingReader(tmp_path / "log")
    assert [record.kind for record, _ in last_records(log, Query(), 3)][-1] == "log_end"
    assert log.read == 3
