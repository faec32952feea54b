"""One test for each thing that verification must find, with each key alone where that is enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strands_robots.audit.event import LOG_SOURCE, Event
from strands_robots.audit.json_values import canonical
from strands_robots.audit.log.checkpoint import Checkpoint, make_checkpoint, parse_checkpoint_text
from strands_robots.audit.log.lines import LogLine
from strands_robots.audit.log.record import Head, parse, seal
from strands_robots.audit.read.findings import Finding, Report, Severity
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import NotAFileError

from .logs import (
    BOTH,
    KEYS,
    MAC_ONLY,
    OTHER_KEYS,
    PUBLIC_ONLY,
    FakeClock,
    MemoryLog,
    check,
    codes,
    event,
    make_store,
    write_log,
)

EACH_KEY = pytest.mark.parametrize("keys", [BOTH, MAC_ONLY, PUBLIC_ONLY], ids=["both", "hmac", "public"])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log"
    write_log(path)
    return path


@pytest.fixture
def log(written: Path) -> MemoryLog:
    return MemoryLog.of(written)


def found(log: MemoryLog, keys: VerifyKeys = BOTH, anchors: tuple[Checkpoint, ...] = ()) -> set[str]:
    return codes(verify(log, keys, anchors))


def checkpoint_of(log: MemoryLog) -> Checkpoint:
    return parse_checkpoint_text(log.files["HEAD"])


def rebuild(log: MemoryLog, segment: int, place: int, kind: str, details: dict[str, object]) -> None:
    """Replace a record by one of the log's own, as a writer with the keys would have written it, and all after it."""
    head, files = Head(), dict(log.files)
    for number in log.segments():
        lines = []
        for position, line in enumerate(files[f"{number:06d}.jsonl"].splitlines()):
            record = parse(line)[2]
            written = record.event
            if (number, position) == (segment, place):
                written = Event(kind, LOG_SOURCE, "s", 1, 0, 0, details=details)  # type: ignore[arg-type]
            head = Head(record.index, head.hash)
            line, head = seal(written, head, 0, KEYS.mac)
            lines.append(line + b"\n")
        log.files[f"{number:06d}.jsonl"] = b"".join(lines)
    checkpoint = make_checkpoint(checkpoint_of(log).log, head, checkpoint_of(log).segment, 0, KEYS)
    log.files["HEAD"] = canonical(checkpoint.as_json()).ljust(1023) + b"\n"


@EACH_KEY
def test_whole_log_has_no_finding(written: Path, keys: VerifyKeys) -> None:
    report = verify(FolderReader(written), keys)
    assert report.findings == []
    assert not report.is_broken and not report.has_gaps
    assert report.records == 3 * 20 + 3 + 3 + 1
    assert report.size == sum(path.stat().st_size for path in written.glob("*.jsonl"))
    assert report.checkpoint is not None and report.checkpoint.head.next_index == report.records


def test_no_key_is_no_verification(log: MemoryLog) -> None:
    with pytest.raises(ConfigurationError, match="no key"):
        verify(log, VerifyKeys())


@EACH_KEY
def test_changed_byte_is_found_and_its_record_named(log: MemoryLog, keys: VerifyKeys) -> None:
    log.files["000001.jsonl"] = log.files["000001.jsonl"].replace(b'"sequence":25', b'"sequence":26')
    report = verify(log, keys)
    assert codes(report) == {"changed"}
    index = next(finding.index for finding in report.findings)
    assert parse(log.files["000001.jsonl"].splitlines()[5])[2].index == index


@EACH_KEY
def test_removed_line_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: lines[:7] + lines[8:])
    report = verify(log, keys)
    assert codes(report) == {"removed"}
    assert "29 to 29" in report.findings[0].message


@EACH_KEY
def test_many_removed_lines_are_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: [line for place, line in enumerate(lines) if place % 2 == 0])
    report = verify(log, keys)
    assert "removed" in codes(report) and report.is_broken


@EACH_KEY
def test_swapped_lines_are_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]])
    assert found(log, keys) == {"out_of_order"}


@EACH_KEY
def test_repeated_line_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: [*lines[:6], lines[5], *lines[6:]])
    assert "repeated" in found(log, keys)


@EACH_KEY
def test_line_that_is_no_record_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: [*lines[:5], b"no record\n", *lines[6:]])
    assert found(log, keys) == {"unreadable"}


@EACH_KEY
def test_too_long_line_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: [*lines[:5], b"x" * 300_000 + b"\n", *lines[6:]])
    assert found(log, keys) == {"unreadable"}


@EACH_KEY
def test_truncated_tail_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(2, lambda lines: lines[:-4])
    report = verify(log, keys)
    assert codes(report) - {"unsigned"} == {"truncated", "unclean_end"}
    assert "63 to 66" in next(finding.message for finding in report.findings if finding.code == "truncated")


@EACH_KEY
def test_tail_cut_within_a_line_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.files["000002.jsonl"] = log.files["000002.jsonl"][:-30]
    assert {"truncated", "torn"} <= found(log, keys)


@EACH_KEY
def test_removed_file_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    del log.files["000001.jsonl"]
    report = verify(log, keys)
    assert codes(report) == {"segment_missing"}
    assert "22 to 43" in report.findings[0].message


@EACH_KEY
def test_removed_first_file_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    del log.files["000000.jsonl"]
    assert found(log, keys) == {"segment_missing"}


@EACH_KEY
def test_removed_last_file_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    del log.files["000002.jsonl"]
    assert found(log, keys) - {"unsigned"} == {"truncated", "unclean_end"}


@EACH_KEY
def test_swapped_files_are_found(log: MemoryLog, keys: VerifyKeys) -> None:
    files = log.files
    files["000001.jsonl"], files["000002.jsonl"] = files["000002.jsonl"], files["000001.jsonl"]
    assert "segment_misplaced" in found(log, keys)


@EACH_KEY
def test_removed_segment_start_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    log.edit(1, lambda lines: lines[1:])
    assert "segment_misplaced" in found(log, keys)


@EACH_KEY
def test_everything_removed_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    for number in range(3):
        del log.files[f"{number:06d}.jsonl"]
    assert found(log, keys) == {"empty", "truncated"}


@EACH_KEY
def test_file_of_another_log_is_found(log: MemoryLog, keys: VerifyKeys, tmp_path: Path) -> None:
    write_log(tmp_path / "other")
    log.files["000001.jsonl"] = MemoryLog.of(tmp_path / "other").files["000001.jsonl"]
    assert "segment_misplaced" in found(log, keys)


@EACH_KEY
def test_head_of_another_log_is_found(log: MemoryLog, keys: VerifyKeys, tmp_path: Path) -> None:
    write_log(tmp_path / "other")
    log.files["HEAD"] = MemoryLog.of(tmp_path / "other").files["HEAD"]
    assert found(log, keys) - {"unsigned"} == {"head_invalid"}


@EACH_KEY
@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.replace(b'"next_index":67', b'"next_index":60'),
        lambda head: head[:-5] + b"    \t"[-5:],
        lambda head: head.replace(b" \n", b"\n"),
        lambda head: b"nothing",
    ],
    ids=["index", "padding", "length", "form"],
)
def test_changed_head_is_found(log: MemoryLog, keys: VerifyKeys, change: object) -> None:
    log.files["HEAD"] = change(log.files["HEAD"])  # type: ignore[operator]
    assert found(log, keys) - {"unsigned"} == {"head_invalid"}


@EACH_KEY
def test_missing_head_is_found(log: MemoryLog, keys: VerifyKeys) -> None:
    del log.files["HEAD"]
    assert found(log, keys) - {"unsigned"} == {"head_missing"}


def test_replayed_old_log_is_found_with_a_checkpoint_kept_outside(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.open()
    store.write([event()])
    old = MemoryLog.of(tmp_path)
    store.write([event()])
    newest = parse_checkpoint_text(MemoryLog.of(tmp_path).files["HEAD"])
    store.close()
    assert found(old) == {"unclean_end"}
    assert found(old, anchors=(newest,)) == {"unclean_end", "replayed"}
    assert check(tmp_path, anchors=(newest,)).findings == []


def test_another_log_in_its_place_is_found_with_a_checkpoint_kept_outside(log: MemoryLog, tmp_path: Path) -> None:
    write_log(tmp_path / "other")
    anchor = checkpoint_of(MemoryLog.of(tmp_path / "other"))
    assert found(log, anchors=(anchor,)) == {"replayed"}


def test_log_rewritten_by_a_holder_of_the_keys_is_found_with_a_checkpoint_kept_outside(log: MemoryLog) -> None:
    anchor = checkpoint_of(log)
    rebuild(log, 1, 5, "malformed", {"reason": "forged"})
    assert found(log) == {"checkpoint_invalid"}
    assert "rewritten" in found(log, anchors=(anchor,))


def test_checkpoint_that_another_key_signed_is_no_anchor(log: MemoryLog) -> None:
    own = checkpoint_of(log)
    forged = make_checkpoint(own.log, own.head, own.segment, 0, OTHER_KEYS)
    assert found(log, anchors=(forged,)) == {"checkpoint_invalid"}


def test_anchor_in_the_middle_fits(log: MemoryLog) -> None:
    lines = log.files["000001.jsonl"].splitlines()
    checkpoints = [record for record in (parse(line)[2] for line in lines) if record.kind == "checkpoint"]
    anchor = parse_checkpoint_text(json.dumps(checkpoints[0].details).encode())
    assert found(log, anchors=(anchor,)) == set()


@pytest.mark.parametrize(
    "keys",
    [
        VerifyKeys(OTHER_KEYS.mac, OTHER_KEYS.signing.public),
        VerifyKeys(mac=OTHER_KEYS.mac),
        VerifyKeys(public=OTHER_KEYS.signing.public),
    ],
    ids=["both", "hmac", "public"],
)
def test_wrong_key_is_named(log: MemoryLog, keys: VerifyKeys) -> None:
    assert "wrong_key" in found(log, keys)
    assert "changed" not in found(log, keys)


class LinkedLog(MemoryLog):
    """A log in which something else lies in the place of a file."""

    def lines(self, segment: int):  # type: ignore[no-untyped-def]
        if segment == 1:
            raise NotAFileError("000001.jsonl", "a link")
        return super().lines(segment)

    def head(self) -> bytes | None:
        raise NotAFileError("HEAD", "a link")


def test_links_are_found_and_not_followed(log: MemoryLog) -> None:
    report = verify(LinkedLog(log.files), BOTH)
    assert report.counts["not_a_file"] == 2
    assert {"removed"} & codes(report) or {"segment_missing"} & codes(report)


def test_folder_reader_follows_no_link(written: Path, tmp_path: Path) -> None:
    (tmp_path / "000000.jsonl").symlink_to(written / "000000.jsonl")
    (tmp_path / "000001.jsonl").mkdir()
    (tmp_path / "HEAD").symlink_to(written / "HEAD")
    report = verify(FolderReader(tmp_path), BOTH)
    assert codes(report) == {"not_a_file", "empty"} and report.counts["not_a_file"] == 3


@pytest.mark.parametrize(
    ("kind", "details", "code", "words"),
    [
        ("poison", {"reason": "ENOSPC", "lost": 3}, "lost", "3 events"),
        ("sequence_gap", {"source": "/sim", "from": 3, "to": 5}, "sequence_gap", "3 to 5 of /sim"),
        ("suppressed", {"source": "/x", "events": 9}, "suppressed", "9 events of /x"),
    ],
)
def test_gap_that_the_log_names_is_a_gap(
    log: MemoryLog, kind: str, details: dict[str, object], code: str, words: str
) -> None:
    rebuild(log, 2, 3, kind, details)
    report = verify(log, MAC_ONLY)
    finding = next(finding for finding in report.findings if finding.code == code)
    assert finding.severity is Severity.GAP and words in finding.message


def test_poison_without_loss_is_no_finding(log: MemoryLog) -> None:
    rebuild(log, 2, 3, "poison", {"reason": "x", "lost": 0})
    assert "lost" not in found(log)


@pytest.mark.parametrize("details", [{}, {"checkpoint": {}, "mac": "", "signature": ""}])
def test_checkpoint_record_without_checkpoint_is_found(log: MemoryLog, details: dict[str, object]) -> None:
    rebuild(log, 2, 3, "checkpoint", details)
    assert "checkpoint_invalid" in found(log)


@pytest.mark.parametrize("details", [{}, {"first_segment": 1, "first_index": 22, "previous": "00" * 32}])
def test_pruned_record_that_does_not_fit_excuses_nothing(log: MemoryLog, details: dict[str, object]) -> None:
    rebuild(log, 2, 3, "pruned", details)
    del log.files["000000.jsonl"]
    assert "segment_missing" in found(log)


@pytest.mark.parametrize(
    "recovered",
    [
        [],
        {"lost": []},
        {"lost": {"from": "a", "to": 1}},
        {"lost": {"from": 5, "to": 3}},
        {"lost": {"from": 0, "to": 999}},
    ],
)
def test_recovered_that_does_not_fit_excuses_nothing(log: MemoryLog, recovered: object) -> None:
    start = parse(log.files["000002.jsonl"].splitlines()[0])[2]
    rebuild(log, 2, 0, "segment_start", {**start.details, "recovered": recovered})
    del log.files["000001.jsonl"]
    assert "segment_missing" in found(log)


def test_first_record_that_follows_another_is_found(log: MemoryLog) -> None:
    head = Head(0, "ab" * 32)
    first = parse(log.files["000000.jsonl"].splitlines()[0])[2]
    line, _ = seal(first.event, head, 0, KEYS.mac)
    log.edit(0, lambda lines: [line + b"\n", *lines[1:]])
    assert "changed" in found(log)


def test_log_that_is_being_written_is_unsigned_at_most(tmp_path: Path) -> None:
    store = make_store(tmp_path, FakeClock())
    store.open()
    early = MemoryLog.of(tmp_path).files["HEAD"]
    store.write([event(), event()])
    log = MemoryLog.of(tmp_path)
    log.files["HEAD"] = early
    report = verify(log, PUBLIC_ONLY)
    assert codes(report) == {"unsigned", "unclean_end"}
    assert "2 records from 1 on" in next(f.message for f in report.findings if f.code == "unsigned")
    assert found(log, MAC_ONLY) == {"unclean_end"}
    store.close()


def test_many_findings_of_one_kind_are_counted() -> None:
    report = Report()
    for _ in range(1000):
        report.add("changed", "x")
    assert len(report.findings) == 100 and report.counts["changed"] == 1000
    assert Finding("torn", "x").severity is Severity.NOTE


def test_torn_line_in_the_middle_of_the_log_is_a_note(log: MemoryLog) -> None:
    log.files["000000.jsonl"] += b'{"mac":"torn'
    report = verify(log, BOTH)
    assert codes(report) == {"torn"} and not report.is_broken
    assert list(log.lines(0))[-1] == LogLine(b'{"mac":"torn', len(log.files["000000.jsonl"]) - 12, False, False)


@pytest.mark.parametrize("tail", [bytes(100_000), b"x", b'{"mac":'], ids=["100 kB of zeros", "one byte", "a beginning"])
def test_bytes_after_a_writer_that_ended_in_order_break_the_log(log: MemoryLog, tail: bytes) -> None:
    last = sorted(name for name in log.files if name.endswith(".jsonl"))[-1]
    assert not verify(log, BOTH).is_broken
    log.files[last] += tail
    for keys in (BOTH, MAC_ONLY, PUBLIC_ONLY):
        report = verify(log, keys)
        assert report.is_broken and "after_end" in codes(report) and "torn" not in codes(report)
