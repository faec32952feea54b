"""The bridge for policies that speak of the end effector: poses or deltas become joint rows by differential IK (mink).

Each chunk is anchored anew where the tool really is, so errors do not add up from chunk to chunk. Where a pose cannot be reached the
chunk ends before it; a chunk that begins with such a pose is an error.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, PolicyError
from strands_robots.core.pose import Pose, rotation_matrix, rotation_vector
from strands_robots.core.types import Action, ActionSpace, Observation, Playback
from strands_robots.motion.ik import IkSolver, Orientation, PoseTarget
from strands_robots.policies.adapt.adapted import ModelInputs, check_rows
from strands_robots.policies.adapt.adapter import Adapter, EndEffectorAdapter, GripperAdapter
from strands_robots.policies.adapt.adapter_check import check_adapter
from strands_robots.policies.adapt.adapter_tool import ANGLES, ToolAdapter
from strands_robots.policies.adapt.model import PolicyModel
from strands_robots.policies.adapt.rotations import read_rotation
from strands_robots.policies.adapt.tool_frame import ToolFrame
from strands_robots.policies.provider import PolicyContext

ORIENTATION_COST = 0.03
"""An orientation error of 1 rad weighs as much as a position error of so many metres: arms of five joints must miss some."""

POSTURE_COST = 1e-3
"""Keeps joints still that help little [m for 1 rad]."""


class EndEffectorPolicy:
    """Asks a model for the tool's way and answers with the joints'.

    Args:
        model: The model; its space is one of the tool: deltas, relative poses or poses.
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
        tool = adapter.tool or ToolAdapter(model=self._options.model, frame=self._options.tool_frame)
        try:
            self._frame = ToolFrame(tool, context.joint_names)
        except AdapterError as error:
            raise AdapterError(f"end_effector: {error}") from None
        self._arm = self._frame.arm
        self._names = self._frame.names
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
        anchor = pose = self._frame.pose(start)
        before = start
        joints: list[FloatArray] = []
        for row in given:
            pose = self._next(anchor if self.model.gives.space is ActionSpace.EE_RELATIVE else pose, row)
            target = PoseTarget(self._frame.for_arm(pose), Orientation.FULL, self._options.position_tolerance, np.pi)
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
        """Return where the model's tool shall be next, in the model's frame."""
        options = self._options
        given = [row[self._columns[name]] if name else np.nan for name in options.translation]
        numbers = np.array([row[self._columns[name]] for name in options.rotation])
        is_named = np.array([bool(name) for name in options.translation])
        shift = np.where(is_named, given, 0.0) * options.translation_scale
        turn = rotation_of(numbers, options) if options.rotation else np.eye(3)
        if self.model.gives.space is ActionSpace.EE_POSE:
            position = np.where(is_named, shift, pose.position)
            return Pose(position, turn if options.rotation else pose.rotation)
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
        PolicyError: If they mean none: a quaternion of length 0, or parallel columns or rows.
    """
    if options.form in ANGLES:
        return read_rotation(numbers * options.rotation_scale, options.form)
    rotation = read_rotation(numbers, options.form)
    if options.rotation_scale == 1.0:
        return rotation
    return rotation_matrix(options.rotation_scale * rotation_vector(rotation))
