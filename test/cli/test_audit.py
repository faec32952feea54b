"""`strands-robots audit`: what it prints and its exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.audit.audit_key import MAC_FILE, PUBLIC_FILE, load_or_create_keys
from strands_robots.audit.event import Durability
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.cli.audit import app
from strands_robots.core.errors import ConfigurationError, UnknownNameError

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    return tmp_path / "strands_robots"


@pytest.fixture
def log(home: Path) -> Path:
    path = home / "audit" / "domain7"
    write(path, home / "audit_keys")
    return path


def write(path: Path, key_folder: Path) -> None:
    store = AuditStore(path, load_or_create_keys(key_folder, create=True), StoreConfig())
    store.open()
    source = EventSource("/sim_node")
    store.write([source.event("refusal", {"reason": "limit", "number": number}, robot="so101") for number in range(30)])
    store.write(
        [source.event("stop", {"reason": "smoke\x1b[2J \u20ac"}, actor="operator/anna", durability=Durability.NOW)]
    )
    store.close()


@pytest.fixture
def run() -> Run:
    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return call


def test_whole_log_gives_0(log: Path, run: Run) -> None:
    code, text = run("verify")
    assert code == 0 and text.startswith("WHOLE: 34 records")
    assert "old copy" in text


def test_broken_log_gives_1_and_names_the_line(log: Path, run: Run) -> None:
    segment = log / "000000.jsonl"
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes().replace(b"smoke", b"spoke"))
    code, text = run("verify")
    assert code == 1 and "BROKEN" in text and "broken: changed: 000000.jsonl: line 32" in text
    code, text = run("verify", "--json")
    report = json.loads(text)
    assert code == 1 and report["verdict"] == "BROKEN" and report["counts"] == {"changed": 1}
    assert report["findings"][0]["severity"] == "broken" and report["findings"][0]["index"] == 31


@pytest.mark.parametrize(
    "arguments", [["verify", "/nowhere"], ["verify", "--mac-key", "/nowhere/key"], ["verify", "--anchor", "/nowhere"]]
)
def test_what_cannot_be_checked_gives_2(log: Path, run: Run, arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_readable_key_gives_2_and_says_why(log: Path, home: Path, run: Run) -> None:
    (home / "audit_keys" / MAC_FILE).chmod(0o644)
    code, text = run("verify")
    assert code == 2 and "mode 0644; valid: 0600" in text


def test_named_gap_gives_3_and_0_when_allowed(log: Path, home: Path, run: Run) -> None:
    segment = log / "000000.jsonl"
    segment.chmod(0o600)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-3]))
    write(log, home / "audit_keys")
    code, text = run("verify")
    assert code == 3 and "INTACT, WITH GAPS" in text and "gap: lost" in text
    assert run("verify", "--allow-gaps")[0] == 0


def test_each_key_alone_is_enough(log: Path, home: Path, run: Run) -> None:
    assert run("verify", "--public-key", home / "audit_keys" / PUBLIC_FILE)[0] == 0
    assert run("verify", log, "--mac-key", home / "audit_keys" / MAC_FILE)[0] == 0


def test_old_copy_is_found_by_what_was_remembered(log: Path, home: Path, run: Run, tmp_path: Path) -> None:
    memory, copy = tmp_path / "memory.json", tmp_path / "copy"
    assert run("verify", "--remember", memory)[0] == 0
    log.rename(copy)
    log.mkdir(mode=0o700)
    for path in copy.iterdir():
        (log / path.name).write_bytes(path.read_bytes())
    write(log, home / "audit_keys")
    assert run("verify", "--remember", memory)[0] == 0
    code, text = run("verify", copy, "--anchor", memory)
    assert code == 1 and "replayed" in text and "old copy" in text
    assert run("verify", copy, "--anchor", copy / "HEAD")[0] == 0
    (tmp_path / "no_checkpoint").write_text("{}")
    assert run("verify", "--anchor", tmp_path / "no_checkpoint")[0] == 2


def test_many_findings_are_counted(log: Path, run: Run) -> None:
    segment = log / "000000.jsonl"
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes() + b"x\n" * 250)
    code, text = run("verify")
    assert code == 1 and "unreadable: 150 more" in text


def test_tail_prints_the_last_in_ascii(log: Path, run: Run) -> None:
    code, text = run("tail", "-n", "3")
    lines = text.splitlines()
    assert code == 0 and len(lines) == 3 and text.isascii() and "\x1b" not in text
    assert "stop - operator/anna" in lines[0] and "log_end" in lines[2]


def test_tail_filters(log: Path, run: Run) -> None:
    assert len(run("tail", "--kind", "refusal", "--robot", "so101", "--since", "1h", "-n", "100")[1].splitlines()) == 30
    assert run("tail", "--since", "2999-01-01")[1] == ""
    assert run("tail", "--robot", "other")[1] == ""
    text = run("tail", "--kind", "stop", "--json")[1]
    assert json.loads(text)["details"]["reason"].startswith("smoke")


def test_tail_without_a_log_says_where_it_looked(home: Path, run: Run) -> None:
    with pytest.raises(ConfigurationError, match="domain7"):
        run("tail")


def test_tail_follows(log: Path, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = iter([lambda: write(log, home / "audit_keys"), lambda: None])

    def wait(seconds: float) -> None:
        action = next(rounds, None)
        if action is None:
            raise KeyboardInterrupt
        action()

    monkeypatch.setattr("strands_robots.cli.audit.time.sleep", wait)
    result = CliRunner().invoke(app, ["tail", "-f", "-n", "1", "--kind", "stop"])
    assert len(result.output.splitlines()) == 2


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "archive"])
def test_export_writes_a_file(log: Path, run: Run, tmp_path: Path, file_format: str) -> None:
    code, text = run("export", tmp_path / "out", "--format", file_format)
    assert code == 0 and "written to" in text and (tmp_path / "out").stat().st_size > 500


def test_export_to_the_standard_output_filters(log: Path, run: Run) -> None:
    assert run("export", "-", log, "--kind", "stop")[1].count('"kind":"stop"') == 1


def test_export_refuses_what_it_cannot_do(log: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="archive"):
        run("export", tmp_path / "out", "--format", "xml")
    with pytest.raises(ConfigurationError, match="whole log"):
        run("export", tmp_path / "out", "--format", "archive", "--kind", "stop")
    with pytest.raises(ConfigurationError, match="cannot be exported"):
        run("export", tmp_path / "out", tmp_path / "nowhere")
    assert not os.path.exists(tmp_path / "out")
