"""What a person sees in the terminal while teleoperating: keys once, then one line of state. No ROS."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence

from strands_robots.teleop.teleoperation import TeleopReport

PERIOD = 0.2
"""Time between two lines [s]."""

WIDTH = 118


def state_line(report: TeleopReport) -> str:
    """Return what goes on in one line of ASCII."""
    state = "MOVES " if report.engaged else "holds "
    bad = sum(report.bad_frames.values())
    text = f"{state} {report.robot}  {report.mode.name.lower():<6}  speed {report.speed:.2f}  input {report.input_rate:4.0f} Hz"
    if bad:
        text += f"  {bad} bad frames"
    if report.message:
        text += f"  | {report.message}"
    return text.encode("ascii", "backslashreplace").decode()[:WIDTH]


class Screen:
    """Writes the line again and again in a thread of its own, so that a terminal that hangs holds up nothing.

    Args:
        lines: Written once.
        report: Returns what goes on.
    """

    def __init__(self, lines: Sequence[str], report: Callable[[], TeleopReport]) -> None:
        self._lines = tuple(lines)
        self._report = report
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; does not wait for a terminal that hangs."""
        self._ending.set()
        self._thread.join(0.3)

    def _run(self) -> None:
        sys.stdout.write("\n".join(self._lines) + "\n")
        while not self._ending.wait(PERIOD):
            sys.stdout.write("\r" + state_line(self._report()).ljust(WIDTH))
            sys.stdout.flush()
        sys.stdout.write("\n")
        sys.stdout.flush()
