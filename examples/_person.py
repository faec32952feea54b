"""The person in the examples sits at the terminal; where there is none, as in CI, the example plays them."""

from __future__ import annotations

import subprocess
import sys


def ask_person(*words: str) -> None:
    """Have a command of strands-robots run by a person in another shell; without a terminal run it here."""
    command = " ".join(["strands-robots", *words])
    if sys.stdin.isatty():
        input(f"\nin another shell: {command}\nthen press Enter ")
        return
    print(f"\na person runs: {command}", flush=True)
    subprocess.run([sys.executable, "-m", "strands_robots.cli.entry", *words], check=True)
