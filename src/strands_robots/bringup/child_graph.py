"""A simulated graph as a child of this process: `strands-robots sim`, which ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque

from strands_robots.bringup.environment import end_with_parent_prefix
from strands_robots.bringup.robots import check_robots, parse_robot

END_TIMEOUT = 15.0


class StartedGraph:
    """A graph that was started here; `end` ends it.

    Args:
        process: `strands-robots sim`, with its output in a pipe.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._last: deque[str] = deque(maxlen=40)
        self._reader = threading.Thread(target=self._read, name="log of the graph", daemon=True)
        self._reader.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> str:
        """End the graph and return the last lines of its log."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._reader.join(1.0)
        return " | ".join(list(self._last)[-6:])

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._last.append(line.rstrip())


def start_simulation(robot: str, namespace: str) -> StartedGraph:
    """Start a simulation of one robot.

    Args:
        robot: As --robot takes it: a known robot, or "<name>=<robot>".
        namespace: Namespace of the graph.

    Raises:
        UnknownNameError: If there is no such robot.
    """
    check_robots([parse_robot(robot)])
    command = [*end_with_parent_prefix(), sys.executable, "-m", "strands_robots.cli.main", "sim", "--robot", robot]
    command += ["--namespace", namespace, "--no-state"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    )  # fmt: skip
    return StartedGraph(process)
