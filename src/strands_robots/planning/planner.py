"""What every planner is asked and answers, and the planners by name. No I/O."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.text import printable
from strands_robots.planning.scene_checker import SceneChecker

DEFAULT_PLANNER = "rrt_connect"
"""The planner that docs and commands suggest; docs/adr says why."""

ITERATIONS = 20_000
"""Most iterations of a search where none are given."""

MOST_ITERATIONS = 1_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """A search between joint positions.

    Attributes:
        checker: The robot in its scene; the start was taken by `start_at`.
        columns: Joints that may move.
        start: Joint positions (D,) [rad] or [m], free.
        goals: Joint positions (D,) each, free; any of them will do.
        seed: Seed of the planner's random numbers.
        iterations: Most iterations of the search.
        step: Largest way of any point of the robot between two checks of the search [m].
    """

    checker: SceneChecker
    columns: tuple[int, ...]
    start: FloatArray
    goals: tuple[FloatArray, ...]
    seed: int
    iterations: int
    step: float

    @property
    def lower(self) -> FloatArray:
        """Lowest positions (D',) of the joints that may move; a joint without limits turns once either way [rad] or [m]."""
        return np.maximum(self.checker.arm.limits.lower[list(self.columns)], -2.0 * np.pi)

    @property
    def upper(self) -> FloatArray:
        """Highest positions (D',) of the joints that may move."""
        return np.minimum(self.checker.arm.limits.upper[list(self.columns)], 2.0 * np.pi)


class Planner(Protocol):
    """A search for a way between joint positions."""

    def way_points(self, problem: Problem) -> FloatArray:
        """Return joint positions (N, D) from the start to one of the goals, straight lines between which are free at `problem.step`.

        Raises:
            MotionError: "no_path" if none was found; the message says how far the search went.
        """


@dataclass(frozen=True)
class PlannerEntry:
    """Where a planner is, and what it needs.

    Attributes:
        module, attribute: Where its class is.
        requires: Python package that must be installed; empty for none.
        install: How to install it.
    """

    module: str
    attribute: str
    requires: str = ""
    install: str = ""

    @property
    def is_there(self) -> bool:
        """Return whether it can be used on this machine."""
        return not self.requires or importlib.util.find_spec(self.requires) is not None


PLANNERS = {
    "rrt_connect": PlannerEntry("strands_robots.planning.rrt_connect", "RrtConnect"),
    "ompl_rrt_connect": PlannerEntry(
        "strands_robots.planning.ompl_planner", "OmplRrtConnect", "ompl", "pip install -r requirements/planning.txt"
    ),
    "ompl_bit_star": PlannerEntry(
        "strands_robots.planning.ompl_planner", "OmplBitStar", "ompl", "pip install -r requirements/planning.txt"
    ),
    "roboplan": PlannerEntry(
        "strands_robots.planning.roboplan_planner", "RoboPlanRrt", "roboplan", "pip install roboplan==0.7.0"
    ),
    "moveit": PlannerEntry(
        "strands_robots.planning.outside_planner", "OutsidePlanner", "moveit_msgs", "with a ROS installation and MoveIt"
    ),
    "curobo": PlannerEntry(
        "strands_robots.planning.curobo_planner",
        "CuroboPlanner",
        "curobo",
        "from source: github.com/NVlabs/curobo, version 2, with a CUDA device",
    ),
}
"""All planners by name."""


def planner(name: str) -> Planner:
    """Return a planner.

    Raises:
        MotionError: "invalid_goal" if there is none of this name here; the message lists those that are, and how to get a missing one.
    """
    there = ", ".join(name for name, entry in PLANNERS.items() if entry.is_there)
    entry = PLANNERS.get(name)
    if entry is None:
        raise MotionError("invalid_goal", f"unknown planner '{printable(name)}'; valid: {there}")
    if not entry.is_there:
        raise MotionError(
            "invalid_goal",
            f"planner '{name}' needs {entry.requires}, which is not installed ({entry.install}); valid: {there}",
        )
    made: Planner = getattr(importlib.import_module(entry.module), entry.attribute)()
    return made
