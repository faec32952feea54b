"""The latch file remembers the run; doubt counts as a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.safety.latch_file import LatchFile, LatchRecord


def test_missing_file_is_no_restart(tmp_path: Path) -> None:
    assert not LatchFile(tmp_path / "none" / "latch.json").is_restart("run-1")


def test_same_run_is_a_restart_and_another_is_not(tmp_path: Path) -> None:
    file = LatchFile(tmp_path / "folder" / "latch.json")
    file.save(LatchRecord("run-1", "ARMED"))
    assert file.is_restart("run-1")
    assert not file.is_restart("run-2")
    assert [path.name for path in file.path.parent.iterdir()] == ["latch.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run": 1}', b"\xff\xfe"])
def test_file_that_cannot_be_understood_counts_as_a_restart(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "latch.json"
    path.write_bytes(content)
    assert LatchFile(path).is_restart("run-1")


def test_unreadable_path_counts_as_a_restart(tmp_path: Path) -> None:
    (tmp_path / "latch.json").mkdir()
    assert LatchFile(tmp_path / "latch.json").is_restart("run-1")


def test_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        LatchFile(tmp_path / "file" / "latch.json").save(LatchRecord("run-1", "ARMED"))
