"""The stages of a pick whose ways are planned among everything that stands around, for the policy "scripted". No ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, PolicyError
from strands_robots.motion.arm import Arm
from strands_robots.planning.pick.pick_planner import PickPlan, PickPlanner, PickRequest
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.planning_scene import Shape
from strands_robots.policies.scripted.script import Curve, Look, ScriptStage
from strands_robots.policies.scripted.script_options import PickOptions

LEFT_OPEN = 0.04
"""A gripper that closes further than this from closed holds nothing, as part of its way."""

SQUEEZE = 0.5
"""Time for the gripper to close on an object [s]."""

LET_GO = 0.3
"""Time for the gripper to open [s]."""

_ARM_STAGES = ("approach", "descend", "lift", "move", "lower", "retreat")


@dataclass
class PlannedPick:
    """One pick, planned when its first stage begins and again after a grip that closed on nothing.

    Args:
        options: What and where; the object by its name.
        arm: The robot.
        surroundings: Returns what stands around it now.
        speed: Part of the velocity limits.
        seed: Seed of grasps and planner.
    """

    options: PickOptions
    arm: Arm
    surroundings: Callable[[], PickScene]
    speed: float
    seed: int = 0
    tries: int = 0
    plan: PickPlan | None = None
    _planner: PickPlanner | None = field(default=None, repr=False)

    def stages(self) -> list[ScriptStage]:
        """Return the stages; what comes after the lift only where the object is put down."""
        gripper = self.arm.config.gripper
        assert gripper is not None  # checked by the caller
        open_now = ScriptStage("open", lambda before: self._gripped(before, self.options.open), duration=LET_GO)
        stages = [open_now, self._arm_stage("approach"), self._arm_stage("descend")]
        close = ScriptStage("close", lambda before: self._gripped(before, 0.0), pause=SQUEEZE, after=self._check)
        stages += [close, self._arm_stage("lift", after=self._check)]
        if self.options.place is None and not self.options.onto:
            return stages
        release = ScriptStage("release", lambda before: self._gripped(before, self.options.open), pause=LET_GO)
        return [*stages, self._arm_stage("move"), self._arm_stage("lower"), release, self._arm_stage("retreat")]

    def _arm_stage(self, name: str, after: Callable[[Look], int | None] = lambda look: None) -> ScriptStage:
        def target(before: FloatArray) -> FloatArray:
            if name == _ARM_STAGES[0]:
                self._make(before)
            curve = self._curve(name)
            made = before.copy()
            made[list(curve.columns)] = curve.law.at(np.array([curve.law.duration]))[0]
            return made

        columns = tuple(self.arm.tool_columns)
        return ScriptStage(name, target, columns, curve=lambda: self._curve(name), after=after)

    def _make(self, before: FloatArray) -> None:
        """Plan everything from where the robot is.

        Raises:
            PolicyError: If it cannot be done; the message says what is in the way.
        """
        options = self.options
        around = self.surroundings()
        shapes = around.shapes_of(options.object.body)
        if self._planner is None:
            self._planner = PickPlanner(self.arm)
        request = PickRequest(
            shapes,
            before,
            self._place(around, shapes[0]),
            approach=options.approach,
            lift=options.lift,
            open=options.open,
            speed=self.speed,
            seed=self.seed + self.tries,
            is_touching=self.tries > 0,
        )
        try:
            self.plan = self._planner.plan(request, around.scene)
        except MotionError as error:
            raise PolicyError(f"'{options.object.body}' cannot be picked: {error}") from error

    def _place(self, around: PickScene, first: str) -> FloatArray | None:
        """Return where the middle of the object's first shape shall be (3,) in the base frame [m]."""
        if self.options.place is not None:
            return np.array(self.options.place)
        if not self.options.onto:
            return None
        by_name = {shape.name: shape for shape in around.scene.shapes}
        under = [by_name[name] for name in around.shapes_of(self.options.onto)]
        lowest, middle = _lowest(by_name[first]), np.mean([shape.pose.position for shape in under], axis=0)
        top = max(float(shape.pose.position[2]) + _half_height(shape) for shape in under)
        return np.array([middle[0], middle[1], top + float(by_name[first].pose.position[2]) - lowest])

    def _curve(self, name: str) -> Curve:
        assert self.plan is not None  # made when the first stage of the arm began
        stage = next(stage for stage in self.plan.stages if stage.name == name)
        assert stage.plan is not None  # only stages of the arm are asked for
        move = stage.plan.move(self.arm.limits)
        assert move.timed is not None  # plans have a time law
        return Curve(move.timed, move.columns)

    def _check(self, look: Look) -> int | None:
        """Begin again when the gripper holds nothing."""
        gripper, index = self.arm.config.gripper, self.arm.limits.index
        assert gripper is not None  # checked by the caller
        held = np.mean([look.position[index[joint]] for joint in gripper.joints])
        if abs(held - gripper.closed) > LEFT_OPEN * abs(gripper.open - gripper.closed):
            return None
        self.tries += 1
        if self.tries >= self.options.tries:
            raise PolicyError(f"the gripper closed on nothing {self.tries} times")
        return 0

    def _gripped(self, before: FloatArray, fraction: float) -> FloatArray:
        gripper, index = self.arm.config.gripper, self.arm.limits.index
        assert gripper is not None  # checked by the caller
        made = before.copy()
        for joint in gripper.joints:
            made[index[joint]] = gripper.closed + fraction * (gripper.open - gripper.closed)
        return made


def _lowest(shape: Shape) -> float:
    return float(surface_of(shape).corners[:, :, 2].min())


def _half_height(shape: Shape) -> float:
    return float(surface_of(shape).corners[:, :, 2].max() - shape.pose.position[2])
