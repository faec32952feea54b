"""RoboPlan's RRT-Connect behind the same protocol. RoboPlan is loaded only when it is asked for.

It plans in the robot's model and scene as they are checked here, written as URDF, with its own collision detection (Coal).
What it answers is checked here once more.

Source: Python package roboplan 0.7.0.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.planning.chain_urdf import ChainUrdf
from strands_robots.planning.planner import Problem
from strands_robots.planning.robot_group import single_arm
from strands_robots.planning.rrt_connect import shortened

GROUP = "moving"
"""Group of the joints that move."""

LONGEST_EDGE = 0.6
"""Longest edge of a tree [rad] or [m], over all joints."""

SECONDS_A_NODE = 1e-3
"""A search ends after this time for each node that it may have [s, wall clock], which is ten times what one takes."""

GROWTHS = (0.0, 0.003, 0.01)
"""How much larger shapes are made when a way was found that is not free here [m], one after the other."""


class RoboPlanRrt:
    """RRT-Connect of RoboPlan: seeded, bounded by as many nodes as iterations are asked for, and by a time for each."""

    def way_points(self, problem: Problem) -> FloatArray:
        """Return a way; see `Planner`."""
        if problem.checker.constraints:
            raise MotionError(
                "invalid_goal", "planner 'roboplan' knows no limits of the tool's place or turn; valid: rrt_connect"
            )
        why = ""
        with tempfile.TemporaryDirectory(prefix="roboplan_") as folder:
            for growth in GROWTHS:
                points, why = _Search(problem, growth, Path(folder)).run()
                if points is not None:
                    return shortened(problem, points, np.random.default_rng(problem.seed))
        raise MotionError(
            "no_path",
            f"RoboPlan found no way within {problem.iterations} nodes ({why}); the robot was not moved; valid: more iterations, "
            "another seed, another goal or fewer obstacles",
        )


class _Search:
    """One search, with shapes of one size."""

    def __init__(self, problem: Problem, growth: float, folder: Path) -> None:
        from roboplan.core import Scene, loadUrdfSceneDescriptionFromXml

        self._problem, checker = problem, problem.checker
        model, arm = checker.model, single_arm(checker.arm, "roboplan")
        joints = [int(model.joint(arm.limits.names[column]).id) for column in problem.columns]
        _refuse_followers(model, joints, arm.limits.names)
        chain = ChainUrdf(model, checker.placed(problem.start), tuple(joints), checker.growths(growth), folder)
        self._scene = Scene("scene", loadUrdfSceneDescriptionFromXml(chain.text()))
        self._names = [chain.joint_name(joint) for joint in joints]
        self._zero = np.array([model.qpos0[model.jnt_qposadr[joint]] for joint in joints])
        self._scene.addGroup(GROUP, self._names)
        touching = [
            (chain.shapes[first], chain.shapes[second])
            for first, second in itertools.combinations(chain.shapes, 2)
            if (model.body_weldid[model.geom_bodyid[first]] or model.body_weldid[model.geom_bodyid[second]])
            and checker.may_touch(first, second)
        ]
        if touching:
            self._scene.setCollisions(touching, False)

    def run(self) -> tuple[FloatArray | None, str]:
        """Return way points (N, D) whose straight lines are free, or None and why there are none."""
        from roboplan.core import JointConfiguration
        from roboplan.rrt import RRT, RRTOptions

        problem, columns = self._problem, list(self._problem.columns)
        checker = problem.checker
        step = problem.step / max(float(checker.radii[columns].max()), 1e-6)
        options = RRTOptions(
            group_name=GROUP,
            max_nodes=problem.iterations,
            max_connection_distance=LONGEST_EDGE,
            collision_check_step_size=step,
            max_planning_time=SECONDS_A_NODE * problem.iterations,  # nodes alone bound nothing where none can be added
            rrt_connect=True,
        )
        planner = RRT(self._scene, options)
        planner.setRngSeed(problem.seed % 2**31)
        why = "no goal"
        for goal in problem.goals:
            ends = [
                JointConfiguration(self._names, position[columns] - self._zero) for position in (problem.start, goal)
            ]
            try:
                path: Any = planner.plan(*ends)
            except RuntimeError as error:
                why = " ".join(str(error).split())[:200]
                continue
            points = np.tile(problem.start, (len(path.positions), 1))
            points[:, columns] = np.array(path.positions) + self._zero
            points[0], points[-1] = problem.start, goal
            pairs = itertools.pairwise(points)
            if all(checker.is_free(b) and checker.edge_is_free(a, b, problem.step) for a, b in pairs):
                return points, ""
            why = "a way was found that is not free in MuJoCo's collision detection"
        return None, why


def _refuse_followers(model: mujoco.MjModel, joints: list[int], names: tuple[str, ...]) -> None:
    """Refuse joints that others follow: they are fixed in the model that is written."""
    for row in range(model.neq):
        if int(model.eq_type[row]) == int(mujoco.mjtEq.mjEQ_JOINT) and int(model.eq_obj2id[row]) in joints:
            leader = model.joint(int(model.eq_obj2id[row])).name
            raise MotionError(
                "invalid_goal",
                f"planner 'roboplan' cannot move '{leader}', which another joint follows; valid: rrt_connect, or a goal without it",
            )
