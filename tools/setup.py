"""Set up a checkout: Python environment, ROS 2, build. Run by `make setup`; it does only what has changed since.

A ROS 2 that the caller has sourced is used; otherwise ROS 2 comes as wheels from PyPI into .venv: Jazzy up to Python
3.12, Kilted beyond. Afterwards `source install/setup.bash` gives a shell with everything.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from pathlib import Path

if sys.version_info < (3, 8):  # noqa: UP036 - this script runs before any Python is chosen
    sys.exit("set-up failed: this is Python %d.%d\n  what to do: make setup PYTHON=python3.12" % sys.version_info[:2])

sys.path.insert(0, str(Path(__file__).resolve().parent))

from setup_steps.build import build
from setup_steps.checkout import Checkout, clean_environment, find_ros
from setup_steps.environment import prepare_environment, with_wheels_of
from setup_steps.report import SetupError, say, show_error
from setup_steps.system import check_rendering, ensure_compiler, ensure_rosdep


def set_up(checkout: Checkout, wanted_python: str | None, learning: bool) -> None:
    """Take every step in order; each one is skipped when what it depends on has not changed.

    Raises:
        SetupError: From the step that failed.
    """
    env = clean_environment(checkout)
    ros = find_ros(checkout, env)
    say("ros", "ROS 2 from PyPI wheels" if ros.is_wheels else str(ros))
    if ros.is_wheels:
        unsourced = sorted(Path("/opt/ros").glob("*/setup.bash"))
        if unsourced:
            say("", f"to use {unsourced[-1].parent} instead: source {unsourced[-1]}, make clean, make setup")
        for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "PYTHONPATH"):
            env.pop(name, None)
    ensure_rosdep(checkout, ros, env)
    python = prepare_environment(checkout, ros, env, wanted_python, learning)
    ros = with_wheels_of(ros, python)
    ensure_compiler(checkout, checkout.venv(ros), env)
    build(checkout, ros, python, env)
    check_rendering(checkout, python, env)


def main() -> int:
    """Run the set-up; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="the Python to make the environment of; default: the best one found")
    parser.add_argument("--learning", action="store_true", help="add LeRobot and torch (several gigabytes)")
    options = parser.parse_args()
    checkout = Checkout(Path(__file__).resolve().parents[1])
    checkout.state.mkdir(exist_ok=True)
    start = time.monotonic()
    with (checkout.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up(checkout, options.python, options.learning)
        except SetupError as error:
            show_error(error)
            return 1
    say("ready", f"in {time.monotonic() - start:.1f} s; a shell with everything: source {checkout.install}/setup.bash")
    return 0


if __name__ == "__main__":
    sys.exit(main())
