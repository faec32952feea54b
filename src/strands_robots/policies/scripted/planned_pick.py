"""The stages of a pick whose ways are planned among everything that stands around, for the policy "scripted". No ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, NotAchievedError
from strands_robots.motion.arm import Arm
from strands_robots.planning.pick.pick_planner import PickPlan, PickPlanner, PickRequest
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import Shape
from strands_robots.policies.scripted.script import Curve, Look, ScriptStage
from strands_robots.policies.scripted.script_options import PickOptions

LEFT_OPEN = 0.04
"""A gripper that closes further than this from closed holds nothing, as part of its way."""

SQUEEZE = 0.5
"""Time for the gripper to close on an object [s]."""

LET_GO = 0.3
"""Time for the gripper to open [s]."""


@dataclass
class PlannedPick:
    """One pick, planned when its first stage begins and again after a grip that closed on nothing.

    Args:
        options: What and where; the object by its name.
        arm: The robot.
        pick_scene: Returns what stands around it now.
        speed: Part of the velocity limits.
        seed: Seed of grasps and planner.
    """

    options: PickOptions
    arm: Arm
    pick_scene: Callable[[], PickScene]
    speed: float
    seed: int = 0
    tries: int = 0
    plan: PickPlan | None = None
    _stages: dict[str, Plan] = field(default_factory=dict, repr=False)
    _offset: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)
    _stand: float | None = field(default=None, repr=False)
    _is_aligned: bool = field(default=True, repr=False)
    _opened: float = field(default=1.0, repr=False)
    _problem: str = field(default="", repr=False)
    _lifted: FloatArray | None = field(default=None, repr=False)
    _planner: PickPlanner | None = field(default=None, repr=False)

    def stages(self) -> list[ScriptStage]:
        """Return the stages; what comes after the lift only where the object is put down."""
        gripper = self.arm.config.gripper
        assert gripper is not None  # checked by the caller
        open_now = ScriptStage("open", self._open_for_plan, duration=LET_GO)
        stages = [open_now, self._arm_stage("approach"), self._arm_stage("descend")]
        close = ScriptStage("close", lambda before: self._gripped(before, 0.0), pause=SQUEEZE, after=self._check)
        stages += [close, self._arm_stage("lift", after=self._check)]
        if self.options.place is None and not self.options.onto:
            return stages
        return [*stages, *self._placing()]

    def placing_stages(self) -> list[ScriptStage]:
        """Return the stages that put down an object which the gripper holds already."""
        squeeze = ScriptStage("hold", lambda before: self._gripped(before, 0.0), pause=SQUEEZE, after=self._check_held)
        return [squeeze, *self._placing()]

    def closed(self, position: FloatArray) -> FloatArray:
        """Return joint positions (D,) with the gripper's set-point where it squeezes."""
        return self._gripped(position, 0.0)

    def _placing(self) -> list[ScriptStage]:
        release = ScriptStage("release", lambda before: self._gripped(before, self._opened), pause=LET_GO)
        carry = [self._arm_stage("move", after=self._check), self._arm_stage("align")]
        return [*carry, self._arm_stage("lower"), release, self._arm_stage("retreat")]

    def _arm_stage(self, name: str, after: Callable[[Look], int | None] = lambda look: None) -> ScriptStage:
        def target(before: FloatArray) -> FloatArray:
            if name == "move" and not self._make_place(before):
                raise NotAchievedError(
                    f"'{self.options.object.body}' cannot be put down from where it is: {self._problem}"
                )
            self._is_aligned = name != "align" or self._make_place(before)
            if not self._is_aligned:
                return before  # the ways from the last look hold
            curve = self._curve(name)
            made = before.copy()
            made[list(curve.columns)] = curve.at(np.array([curve.law.duration]))[0]
            return made

        def curve() -> Curve | None:
            return self._curve(name) if self._is_aligned else None

        columns = tuple(self.arm.tool_columns)
        return ScriptStage(name, target, columns, curve=curve, after=after)

    def _open_for_plan(self, before: FloatArray) -> FloatArray:
        """Plan, and open as wide as the plan's grasp needs."""
        self._make(before)
        return self._gripped(before, self._opened)

    def _make(self, before: FloatArray) -> None:
        """Plan everything from where the robot is.

        Raises:
            NotAchievedError: If it cannot be done; the message says what is in the way.
        """
        around = self.pick_scene()
        if self._planner is None:
            self._planner = PickPlanner(self.arm)
        self._stand = self._height_to_stand(around)
        request = self._request(before, around)
        try:
            self.plan = self._planner.plan(request, around.scene)
        except MotionError as error:
            raise NotAchievedError(f"'{self.options.object.body}' cannot be picked: {error}") from error
        self._opened = next(
            stage.gripper for stage in self.plan.stages if stage.name == "open" and stage.gripper is not None
        )
        self._stages = {stage.name: stage.plan for stage in self.plan.stages if stage.plan is not None}
        self._offset = np.zeros(len(before))

    def _make_place(self, before: FloatArray) -> bool:
        """Plan the way to the place from what was measured: closing moves an object, it slips while it is carried, and gravity pulls.

        Returns:
            Whether there is one; else the stages are as they were, and `_problem` says why.
        """
        assert self._lifted is not None  # the stage before has measured it
        if self._planner is None:
            self._planner = PickPlanner(self.arm)
        around = self.pick_scene()
        if self._stand is None:  # nothing was picked here: it hangs in the gripper as it will be put down
            self._stand = self._height_to_stand(around)
        try:
            stages = self._planner.place(self._request(self._lifted, around), around.scene)
        except MotionError as error:
            self._problem = str(error)
            return False
        self._opened = next(stage.gripper for stage in stages if stage.gripper is not None)
        self._stages |= {stage.name: stage.plan for stage in stages if stage.plan is not None}
        self._offset = before - self._lifted
        return True

    def _request(self, start: FloatArray, around: PickScene) -> PickRequest:
        options = self.options
        shapes = around.shapes_of(options.object.body)
        place = self._place(around)
        return PickRequest(
            shapes,
            start,
            place,
            None if place is None or self._stand is None else float(place[2]) - self._stand,
            approach=options.approach,
            lift=options.lift,
            open=options.open,
            speed=self.speed,
            seed=self.seed + self.tries,
            is_touching=self.tries > 0,
        )

    def _height_to_stand(self, around: PickScene) -> float:
        """Return how high the middle of the object's first shape is over its lowest point, as it stands before the pick [m]."""
        shapes = self._shapes(around, self.options.object.body)
        return float(shapes[0].pose.position[2]) - min(_lowest(shape) for shape in shapes)

    def _place(self, around: PickScene) -> FloatArray | None:
        """Return where the middle of the object's first shape shall be (3,) in the base frame [m]."""
        if self.options.place is not None:
            return np.array(self.options.place)
        if not self.options.onto:
            return None
        assert self._stand is not None  # measured before the first plan
        under = self._shapes(around, self.options.onto)
        middle = np.mean([shape.pose.position for shape in under], axis=0)
        return np.array([middle[0], middle[1], max(_highest(shape) for shape in under) + self._stand])

    def _shapes(self, around: PickScene, name: str) -> list[Shape]:
        names = around.shapes_of(name)
        return [shape for shape in around.scene.shapes if shape.name in names]

    def _curve(self, name: str) -> Curve:
        move = self._stages["move" if name == "align" else name].move(self.arm.limits)
        assert move.timed is not None  # plans have a time law
        return Curve(move.timed, move.columns, self._offset[list(move.columns)])

    def _check(self, look: Look) -> int | None:
        """Begin again when the gripper holds nothing; where the object was to be in it from the start, there is no again."""
        if self._holds(look):
            return None
        if self.options.held:
            raise NotAchievedError(f"'{self.options.object.body}' slipped out of the gripper on its way")
        self.tries += 1
        if self.tries >= self.options.tries:
            raise NotAchievedError(f"the gripper closed on nothing {self.tries} times")
        return 0

    def _check_held(self, look: Look) -> int | None:
        if not self._holds(look):
            raise NotAchievedError(
                f"the gripper holds nothing, so '{self.options.object.body}' cannot be put down; valid: pick it first"
            )
        return None

    def _holds(self, look: Look) -> bool:
        """Return whether something keeps the gripper open, and note where the robot is."""
        gripper, index = self.arm.config.gripper, self.arm.limits.index
        assert gripper is not None  # checked by the caller
        self._lifted = np.clip(look.position, self.arm.limits.lower, self.arm.limits.upper)
        held = np.mean([look.position[index[joint]] for joint in gripper.joints])
        return bool(abs(held - gripper.closed) > LEFT_OPEN * abs(gripper.open - gripper.closed))

    def _gripped(self, before: FloatArray, fraction: float) -> FloatArray:
        gripper, index = self.arm.config.gripper, self.arm.limits.index
        assert gripper is not None  # checked by the caller
        made = before.copy()
        for joint in gripper.joints:
            made[index[joint]] = gripper.closed + fraction * (gripper.open - gripper.closed)
        return made


def _lowest(shape: Shape) -> float:
    return float(surface_of(shape).corners[:, :, 2].min())


def _highest(shape: Shape) -> float:
    return float(surface_of(shape).corners[:, :, 2].max())
