"""Runs the tests in parts: those without ROS processes, the graphs, and alone what failed beside others.

A robot stops when its heartbeat waits for the processor for 0.25 s. Two graphs at a time seldom come to that, since robot and safety
nodes go before the rest; where it happens the test says nothing about the robot, so it is repeated with the machine for itself.

    python tools/run_tests.py [--workers 2] [-m "not long"] [arguments of pytest]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NO_TESTS = 5
"""What pytest ends with when nothing was selected; fine in one part."""
FAILED = 1
"""What it ends with when tests failed."""
MOST_REPEATED = 60
"""More failures than this are no accident."""


def main() -> int:
    """Run every part, also when an earlier one has failures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes that run tests side by side")
    parser.add_argument("-m", dest="marks", default="not long", help="marks, as pytest takes them")
    given, rest = parser.parse_known_args()
    beside = ["-n", str(given.workers), "--dist", "loadfile"] if given.workers > 1 else []
    # Compiled once: each worker and each part would compile every test again, and every process what a test changed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        codes = []
        for part, marks in (("rest", "not graph"), ("graph", "graph")):
            failed = Path(folder) / part
            marked = ["-m", f"({given.marks}) and {marks}", f"--part={part}"]
            code = _pytest([*marked, f"--failed-to={failed}", *beside, *rest])
            if code == FAILED and beside:
                code = _repeat(failed, code)
            if code == 2:  # interrupted
                return 2
            codes.append(code)
    failures = [code for code in codes if code not in (0, NO_TESTS)]
    if failures:
        return failures[0]
    return NO_TESTS if codes == [NO_TESTS, NO_TESTS] else 0


def _repeat(failed: Path, code: int) -> int:
    """Run the tests named in a file one after the other; return the exit code, or `code` where there are none or too many."""
    names = failed.read_text(encoding="utf-8").splitlines() if failed.is_file() else []
    if not 0 < len(names) <= MOST_REPEATED:
        return code
    print(f"\nonce more, alone: {len(names)} tests that failed beside others", flush=True)
    return _pytest(["-m", "", *names])


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
