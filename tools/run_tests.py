"""Runs the tests in two parts: those without ROS processes on several workers, then the graphs, one after the other.

A robot stops when its heartbeat waits for the processor for 0.25 s, so nothing runs beside a graph.

    python tools/run_tests.py [--workers 2] [-m "not long"] [arguments of pytest]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

NO_TESTS = 5
"""What pytest ends with when nothing was selected; fine in one part."""


def main() -> int:
    """Run both parts, also when the first has failures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes of the first part")
    parser.add_argument("-m", dest="marks", default="not long", help="marks, as pytest takes them")
    given, rest = parser.parse_known_args()
    parts = {
        "not graph": ["--part=rest", *(["-n", str(given.workers), "--dist", "loadfile"] if given.workers > 1 else [])],
        "graph": ["--part=graph"],
    }
    # Compiled once: each worker and each part would compile every test again, and every process what a test changed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    codes = []
    for part, options in parts.items():
        command = [sys.executable, "-m", "pytest", "-m", f"({given.marks}) and {part}", *options, *rest]
        codes.append(subprocess.run(command, check=False).returncode)
        if codes[-1] == 2:  # interrupted
            return 2
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    if failed:
        return failed[0]
    return NO_TESTS if codes == [NO_TESTS, NO_TESTS] else 0


if __name__ == "__main__":
    sys.exit(main())
