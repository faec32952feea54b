"""tools/demo_corrections.py in its smallest form: every stage for real, to the paired comparison."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

pytestmark = [pytest.mark.learning, pytest.mark.long, pytest.mark.timeout(900)]

DEMO = Path(__file__).resolve().parents[2] / "tools" / "demo_corrections.py"


def test_corrections_are_held_against_plain_demonstrations(tmp_path: Path) -> None:
    command = [sys.executable, str(DEMO), "--smoke", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    logs = {path.name: path.read_text()[-1500:] for path in tmp_path.rglob("*.log")}
    assert done.returncode == 0, f"{done.stderr}\n{logs}"
    for name in ("weak", "corrected", "plain"):
        assert f"  {name:<10} " in done.stdout
    assert "plain demonstrations (A) against corrections (B), the same episodes:" in done.stdout
    assert "of 2" in done.stdout.split("corrections (B)")[0]
    training = logs["train_corrected.log"]
    assert "without_mistakes" in (tmp_path / "demo/train_corrected.log").read_text(), training
