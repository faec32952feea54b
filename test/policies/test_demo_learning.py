"""`make demo-learning` in its smallest form: every stage for real, and a second run that finds everything done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

pytestmark = [pytest.mark.learning, pytest.mark.long, pytest.mark.timeout(600)]

DEMO = Path(__file__).resolve().parents[2] / "tools" / "demo_learning.py"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEMO), "--smoke", "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, env={**os.environ}, check=False)


def test_demo_goes_through_every_stage_and_a_second_run_finds_them_done(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = _run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("act", "untrained", "sine"):
        results = json.loads((folder / "evaluation" / name / "results.json").read_text())
        assert results["episodes"] == 2
        assert f"  {name} " in done.stdout
        assert {one["reason"] for one in results["results"]} <= {"completed", "condition_met"}, results["results"]
    assert (folder / "demo_learning.png").stat().st_size > 10_000
    begin = time.monotonic()
    again = _run(folder)
    assert again.returncode == 0, again.stdout + again.stderr
    assert done.stdout.split("policy")[1].split("\n\n")[0] == again.stdout.split("policy")[1].split("\n\n")[0]
    assert time.monotonic() - begin < 60.0


def test_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    done = _run(tmp_path)
    assert done.returncode == 1
    assert "was made with other settings; valid: --fresh, or another --folder" in done.stderr
