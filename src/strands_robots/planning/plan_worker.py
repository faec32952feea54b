"""The process in which plans are made: answers one question after the other over a pipe. Started by `plan_process`; ROS-free.

python -m strands_robots.planning.plan_worker PIPE LIFELINE        (two inherited file descriptors)
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, StrandsRobotsError
from strands_robots.core.worker_process import end_with_parent
from strands_robots.motion.arm import Arm
from strands_robots.planning.group_planner import GroupPlanner
from strands_robots.planning.outside_planner import OutsidePlanner, OutsideSearch
from strands_robots.planning.plan_process import SEARCH, PlannedGroup, PlannedRobot
from strands_robots.planning.scene_planner import ScenePlanner
from strands_robots.planning.time_law import load_time_laws

NICENESS = 5
"""What moves robots goes first."""


def main() -> int:
    """Answer until the pipe closes. An error that is no answer ends the process, with its traceback in the log."""
    pipe_fd, lifeline = (int(argument) for argument in sys.argv[1:3])
    end_with_parent(lifeline)
    os.nice(NICENESS)
    pipe = Connection(pipe_fd)
    given: PlannedRobot | PlannedGroup = pipe.recv()
    planner: ScenePlanner | GroupPlanner
    try:
        planner = (
            GroupPlanner([_arm(robot) for robot in given.robots])
            if isinstance(given, PlannedGroup)
            else ScenePlanner(_arm(given))
        )
    except StrandsRobotsError as error:
        pipe.send(("error", str(error)))
        return 1
    load_time_laws()
    OutsidePlanner.ask = staticmethod(lambda search: _ask(pipe, search))
    pipe.send(("ready", ""))
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return 0
        pipe.send(_answer(job, planner))


def _ask(pipe: Connection, search: OutsideSearch) -> FloatArray:
    """Have the parent ask another program; raises MotionError."""
    pipe.send((SEARCH, search))
    kind, answer = pipe.recv()
    if kind == "motion":
        raise MotionError(*answer)
    points: FloatArray = answer
    return points


def _arm(robot: PlannedRobot) -> Arm:
    return Arm(robot.config, robot.name, avoid_ground=robot.avoid_ground)


def _answer(job: Any, planner: ScenePlanner | GroupPlanner) -> tuple[str, Any]:
    try:
        return "plan", job.plan(planner)
    except MotionError as error:
        return "motion", (error.reason, str(error), error.miss)
    except StrandsRobotsError as error:
        return "error", str(error)


if __name__ == "__main__":
    sys.exit(main())
