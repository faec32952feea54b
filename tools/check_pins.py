"""Resolve the pinned requirements for every Python that the package supports. Run by `make lint`; installs nothing.

python tools/check_pins.py [--versions 3.10 3.12]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from setup_steps.install_log import explain, is_network_trouble  # noqa: E402

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
FILES = ("base", "dev", "agent", "planning", "console")


def check(uv: Path, version: str) -> str:
    """Return why the requirements do not fit a Python; empty when they do, "network: ..." when it could not be asked."""
    files = [str(ROOT / "requirements" / f"{name}.txt") for name in FILES]
    command = [
        str(uv),
        "pip",
        "compile",
        "--quiet",
        "--python-version",
        version,
        "--index-strategy",
        "unsafe-best-match",
    ]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    if is_network_trouble(done.stderr):
        return f"network: {done.stderr.strip().splitlines()[-1]}"
    return explain(done.stderr) or done.stderr.strip()[-500:]


def main() -> int:
    """Print a line for each Python that does not fit; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", nargs="+", default=VERSIONS, help="Pythons to resolve for")
    versions = parser.parse_args().versions
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        print("pins: not checked, uv is not installed beside this Python")
        return 0
    problems = {version: check(uv, version) for version in versions}
    for version, problem in problems.items():
        if problem:
            print(f"pins: Python {version}: {problem}")
    return int(any(problem and not problem.startswith("network: ") for problem in problems.values()))


if __name__ == "__main__":
    sys.exit(main())
