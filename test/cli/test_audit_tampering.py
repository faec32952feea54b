"""`strands-robots audit verify` against everything that somebody without the keys can do to a log: 0 before, 1 after."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.audit.audit_key import MAC_FILE, PUBLIC_FILE, load_or_create_keys
from strands_robots.audit.intake.source import EventSource
from strands_robots.audit.log.store import AuditStore, StoreConfig
from strands_robots.cli.audit import app

Tamper = Callable[[Path], None]


def append(home: Path) -> None:
    """Write ten more records, as another start of audit_node: a segment of their own."""
    store = AuditStore(home / "log", load_or_create_keys(home / "keys", create=True), StoreConfig())
    store.open()
    source = EventSource("/sim_node")
    store.write([source.event("refusal", {"reason": "limit", "number": number}) for number in range(10)])
    store.close()


def changed(home: Path, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = home / "log" / name
    path.chmod(0o600)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def change_a_byte(home: Path) -> None:
    changed(home, "000001.jsonl", lambda lines: [line.replace(b'"number":5', b'"number":6') for line in lines])


def remove_a_line(home: Path) -> None:
    changed(home, "000001.jsonl", lambda lines: lines[:4] + lines[5:])


def swap_two_lines(home: Path) -> None:
    changed(home, "000001.jsonl", lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]])


def cut_the_tail(home: Path) -> None:
    changed(home, "000002.jsonl", lambda lines: lines[:-3])


def remove_a_file(home: Path) -> None:
    (home / "log" / "000001.jsonl").unlink()


def put_an_old_copy_back(home: Path) -> None:
    shutil.rmtree(home / "log")
    shutil.copytree(home / "old", home / "log")


def replace_the_keys(home: Path) -> None:
    shutil.rmtree(home / "keys")
    load_or_create_keys(home / "keys", create=True)


@pytest.mark.guarantee("Audit", "each change of the log is found by verify", "audit/read/verify.py")
@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (change_a_byte, "changed"),
        (remove_a_line, "removed"),
        (swap_two_lines, "out_of_order"),
        (cut_the_tail, "truncated"),
        (remove_a_file, "segment_missing"),
        (put_an_old_copy_back, "replayed"),
        (replace_the_keys, "wrong_key"),
    ],
)
@pytest.mark.parametrize("with_keys", ["both", "public", "hmac"])
def test_verify_finds_what_was_done_to_a_log(tmp_path: Path, tamper: Tamper, code: str, with_keys: str) -> None:
    append(tmp_path)
    append(tmp_path)
    shutil.copytree(tmp_path / "log", tmp_path / "old")
    append(tmp_path)
    keys = {"public": ["--public-key", PUBLIC_FILE], "hmac": ["--mac-key", MAC_FILE], "both": []}[with_keys]
    given = [keys[0], str(tmp_path / "keys" / keys[1])] if keys else ["--key-folder", str(tmp_path / "keys")]
    command = ["verify", str(tmp_path / "log"), *given, "--remember", str(tmp_path / "memory"), "--json"]
    assert CliRunner().invoke(app, command).exit_code == 0
    tamper(tmp_path)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1, result.output
    report = json.loads(result.output)
    assert report["verdict"] == "BROKEN" and code in report["counts"], report["counts"]
    assert all(finding["message"].isascii() for finding in report["findings"])
