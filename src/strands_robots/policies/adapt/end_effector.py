"""The bridge for policies that speak of the end effector: poses or deltas become joint rows by differential IK (mink).

Each chunk is anchored anew where the tool really is, so errors do not add up from chunk to chunk. Where a pose cannot be reached the
chunk ends before it; a chunk that begins with such a pose is an error.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, PolicyError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.core.types import Action, ActionSpace, Observation, Playback
from strands_robots.description.model_suffixes import is_model_file
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import IkSolver, Orientation, PoseTarget
from strands_robots.policies.adapt.adapted import ModelInputs, check_rows
from strands_robots.policies.adapt.adapter import Adapter, EndEffectorAdapter, GripperAdapter
from strands_robots.policies.adapt.adapter_check import check_adapter
from strands_robots.policies.adapt.model import PolicyModel
from strands_robots.policies.provider import PolicyContext

ORIENTATION_COST = 0.03
"""An orientation error of 1 rad weighs as much as a position error of so many metres: arms of five joints must miss some."""

POSTURE_COST = 1e-3
"""Keeps joints still that help little [m for 1 rad]."""


class EndEffectorPolicy:
    """Asks a model for the tool's way and answers with the joints'.

    Args:
        model: The model; its space is end-effector deltas or poses.
        adapter: What lies between it and the robot.
        context: The robot and the goal.

    Attributes:
        model: The model.
        unreachable: Rows that were left out because their pose cannot be reached.
        miss: Distance of the tool from its pose in the last row that was kept [m].

    Raises:
        AdapterError: If model, adapter and robot do not fit.
    """

    def __init__(self, model: PolicyModel, adapter: Adapter, context: PolicyContext) -> None:
        check_adapter(adapter, model.needs, model.gives, context.joint_names, context.cameras, context.task)
        assert adapter.end_effector is not None  # check_adapter has refused that
        self._options = adapter.end_effector
        self._arm = Arm(_with_tool(adapter.end_effector))
        self._names = self._arm.limits.names
        missing = [name for name in self._names if name not in context.joint_names]
        if missing:
            raise AdapterError(
                f"end_effector.model '{self._options.model}' has joints [{', '.join(self._names)}], the robot "
                f"[{', '.join(context.joint_names)}]"
            )
        self._solver = IkSolver(self._arm)
        self.model = model
        self._inputs = ModelInputs(model, adapter, context)
        self._columns = {element.name: i for i, element in enumerate(model.gives.action)}
        self._period = 1.0 / self._inputs.rate
        self._commanded: tuple[float, FloatArray] | None = None
        self.unreachable = 0
        self.miss = 0.0
        self.needs = self._inputs.robot_needs
        self.gives = replace(model.gives, rate=self._inputs.rate)

    @property
    def connection(self) -> str:
        """State of a remote model's connection; empty for others."""
        return str(getattr(self.model, "connection", ""))

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._commanded = None
        self.model.reset(seed)

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) of the robot's joints [rad], H as far as the tool's way can be followed.

        Raises:
            PolicyError: If the model cannot answer, or its first pose cannot be reached.
        """
        given = check_rows(self.model.infer(self._inputs.make(observation, playback)), self.model)
        order = [observation.joint_names.index(name) for name in self._names]
        measured = observation.position[order]
        start = self._anchor(measured, observation.stamp)
        joints = self._follow(given, start)
        self._commanded = (observation.stamp, joints)
        return Action(self._names, joints, self._period)

    def close(self) -> None:
        """Free what the model holds."""
        self.model.close()

    def _anchor(self, measured: FloatArray, stamp: float) -> FloatArray:
        if self._options.anchor == "measured" or self._commanded is None:
            return measured
        begin, rows = self._commanded
        row: FloatArray = rows[min(max(round((stamp - begin) / self._period), 0), len(rows) - 1)]
        return row

    def _follow(self, given: FloatArray, start: FloatArray) -> FloatArray:
        pose = self._arm.tool_pose(start)
        before = start
        joints: list[FloatArray] = []
        for row in given:
            pose = self._next(pose, row)
            target = PoseTarget(pose, Orientation.FULL, self._options.position_tolerance, np.pi)
            cost = ORIENTATION_COST if self._options.rotation else 0.0
            found = self._solver.solve(target, before, cost, POSTURE_COST)
            if found.position_error > self._options.position_tolerance:
                self.unreachable += len(given) - len(joints)
                if not joints:
                    raise PolicyError(
                        f"the tool cannot be at ({', '.join(f'{value:.3f}' for value in pose.position)}) m; the nearest is "
                        f"{1e3 * found.position_error:.0f} mm away, valid: {1e3 * self._options.position_tolerance:.0f} mm"
                    )
                break
            self.miss = found.position_error
            wanted = self._with_gripper(found.position, start, row)
            before = self._options.smoothing * before + (1.0 - self._options.smoothing) * wanted
            joints.append(before)
        return np.array(joints)

    def _next(self, pose: Pose, row: FloatArray) -> Pose:
        options = self._options
        shift = np.array([row[self._columns[name]] for name in options.translation]) * options.translation_scale
        numbers = np.array([row[self._columns[name]] for name in options.rotation])
        if self.model.gives.space is ActionSpace.EE_POSE:
            return Pose(shift, rotation_of(numbers, options) if options.rotation else pose.rotation)
        turn = rotation_of(numbers, options) if options.rotation else np.eye(3)
        if options.frame == "tool":
            return pose.at(Pose(shift, turn))
        return Pose(pose.position + shift, turn @ pose.rotation)

    def _with_gripper(self, position: FloatArray, start: FloatArray, row: FloatArray) -> FloatArray:
        moved = position.copy()
        moving = set(self._arm.tool_columns)
        for column in range(len(moved)):
            if column not in moving:
                moved[column] = start[column]
        gripper = self._options.gripper
        if gripper is not None:
            moved[self._names.index(gripper.joint)] = gripper_position(row[self._columns[gripper.name]], gripper)
        return moved


def gripper_position(number: float, gripper: GripperAdapter) -> float:
    """Return the joint position [rad] or [m] that a model's gripper number means."""
    opening = (number - gripper.closed) / (gripper.open - gripper.closed)
    if gripper.threshold is not None:
        edge = (gripper.threshold - gripper.closed) / (gripper.open - gripper.closed)
        opening = 1.0 if opening > edge else 0.0
    opening = min(max(opening, 0.0), 1.0)
    return gripper.closed_position + opening * (gripper.open_position - gripper.closed_position)


def rotation_of(numbers: FloatArray, options: EndEffectorAdapter) -> FloatArray:
    """Return the rotation (3, 3) that a model's numbers mean.

    Raises:
        PolicyError: If they mean none: a quaternion of length 0, or columns that are parallel.

    Source: Zhou et al. 2019, "On the Continuity of Rotation Representations in Neural Networks" (matrix_6d).
    """
    if options.form == "quaternion":
        length = float(np.linalg.norm(numbers))
        if length < 1e-6:
            raise PolicyError(f"the policy answered the quaternion {numbers.tolist()}; valid: length 1")
        x, y, z, w = numbers / length
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
    if options.form == "matrix_6d":
        first = numbers[:3] / max(float(np.linalg.norm(numbers[:3])), 1e-9)
        second = numbers[3:] - first * float(first @ numbers[3:])
        if float(np.linalg.norm(second)) < 1e-6:
            raise PolicyError(
                f"the policy answered a rotation of parallel columns {numbers.tolist()}; valid: independent ones"
            )
        second = second / np.linalg.norm(second)
        return np.stack([first, second, np.cross(first, second)], axis=1)
    scaled = numbers * options.rotation_scale
    if options.form == "rotation_vector":
        return rotation_matrix(scaled)
    roll, pitch, yaw = (rotation_matrix(axis * angle) for axis, angle in zip(np.eye(3), scaled))
    rotation: FloatArray = yaw @ pitch @ roll
    return rotation


def _with_tool(options: EndEffectorAdapter) -> RobotConfig:
    """Return the robot's description with a tool frame: its own, the adapter's, or the last body of its longest chain."""
    reference = options.model
    if is_model_file(reference):
        from strands_robots.description.robot_model import describe_model

        config = describe_model(Path(reference).expanduser())
    else:
        config = load_robot(reference)
    if options.tool_frame:
        return config.model_copy(update={"tool_frame": options.tool_frame})
    return config if config.tool_frame else config.model_copy(update={"tool_frame": last_body(Arm(config))})


def last_body(arm: Arm) -> str:
    """Return the body that most joints move; of several the one farthest down, and of those the first."""
    model = arm.model
    best, name = (-1, -1), ""
    for body in range(1, model.nbody):
        joints = depth = 0
        at = body
        while at > 0:
            joints += int(model.body_jntnum[at])
            depth += 1
            at = int(model.body_parentid[at])
        if (joints, depth) > best and model.body(body).name:
            best, name = (joints, depth), model.body(body).name
    return name
