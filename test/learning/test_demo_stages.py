"""Stages of tools/demo_corrections.py go on after an interruption, with a strands-robots that fails in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_stages_that_were_cut_off_are_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.delitem(sys.modules, "demo_corrections", raising=False)
    import demo_corrections

    command = tmp_path / "bin" / "strands-robots"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho half\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    stages = {name: (done, words) for name, done, words in demo_corrections.stages(tmp_path, demo_corrections.SMOKE)}
    done, words = stages["adapter"]
    assert subprocess.run(words, check=False).returncode != 0
    assert not done.exists(), "an adapter that was not made does not count as made"
    (tmp_path / "dataset_weak").mkdir()
    (tmp_path / "dataset_weak" / "info.json").write_text("{}")
    for _ in range(2):
        subprocess.run(stages["copy_corrected"][1], check=True)
    assert [path.name for path in (tmp_path / "dataset_corrected").iterdir()] == ["info.json"]
    assert "--resume" in stages["evaluate_weak"][1]
