"""What a stop may depend on: the gate and the supervisor load no approvals, keys or files of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
FORBIDDEN = ("permits", "permit_journal", "approval_policy", "keyring", "authority", "decision", "approvals")


@pytest.mark.guarantee("Stop", "a stop depends on no approval, key or policy", "control/gate.py; safety/supervisor.py")
def test_gate_and_supervisor_load_nothing_of_approvals_and_keys() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "import strands_robots.control.gate, strands_robots.safety.supervisor\n"
        f"print([name for name in sys.modules if name.split('.')[-1] in {FORBIDDEN!r} or name == 'cryptography'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
