"""LeRobot's own calibrate command in a process that ends with its parent. To be run as a module by calibration_process.py."""

from __future__ import annotations

import sys

from strands_robots.core.worker_process import end_with_parent


def main() -> None:
    """Run lerobot-calibrate; the first argument is the number of the lifeline, the others are LeRobot's."""
    end_with_parent(int(sys.argv[1]))
    sys.argv = ["lerobot-calibrate", *sys.argv[2:]]
    from lerobot.scripts.lerobot_calibrate import main as calibrate

    calibrate()


if __name__ == "__main__":
    main()
