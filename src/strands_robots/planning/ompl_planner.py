"""OMPL's planners behind the same protocol. OMPL is loaded only when one is asked for.

Source: Sucan, Moll and Kavraki 2012, "The Open Motion Planning Library"; Python package ompl 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.planning.planner import Problem
from strands_robots.planning.rrt_connect import shortened


class _OmplPlanner:
    """One of OMPL's planners. Its search is bounded by collision checks: 50 for each iteration that is asked for.

    The seed is used for the shortcuts only: OMPL's own random numbers are one sequence for the whole process, so another plan may come out.
    """

    name = ""

    def way_points(self, problem: Problem) -> FloatArray:
        """Return a way; see `Planner`."""
        from ompl import base, geometric, util

        util.setLogLevel(util.LogLevel.LOG_NONE)
        columns = list(problem.columns)
        space = base.RealVectorStateSpace(len(columns))
        bounds = base.RealVectorBounds(len(columns))
        for i, (low, high) in enumerate(zip(problem.lower.tolist(), problem.upper.tolist())):
            bounds.setLow(i, low - 1e-9)
            bounds.setHigh(i, high + 1e-9)
        space.setBounds(bounds)
        extent = float(np.linalg.norm(problem.upper - problem.lower))
        # OMPL checks an edge at a fraction of the space's extent; the sweep of the widest joint makes it metres.
        space.setLongestValidSegmentFraction(
            min(problem.step / float(problem.checker.radii[columns].max()) / extent, 0.05)
        )
        setup = geometric.SimpleSetup(space)
        budget = [50 * problem.iterations]
        full = problem.start.copy()

        def is_valid(state: Any) -> bool:
            budget[0] -= 1
            full[columns] = [state[i] for i in range(len(columns))]
            return problem.checker.is_free(full)

        setup.setStateValidityChecker(is_valid)
        setup.setPlanner(getattr(geometric, self.name)(setup.getSpaceInformation()))
        for goal in sorted(problem.goals, key=lambda goal: float(np.linalg.norm(goal - problem.start))):
            if budget[0] <= 0:
                break
            setup.clear()
            setup.setStartAndGoalStates(_state(space, problem.start[columns]), _state(space, goal[columns]))
            out_of_budget = base.PlannerTerminationCondition(lambda: budget[0] <= 0)
            exact = base.exactSolnPlannerTerminationCondition(setup.getProblemDefinition())
            setup.solve(base.plannerOrTerminationCondition(out_of_budget, exact))
            if setup.haveExactSolutionPath():
                path = setup.getSolutionPath()
                points = np.tile(problem.start, (path.getStateCount(), 1))
                points[:, columns] = [[state[i] for i in range(len(columns))] for state in path.getStates()]
                points[-1] = goal
                return shortened(problem, points, np.random.default_rng(problem.seed))
        raise MotionError(
            "no_path",
            f"OMPL's {self.name} found no way within {50 * problem.iterations} collision checks; the robot was not moved; "
            "valid: more iterations, another goal or fewer obstacles",
        )


def _state(space: Any, values: FloatArray) -> Any:
    state = space.allocState()
    for i, value in enumerate(values.tolist()):
        state[i] = value
    return state


class OmplRrtConnect(_OmplPlanner):
    """OMPL's RRT-Connect."""

    name = "RRTConnect"


class OmplBitStar(_OmplPlanner):
    """OMPL's BIT*, until its first solution."""

    name = "BITstar"
