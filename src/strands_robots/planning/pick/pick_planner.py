"""Plans a whole pick, and a place where one is asked for, before the robot moves. No ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import IkSolver, Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.goals import LineGoal
from strands_robots.planning.pick.grasps import Grasp, antipodal_grasps
from strands_robots.planning.pick.jaws import Jaws, jaws_of
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.plan import Plan
from strands_robots.planning.planner import DEFAULT_PLANNER
from strands_robots.planning.planning_scene import AttachedShape, PlanningScene, Shape
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

POSITION_TOLERANCE = 0.004
"""Largest distance of the tool from a grasp [m]."""

TILT_TOLERANCE = 0.1
"""Largest angle of the tool from a grasp [rad]."""

LINE_TILT_TOLERANCE = 0.25
"""Largest turn of the tool along a straight way [rad]: an arm of five joints cannot hold it, and what it does is checked."""

DROP = 0.005
"""An object is let go this high over where it shall lie [m]; more where the scene's clearance asks for it."""

MIN_LINE = 0.5
"""A straight way before a grasp or after it may end after this part of its length, where the rest cannot be had."""

CONFIGURATIONS = 2
"""Joint positions of one grasp that are tried."""

TRIES = 3
"""Starts of the search for the joint positions of one grasp: there are many grasps, and the next one may be easier."""


@dataclass(frozen=True, eq=False)
class PickRequest:
    """What is asked for.

    Attributes:
        shapes: Names of the scene's shapes that are the object.
        start: Joint positions now (D,) [rad] or [m].
        place: Where the middle of its first shape shall be (3,) in the base frame [m]; None to keep it lifted.
        support: Height of what it shall stand on [m]; a tilted object is let go as much higher. None: its place counts alone.
        turns: Turns about the vertical that the object may have there, against how it lies now [rad].
        approach: Length of the straight way to the grasp and after it [m].
        lift: How high it is lifted [m].
        open: How far the gripper opens, 0 to 1; farther for an object that needs it.
        speed: Part of the velocity limits.
        time_law: Time law by name.
        planner: Planner by name.
        seed: Seed of grasps and planner.
        iterations: Most iterations of each search.
        is_touching: The gripper may touch the object from the start on: it is open around it after a grip that failed.
    """

    shapes: tuple[str, ...]
    start: FloatArray
    place: FloatArray | None = None
    support: float | None = None
    turns: tuple[float, ...] = (0.0, 0.5 * np.pi, -0.5 * np.pi, np.pi)
    approach: float = 0.05
    lift: float = 0.06
    open: float = 0.6
    speed: float = 0.4
    time_law: str = "quintic"
    planner: str = DEFAULT_PLANNER
    seed: int = 0
    iterations: int = 4000
    is_touching: bool = False


@dataclass(frozen=True, eq=False)
class PickStage:
    """One stage.

    Attributes:
        name: open, approach, descend, close, lift, move, lower, release or retreat.
        plan: The motion of the arm, checked in `scene`; None for a stage of the gripper.
        gripper: Where the gripper goes, 0 closed to 1 open; None for a stage of the arm.
        scene: What the motion was checked against; what is held is attached in it.
    """

    name: str
    plan: Plan | None
    gripper: float | None
    scene: PlanningScene


@dataclass(frozen=True, eq=False)
class PickPlan:
    """Stages from the start to the end.

    Attributes:
        stages: In order.
        grasp: The grasp that they use.
        jaws: The gripper.
        tried: Grasps that were tried.
    """

    stages: tuple[PickStage, ...]
    grasp: Grasp
    jaws: Jaws
    tried: int


class PickPlanner:
    """Plans picks for one robot. Belongs to one thread at a time; the same request in the same scene gives the same plan.

    Args:
        arm: The robot, which has a gripper and a tool frame.

    Raises:
        MotionError: "invalid_goal" if it has none.
    """

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.jaws = jaws_of(arm)
        self.solver = IkSolver(arm)
        # One for each kind of scene: each keeps its last one compiled.
        self._free, self._touching, self._holding = (ScenePlanner(arm) for _ in range(3))

    def planner_of(self, scene: PlanningScene) -> ScenePlanner:
        """Return the planner for a scene: with something in the gripper, with something that it may touch, or without."""
        if scene.attached:
            return self._holding
        return self._touching if scene.allowed else self._free

    def plan(self, request: PickRequest, scene: PlanningScene) -> PickPlan:
        """Return all stages of a pick.

        Args:
            request: What is asked for.
            scene: Everything around the robot, the object among its shapes.

        Raises:
            MotionError: "unreachable", "collision" or "no_path" of the best grasp, if no grasp can be carried out; "invalid_goal" if the
                object is not there.
        """
        known = {shape.name: shape for shape in scene.shapes}
        missing = [name for name in request.shapes if name not in known]
        if missing or not request.shapes:
            raise MotionError(
                "invalid_goal",
                f"the scene has no '{', '.join(missing) or 'object'}'; valid: {', '.join(sorted(known)[:32])}",
            )
        shapes = [known[name] for name in request.shapes]
        first: MotionError | None = None
        grasps = antipodal_grasps(shapes, self.jaws, request.seed)
        for tried, grasp in enumerate(grasps, start=1):
            try:
                stages = _Attempt(self, request, scene, shapes, grasp).stages()
            except MotionError as error:
                first = first if first is not None and first.reason != "unreachable" else error
            else:
                return PickPlan(tuple(stages), grasp, self.jaws, tried)
        assert first is not None  # there is at least one grasp
        raise MotionError(
            first.reason,
            f"none of {len(grasps)} grasps of '{request.shapes[0]}' can be carried out; the first: {first}",
        )

    def place(self, request: PickRequest, scene: PlanningScene) -> tuple[PickStage, ...]:
        """Return the stages from the lift on, for an object that is in the gripper: closing has moved it, and gravity has moved the arm.

        Args:
            request: As for `plan`, with the measured joint positions as its start, and a place.
            scene: Everything around the robot, the object among its shapes where it is now.

        Raises:
            MotionError: As `plan`.
        """
        known = {shape.name: shape for shape in scene.shapes}
        shapes = [known[name] for name in request.shapes]
        grasp = Grasp(self.arm.tool_pose(request.start), self.jaws.width_at(request.start), 0.0)
        attempt = _Attempt(self, request, scene, shapes, grasp)
        return tuple(attempt.placing(request.start, attempt.held(request.start)))


class _Attempt:
    """One grasp, worked out from the start to the end."""

    def __init__(
        self, owner: PickPlanner, request: PickRequest, scene: PlanningScene, shapes: Sequence[Shape], grasp: Grasp
    ) -> None:
        self._owner, self._request, self._scene = owner, request, scene
        self._shapes, self._grasp, self._jaws = shapes, grasp, owner.jaws
        room = 2.0 * (scene.clearance + POSITION_TOLERANCE)
        self._open = max(request.open, self._jaws.fraction_for(grasp.width + room))
        names = request.shapes
        touching = tuple((part, name) for part in self._jaws.parts for name in names)
        self._touch = replace(scene, allowed=(*scene.allowed, *touching))

    def stages(self) -> list[PickStage]:
        """Return all stages; raises MotionError where one of them cannot be had."""
        request, jaws = self._request, self._jaws
        opened = jaws.at_fraction(request.start, self._open)
        last: MotionError | None = None
        for at_grasp in self._configurations(self._grasp.tool, self._touch, opened):
            try:
                self._check_place(at_grasp)
                return self._from(opened, at_grasp)
            except MotionError as error:
                last = error
        assert last is not None  # there is at least one configuration
        raise last

    def _from(self, opened: FloatArray, at_grasp: FloatArray) -> list[PickStage]:
        request = self._request
        up = self._grasp.tool.position + np.array([0.0, 0.0, request.lift])
        above = Pose(up, self._grasp.tool.rotation)
        self._check_line(at_grasp, self._grasp.before(request.approach))
        self._check_line(at_grasp, above)
        descend = _reversed(self._line(at_grasp, self._grasp.before(request.approach), self._touch))
        held = self.held(at_grasp)
        gripped = self._jaws.at_fraction(at_grasp, self._jaws.fraction_for(self._grasp.width))
        lift = self._line(gripped, above, held)
        lifted = _with(gripped, lift.way_points[-1], lift, self._owner.arm)
        placing = self.placing(lifted, held) if request.place is not None else []
        first = self._touch if request.is_touching else self._scene
        approach = self._move(opened, _with(opened, descend.way_points[0], descend, self._owner.arm), first)
        return [
            PickStage("open", None, self._open, first),
            PickStage("approach", approach, None, first),
            PickStage("descend", descend, None, self._touch),
            PickStage("close", None, 0.0, self._touch),
            PickStage("lift", lift, None, held),
            *placing,
        ]

    def _check_place(self, at_grasp: FloatArray) -> None:
        """Refuse a grasp with which the place cannot be had, before any way is planned."""
        if self._request.place is None:
            return
        held = self.held(at_grasp)
        last: MotionError | None = None
        for turn in self._request.turns:
            try:
                self._configurations(self._moved(turn).at(self._grasp.tool), held, at_grasp)
            except MotionError as error:
                last = error
            else:
                return
        assert last is not None  # there is at least one turn
        raise last

    def placing(self, lifted: FloatArray, held: PlanningScene) -> list[PickStage]:
        """Return the stages from joint positions (D,) with the object in the gripper to the retreat."""
        last: MotionError | None = None
        for turn in self._request.turns:
            try:
                moved = self._moved(turn)
                for at_place in self._configurations(moved.at(self._grasp.tool), held, lifted):
                    try:
                        return self._placing_at(at_place, moved, lifted, held)
                    except MotionError as error:
                        last = error
            except MotionError as error:
                last = error
        assert last is not None  # there is at least one turn
        raise last

    def _placing_at(
        self, at_place: FloatArray, moved: Pose, lifted: FloatArray, held: PlanningScene
    ) -> list[PickStage]:
        request, tool = self._request, moved.at(self._grasp.tool)
        above = Pose(tool.position + np.array([0.0, 0.0, request.approach]), tool.rotation)
        back = Pose(tool.position - request.approach * tool.axis, tool.rotation)
        for end in (above, back):
            self._check_line(at_place, end)
        rise = self._line(at_place, above, held)
        placed = self._placed(moved)
        retreat = self._line(self._jaws.at_fraction(at_place, self._open), back, placed)
        move = self._move(lifted, _with(lifted, rise.way_points[-1], rise, self._owner.arm), held)
        return [
            PickStage("move", move, None, held),
            PickStage("lower", _reversed(rise), None, held),
            PickStage("release", None, self._open, placed),
            PickStage("retreat", retreat, None, placed),
        ]

    def _configurations(self, tool: Pose, scene: PlanningScene, near: FloatArray) -> list[FloatArray]:
        """Return joint positions (D,) with the tool at a pose, free in a scene.

        Raises:
            MotionError: "unreachable" or "collision" if there are none among the first `TRIES` that the search comes to.
        """
        checker = self._owner.planner_of(scene).checker(scene)
        checker.start_at(near)
        target = PoseTarget(tool, Orientation.FULL, POSITION_TOLERANCE, TILT_TOLERANCE)
        found: list[FloatArray] = []
        problem, nearest = "", np.inf
        for solution in islice(self._owner.solver.solutions(target, near), TRIES):
            nearest = min(nearest, solution.miss)
            if solution.is_reached:
                text = checker.problem(solution.position)
                problem = problem or text
                if not text:
                    found.append(solution.position)
                if len(found) == CONFIGURATIONS:
                    break
        if found:
            return found
        if problem:
            raise MotionError("collision", problem)
        raise MotionError("unreachable", f"the tool misses it by {1e3 * nearest:.0f} mm, its turn counted")

    def _check_line(self, start: FloatArray, end: Pose) -> None:
        """Refuse a line whose least part leads out of the arm's reach; a hundredth of the time of planning it."""
        begin = self._owner.arm.tool_pose(start)
        least = Pose(begin.position + MIN_LINE * (end.position - begin.position), end.rotation)
        target = PoseTarget(least, Orientation.FULL, POSITION_TOLERANCE, LINE_TILT_TOLERANCE)
        solution = self._owner.solver.solve(target, start)
        if not solution.is_reached:
            raise MotionError(
                "unreachable",
                f"the tool misses the way to it by {1e3 * solution.position_error:.0f} mm and {solution.orientation_error:.2f} rad",
            )

    def _line(self, start: FloatArray, end: Pose, scene: PlanningScene) -> Plan:
        goal = LineGoal(PoseTarget(end, Orientation.FULL, POSITION_TOLERANCE, LINE_TILT_TOLERANCE), MIN_LINE)
        return self._owner.planner_of(scene).plan(self._plan_request(goal, start), scene)

    def _move(self, start: FloatArray, end: FloatArray, scene: PlanningScene) -> Plan:
        columns = tuple(self._owner.arm.tool_columns)
        goal = JointTarget(columns, end[list(columns)])
        return self._owner.planner_of(scene).plan(self._plan_request(goal, start), scene)

    def _plan_request(self, goal: LineGoal | JointTarget, start: FloatArray) -> PlanRequest:
        request = self._request
        return PlanRequest(
            goal, start, request.planner, request.time_law, request.speed, request.seed, request.iterations
        )

    def held(self, at_grasp: FloatArray) -> PlanningScene:
        """Return the scene with the object in the gripper at joint positions (D,)."""
        checker = self._owner.planner_of(self._touch).checker(self._touch)
        to_link = checker.link_pose(at_grasp, self._jaws.link).inverse()
        names = set(self._request.shapes)
        attached = tuple(
            AttachedShape(replace(shape, pose=to_link.at(shape.pose)), self._jaws.link) for shape in self._shapes
        )
        rest = tuple(shape for shape in self._scene.shapes if shape.name not in names)
        return replace(self._touch, shapes=rest, attached=(*self._scene.attached, *attached))

    def _moved(self, turn: float) -> Pose:
        """Return the motion of the object from where it lies to where it shall be let go, in the base frame."""
        request = self._request
        assert request.place is not None
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        drop = max(DROP, self._scene.clearance + 1e-3)
        moved = Pose(request.place - rotation @ self._shapes[0].pose.position, rotation)
        if request.support is not None:
            there = [replace(shape, pose=moved.at(shape.pose)) for shape in self._shapes]
            lowest = min(float(surface_of(shape).corners[:, :, 2].min()) for shape in there)
            drop += max(request.support - lowest, 0.0)
        return Pose(moved.position + np.array([0.0, 0.0, drop]), rotation)

    def _placed(self, moved: Pose) -> PlanningScene:
        """Return the scene with the object where it was let go."""
        names = set(self._request.shapes)
        rest = tuple(shape for shape in self._scene.shapes if shape.name not in names)
        there = tuple(replace(shape, pose=moved.at(shape.pose)) for shape in self._shapes)
        return replace(self._touch, shapes=(*rest, *there))


def _reversed(plan: Plan) -> Plan:
    """Return the same curve the other way round, with the same time law."""
    return replace(
        plan,
        way_points=plan.way_points[::-1].copy(),
        times=plan.times[-1] - plan.times[::-1],
        parameters=1.0 - plan.parameters[::-1],
        rates=plan.rates[::-1].copy(),
    )


def _with(position: FloatArray, values: FloatArray, plan: Plan, arm: Arm) -> FloatArray:
    """Return joint positions (D,) with those of a plan's joints in them."""
    made = position.copy()
    made[[arm.limits.index[name] for name in plan.joint_names]] = values
    return made
