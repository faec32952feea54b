"""A process that plans for one robot or several, so that planning takes no time from what moves robots, and may be killed. ROS-free.

It is started with the first question and kept, with the compiled scene, for the next ones.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.core.worker_process import exit_words, start_worker
from strands_robots.description.robot_config import RobotConfig
from strands_robots.planning.group_job import GroupJob
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob

SLICE = 0.02
"""Time between two looks whether the question is given up [s]."""

SEARCH = "search"
"""What a planning process says when another program shall search."""

Search = Callable[[OutsideSearch, Callable[[], bool]], FloatArray]
"""Returns way points (N, D') of another program; raises MotionError."""

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


@dataclass(frozen=True)
class PlannedGroup:
    """Several robots that a process plans for together.

    Attributes:
        robots: The robots.
    """

    robots: tuple[PlannedRobot, ...]


class PlanProcess:
    """Plans for one robot, or for several together. `plan` may be called from any thread; one question is answered at a time.

    Args:
        robot: The robot, or the robots.
        search: Asks another program for a way; given the search and what says that it is given up. None: there is no other program.
    """

    def __init__(self, robot: PlannedRobot | PlannedGroup, search: Search | None = None) -> None:
        self._robot, self._search = robot, search
        self._lock = threading.Lock()
        self._worker: tuple[subprocess.Popen[bytes], Connection, int] | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None while there is no process."""
        worker = self._worker
        return None if worker is None else worker[0].pid

    def plan(self, job: PlanJob | GroupJob, is_over: Callable[[], bool]) -> Plan:
        """Return the plan.

        Args:
            job: The question; of several robots for several.
            is_over: Asked while waiting; True gives the question up and ends the process.

        Raises:
            MotionError: The planner's; "planner_lost" if the process ended, "cancelled" if it was given up.
            ConfigurationError: The planner's.
        """
        with self._turn(is_over):
            self._start(is_over)
            kind, answer = self._answer(job, is_over)
        if kind == "plan":
            plan: Plan = answer
            return plan
        if kind == "motion":
            raise MotionError(*answer)
        raise ConfigurationError(answer)

    def start(self, is_over: Callable[[], bool]) -> None:
        """Start the process and wait until it can plan; `plan` does so where this was not called.

        Raises:
            MotionError: "planner_lost" or "cancelled", as `plan`.
            ConfigurationError: If it cannot use the robot's model.
        """
        with self._turn(is_over):
            self._start(is_over)

    def close(self) -> None:
        """End the process at once."""
        worker, self._worker = self._worker, None
        if worker is not None:
            process, pipe, lifeline = worker
            process.kill()
            process.wait()
            pipe.close()
            os.close(lifeline)

    @contextmanager
    def _turn(self, is_over: Callable[[], bool]) -> Iterator[None]:
        while not self._lock.acquire(timeout=SLICE):
            if is_over():
                raise MotionError("cancelled", "the plan was given up before its search began")
        try:
            yield
        finally:
            self._lock.release()

    def _start(self, is_over: Callable[[], bool]) -> None:
        if self._worker is not None and self._worker[0].poll() is not None:
            self.close()  # it ended between two questions; nothing was lost
        if self._worker is not None:
            return
        self._worker = start_worker(_MODULE)
        kind, answer = self._answer(self._robot, is_over)
        if kind == "error":
            self.close()
            raise ConfigurationError(answer)

    def _answer(
        self, question: PlannedRobot | PlannedGroup | PlanJob | GroupJob, is_over: Callable[[], bool]
    ) -> tuple[str, Any]:
        assert self._worker is not None  # started by the caller
        process, pipe, _ = self._worker
        try:
            pipe.send(question)
            answer = self._next(pipe, is_over)
            while answer[0] == SEARCH:
                pipe.send(self._outside(answer[1], is_over))
                answer = self._next(pipe, is_over)
        except (EOFError, OSError):
            process.wait()
            self.close()
            raise MotionError(
                "planner_lost",
                f"the planner's process ended with {exit_words(process.returncode)}; there is no plan; valid: ask again, "
                "a new process is started",
            ) from None
        return answer

    def _next(self, pipe: Connection, is_over: Callable[[], bool]) -> tuple[str, Any]:
        """Return what the process says next; EOFError if it has ended."""
        while not pipe.poll(SLICE):
            if is_over():
                self.close()
                raise MotionError("cancelled", "the plan was given up; its process was ended")
        answer: tuple[str, Any] = pipe.recv()
        return answer

    def _outside(self, search: OutsideSearch, is_over: Callable[[], bool]) -> tuple[str, Any]:
        """Ask the other program for the process."""
        try:
            if self._search is None:
                raise MotionError("invalid_goal", "there is no way to another planner here; valid: rrt_connect")
            return "points", self._search(search, is_over)
        except MotionError as error:
            return "motion", (error.reason, str(error), error.miss)
