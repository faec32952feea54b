"""lerobot-train as a child that does not outlive the pipeline: two trainers in one folder would spoil each other's checkpoints.

    python -m strands_robots.learning.pipeline.trainer PARENT_PID --policy.type=act ...

The words after the parent's process id are lerobot-train's.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

from strands_robots.core.parent_end import signal_with_parent

_MODULE = "lerobot.scripts.lerobot_train"


def main() -> None:
    """Run LeRobot's trainer until it ends or the parent does."""
    parent = int(sys.argv[1])
    signal_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # It died before the kernel was asked.
    sys.argv = [_MODULE, *sys.argv[2:]]
    runpy.run_module(_MODULE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
