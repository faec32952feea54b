"""NVIDIA cuRobo's trajectory optimisation behind the same protocol, where cuRobo and a CUDA device are.

Written against NVlabs/curobo at commit a35a708ecfbb26eb9ab2d7ef22c65919c4fae4a9 (version 2, `curobo.motion_planner`), and never run: there
was no CUDA device. What it answers is checked here once more before it is a plan.

cuRobo takes the robot for spheres, which it fits to the links' shapes. That takes minutes, once for each robot and what it holds; the
planning process keeps the result. The rest of the scene is given to it as boxes and meshes.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, quaternion_of
from strands_robots.planning.chain_urdf import PLANE, ChainUrdf
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.planner import Problem
from strands_robots.planning.planning_scene import Shape
from strands_robots.planning.robot_group import single_arm
from strands_robots.planning.rrt_connect import shortened
from strands_robots.planning.scene_checker import SceneChecker

ATTEMPTS = 5
"""Attempts of one search, each with other seeds; from the second on a graph of the whole space is searched first."""

MOST_POINTS = 64
"""Points of the optimised trajectory that are kept: shortcuts and the time law make the rest."""

GROUND_GAP = 0.02
"""The ground is given to cuRobo this much lower [m]: the spheres of a base reach below it, and would never be free."""

DEVICE = "cuda"
"""Where its tensors are."""

CACHE = 64
"""Boxes, and meshes, that room is made for on the device; more where a scene has more."""


_HERE = Pose(np.zeros(3), np.eye(3))


class CuroboPlanner:
    """cuRobo's motion planner: seeded, bounded by its attempts."""

    def way_points(self, problem: Problem) -> FloatArray:
        """Return a way; see `Planner`."""
        checker = problem.checker
        if checker.constraints:
            raise MotionError(
                "invalid_goal", "planner 'curobo' knows no limits of the tool's place or turn here; valid: rrt_connect"
            )
        import torch

        if not torch.cuda.is_available():
            raise MotionError(
                "invalid_goal", "planner 'curobo' needs a CUDA device, and there is none; valid: rrt_connect"
            )
        robot = _robot(problem)
        points, why = robot.plan(problem, scene_model(checker, robot.zero_pose))
        if points is None:
            raise MotionError(
                "no_path",
                f"cuRobo found no way in {ATTEMPTS} attempts ({why}); the robot was not moved; valid: another planner, goal or scene",
            )
        return shortened(problem, points, np.random.default_rng(problem.seed))


def scene_model(checker: SceneChecker, base: Pose) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the scene's shapes as cuRobo's configuration of a scene: boxes and meshes, as much larger as the clearance is.

    Args:
        checker: The robot in its scene.
        base: Pose of the robot's base frame in the frame of the model file.
    """
    clearance = checker.scene.clearance
    boxes: dict[str, dict[str, Any]] = {}
    meshes: dict[str, dict[str, Any]] = {}
    shapes = list(checker.scene.shapes)
    for number, shape in enumerate(shapes):
        place = base.at(shape.pose)
        x, y, z, w = quaternion_of(place.rotation).tolist()
        pose = [*place.position.tolist(), w, x, y, z]
        if shape.kind == "box":
            boxes[f"box{number}"] = {"dims": [2.0 * (half + clearance) for half in shape.size[:3]], "pose": pose}
        elif shape.kind == "plane":
            down = place.position - (0.5 - clearance) * place.rotation[:, 2]
            boxes[f"box{number}"] = {"dims": [PLANE, PLANE, 1.0], "pose": [*down.tolist(), w, x, y, z]}
        else:
            corners = surface_of(Shape(shape.name, shape.kind, shape.size, _HERE, shape.vertices)).corners
            away = corners - corners.mean(axis=(0, 1))
            corners = corners + clearance * away / np.maximum(np.linalg.norm(away, axis=2, keepdims=True), 1e-9)
            faces = np.arange(3 * len(corners)).reshape(-1, 3)
            meshes[f"mesh{number}"] = {
                "vertices": corners.reshape(-1, 3).tolist(), "faces": faces.tolist(), "pose": pose
            }  # fmt: skip
    ground = single_arm(checker.arm, "curobo").ground
    if ground is not None:
        x, y, z = (base.position + base.rotation @ np.array([0.0, 0.0, ground - GROUND_GAP - 0.5])).tolist()
        boxes["ground"] = {"dims": [PLANE, PLANE, 1.0], "pose": [x, y, z, 1.0, 0.0, 0.0, 0.0]}
    return {kind: found for kind, found in (("cuboid", boxes), ("mesh", meshes)) if found}


class _Robot:
    """A robot, with what it holds, in cuRobo's terms."""

    def __init__(self, problem: Problem, chain: ChainUrdf, text: str, names: list[str], zero: FloatArray) -> None:
        from curobo.robot_builder import RobotBuilder

        urdf = chain.folder / "robot.urdf"
        urdf.write_text(text, encoding="utf-8")
        builder = RobotBuilder(urdf_path=str(urdf), asset_path=str(chain.folder))
        builder.fit_collision_spheres(use_collision_mesh=True)
        builder.compute_collision_matrix()
        self._file = chain.folder / "robot.yml"
        builder.save(builder.build(), str(self._file))
        self._names, self._zero = names, zero
        self.zero_pose = single_arm(problem.checker.arm, "curobo").base_pose
        self._planners: dict[tuple[int, int, int], Any] = {}

    def plan(self, problem: Problem, scene: Mapping[str, Any]) -> tuple[FloatArray | None, str]:
        """Return way points (N, D) whose straight lines are free, or None and why there are none."""
        import torch
        from curobo.types import JointState

        planner, columns, checker = self._planner(problem.seed, scene), list(problem.columns), problem.checker
        order = [planner.joint_names.index(name) for name in self._names]

        def state(position: FloatArray) -> Any:
            values = np.empty((1, len(order)), dtype=np.float32)
            values[0, order] = position[columns] - self._zero
            return JointState.from_position(
                torch.from_numpy(values).to(DEVICE).contiguous(), joint_names=list(planner.joint_names)
            )

        why = "no goal"
        for goal in problem.goals:
            result = planner.plan_cspace(state(goal), state(problem.start), max_attempts=ATTEMPTS)
            if result is None or not bool(result.success.any()):
                why = "the optimisation did not converge"
                continue
            rows = result.get_interpolated_plan().position.detach().cpu().numpy().astype(np.float64)
            rows = rows.reshape(-1, rows.shape[-1])[:, order] + self._zero
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).astype(int))]
            points = np.tile(problem.start, (len(rows), 1))
            points[:, columns] = rows
            points[0], points[-1] = problem.start, goal
            pairs = itertools.pairwise(points)
            if all(checker.is_free(b) and checker.edge_is_free(a, b, problem.step) for a, b in pairs):
                return points, ""
            why = "a way was found that is not free in MuJoCo's collision detection"
        return None, why

    def _planner(self, seed: int, scene: Mapping[str, Any]) -> Any:
        """Return a warmed-up planner in a scene; one is kept for each number of shapes that room was made for."""
        from curobo.motion_planner import MotionPlanner, MotionPlannerCfg
        from curobo.scene import Scene

        room = [max(CACHE, len(scene.get(kind, {}))) for kind in ("cuboid", "mesh")]
        key = (seed, room[0], room[1])
        if key not in self._planners:
            config = MotionPlannerCfg.create(
                robot=str(self._file), collision_cache={"cuboid": room[0], "mesh": room[1]}, random_seed=seed % 2**31
            )
            self._planners = {key: MotionPlanner(config)}
            self._planners[key].warmup(enable_graph=True, num_warmup_iterations=5)
        planner = self._planners[key]
        planner.clear_scene_cache()
        planner.update_world(Scene.create(dict(scene)))
        return planner


_ROBOTS: dict[str, tuple[_Robot, tempfile.TemporaryDirectory[str]]] = {}
"""Robots of this process by the hash of their URDF; the planning process has one robot, and few things that it holds."""


def _robot(problem: Problem) -> _Robot:
    checker, model = problem.checker, problem.checker.model
    joints = [int(model.joint(checker.arm.limits.names[column]).id) for column in problem.columns]
    folder = tempfile.TemporaryDirectory(prefix="curobo_")
    chain = ChainUrdf(
        model, checker.placed(problem.start), tuple(joints), np.zeros(model.ngeom), Path(folder.name), with_world=False
    )
    text = chain.text()
    key = hashlib.sha256(text.replace(folder.name, "").encode()).hexdigest()
    if key in _ROBOTS:
        folder.cleanup()
        return _ROBOTS[key][0]
    zero = np.array([model.qpos0[model.jnt_qposadr[joint]] for joint in joints])
    made = _Robot(problem, chain, text, [chain.joint_name(joint) for joint in joints], zero)
    _ROBOTS[key] = made, folder
    return made
