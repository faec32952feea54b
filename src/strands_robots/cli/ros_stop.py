"""The half of `strands-robots estop` that goes over ROS, in a process of its own.

A middleware can end its process when it is loaded, hang in discovery, or fail to close its session. None of it may change the stop.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from strands_robots.cli.estop_words import SHORTEST_WAIT
from strands_robots.safety.stop_report import RestReport, StopReport

LATE = 1.0
"""The process is killed when it is this late [s]."""


@dataclass(frozen=True)
class RosRequest:
    """What is asked over ROS.

    Attributes:
        source: Who asks.
        reason: Why.
        namespace: Namespace of the graph.
        deadline: When the person no longer waits [s, steady time of this machine].
    """

    source: str
    reason: str
    namespace: str
    deadline: float


class RosStop:
    """A stop over ROS that is under way. `report` ends it.

    Args:
        request: What is asked.
    """

    def __init__(self, request: RosRequest) -> None:
        self._request = request
        self._problem = ""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            self._process: subprocess.Popen[str] | None = subprocess.Popen(
                [sys.executable, "-m", "strands_robots.cli.ros_stop", json.dumps(asdict(request))], env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            self._process, self._problem = None, str(error)

    def report(self) -> StopReport:
        """Return what became of it, at the latest when the person no longer waits."""
        if self._process is None:
            return StopReport(problem=self._problem)
        try:
            said, complaints = self._process.communicate(timeout=self._left() + LATE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            said, complaints = self._process.communicate()
        try:
            return _report(json.loads(said.splitlines()[-1]))
        except (ValueError, LookupError, TypeError):
            lines = [line.strip() for line in complaints.splitlines() if line.strip()]
            ending = (
                f"ended with {self._process.returncode}" if self._process.returncode >= 0 else "did not answer in time"
            )
            return StopReport(
                problem=f"the process that asks there {ending}: {lines[0] if lines else 'no words'}"[:500]
            )

    def _left(self) -> float:
        return max(self._request.deadline - time.monotonic(), SHORTEST_WAIT)


def _report(said: Mapping[str, Any]) -> StopReport:
    robots = tuple(RestReport(**robot) for robot in said["robots"])
    return StopReport(**{**said, "robots": robots})


def ask(request: RosRequest) -> StopReport:
    """Stop over ROS, in this process, and return what became of it; a middleware that fails is part of it."""
    try:
        from strands_robots.cli.cli_options import connected

        client = connected(request.namespace)
        from strands_robots.clients.safety_client import stop_graph

        wait = max(request.deadline - time.monotonic(), SHORTEST_WAIT)
        return stop_graph(client, request.source, request.reason, wait)
    except Exception as error:  # noqa: BLE001
        # Whatever it raises, the person needs to hear it beside what the robots said at their sockets.
        return StopReport(problem=f"{type(error).__name__}: {error}"[:500])


def main() -> None:
    """Ask, print the report as JSON, and leave: a session that does not close is left as it is."""
    report = ask(RosRequest(**json.loads(sys.argv[1])))
    print(json.dumps(asdict(report)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
