"""A process that plans for one robot, so that planning takes no time from what moves robots, and may be killed. ROS-free.

It is started with the first question and kept, with the compiled scene, for the next ones.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.core.worker_process import exit_words, start_worker
from strands_robots.description.robot_config import RobotConfig
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob

SLICE = 0.02
"""Time between two looks whether the question is given up [s]."""

_MODULE = "strands_robots.planning.plan_worker"


@dataclass(frozen=True)
class PlannedRobot:
    """The robot that a process plans for.

    Attributes:
        config: What kind of robot it is.
        name: Its name on the graph.
        avoid_ground: Take the plane under its base for an obstacle.
    """

    config: RobotConfig
    name: str
    avoid_ground: bool


class PlanProcess:
    """Plans for one robot. `plan` may be called from any thread; one question is answered at a time.

    Args:
        robot: The robot.
    """

    def __init__(self, robot: PlannedRobot) -> None:
        self._robot = robot
        self._lock = threading.Lock()
        self._worker: tuple[subprocess.Popen[bytes], Connection, int] | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None while there is no process."""
        worker = self._worker
        return None if worker is None else worker[0].pid

    def plan(self, job: PlanJob, is_over: Callable[[], bool]) -> Plan:
        """Return the plan.

        Args:
            job: The question.
            is_over: Asked while waiting; True gives the question up and ends the process.

        Raises:
            MotionError: The planner's; "planner_lost" if the process ended, "cancelled" if it was given up.
            ConfigurationError: The planner's.
        """
        while not self._lock.acquire(timeout=SLICE):
            if is_over():
                raise MotionError("cancelled", "the plan was given up before its search began")
        try:
            return self._ask(job, is_over)
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process at once."""
        worker, self._worker = self._worker, None
        if worker is not None:
            process, pipe, lifeline = worker
            process.kill()
            process.wait()
            pipe.close()
            os.close(lifeline)

    def _ask(self, job: PlanJob, is_over: Callable[[], bool]) -> Plan:
        if self._worker is not None and self._worker[0].poll() is not None:
            self.close()  # it ended between two questions; nothing was lost
        process, pipe, _ = worker = self._worker or start_worker(_MODULE)
        try:
            if self._worker is None:
                self._worker = worker
                pipe.send(self._robot)
            pipe.send(job)
            while not pipe.poll(SLICE):
                if is_over():
                    self.close()
                    raise MotionError("cancelled", "the plan was given up; its process was ended")
            kind, answer = pipe.recv()
        except (EOFError, OSError):
            process.wait()
            self.close()
            raise MotionError(
                "planner_lost",
                f"the planner's process ended with {exit_words(process.returncode)}; there is no plan; valid: ask again, "
                "a new process is started",
            ) from None
        if kind == "plan":
            plan: Plan = answer
            return plan
        if kind == "motion":
            raise MotionError(*answer)
        raise ConfigurationError(answer)
