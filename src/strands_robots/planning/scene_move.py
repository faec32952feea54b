"""MoveTo through the whole scene, as a goal of a motion session: looks, plans, plays, and says what changed meanwhile. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.motion.contact import arm_contact
from strands_robots.motion.ik import PoseTarget
from strands_robots.motion.move_to import JointTarget, Reached, Target, judge
from strands_robots.motion.planner import PlannedMove
from strands_robots.motion.task import MotionPlan, RobotKinematics
from strands_robots.planning.goals import Goal, LineGoal, PoseGoals, RegionGoal, from_start
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.plan_task import START_TOLERANCE
from strands_robots.planning.scene_planner import PlanRequest
from strands_robots.planning.surroundings import Surroundings
from strands_robots.planning.tool_limits import ToolLimits


@dataclass(frozen=True, eq=False)
class SceneGoal:
    """What a goal of MoveTo or PlanMotion asks for, but for the start.

    Attributes:
        goal: Where to.
        planner, time_law, speed, seed, iterations, tool: As in `PlanRequest`.
        held, may_touch, clearances: As in `PlanJob`.
    """

    goal: Goal
    planner: str
    time_law: str
    speed: float
    seed: int
    iterations: int
    tool: ToolLimits
    held: tuple[str, ...]
    may_touch: tuple[str, ...]
    clearances: tuple[float, ...]

    def job(self, start: FloatArray, surroundings: Surroundings, velocity: FloatArray | None = None) -> PlanJob:
        """Return the question to a planning process.

        Args:
            start: Joint positions (D,) [rad] or [m].
            surroundings: What stands around the robot.
            velocity: Joint velocities at the start (D,) [rad/s] or [m/s]; None at rest.
        """
        request = PlanRequest(
            self.goal,
            start,
            self.planner,
            self.time_law,
            self.speed,
            self.seed,
            self.iterations,
            self.tool,
            velocity,
        )
        return PlanJob(request, surroundings, self.held, self.may_touch, self.clearances)


class SceneMoveTask:
    """Joints, or the tool, to a goal around what stands in the way.

    Args:
        robot: The robot; used by the goal's thread.
        wish: What is asked for.
        look: Gives what stands around the robot now; may raise MotionError.
        make_plan: Gives the plan of a job; may raise MotionError.

    Attributes:
        target: The target that the plan ends at; None before `plan`.
        planned: What is played; None before `plan`.
        made: The plan; None before `plan`.
    """

    def __init__(
        self,
        robot: RobotKinematics,
        wish: SceneGoal,
        look: Callable[[], Surroundings],
        make_plan: Callable[[PlanJob], Plan],
    ) -> None:
        self.speed = wish.speed
        self.target: Target | None = None
        self.planned: PlannedMove | None = None
        self.made: Plan | None = None
        self._robot, self._wish, self._look, self._make_plan = robot, wish, look, make_plan
        self._surroundings = Surroundings()
        self._prepared: MotionPlan | None = None
        self._is_given_up = False

    def prepare(self, start: FloatArray, velocity: FloatArray, begin: float) -> None:
        """Plan from where the robot will be, in motion.

        Args:
            start: Set-points (D,) at that time [rad] or [m].
            velocity: Their velocities (D,) [rad/s] or [m/s].
            begin: That time [s, ROS time].

        Raises:
            MotionError: As the planner; "no_path" also where no way begins from this motion.
        """
        self._prepared = replace(self._plan_from(start, velocity), begin=begin)

    def give_up(self) -> None:
        """Make no more of a plan that is still being prepared: it comes too late, and the robot's kinematics are another goal's."""
        self._is_given_up = True

    def plan(self, position: FloatArray, effort: FloatArray, commanded: FloatArray) -> MotionPlan:
        """Return the plan that was prepared, or one from the present set-points; see `MotionTask`."""
        return self._prepared or self._plan_from(commanded, None)

    def _plan_from(self, commanded: FloatArray, velocity: FloatArray | None) -> MotionPlan:
        robot = self._robot
        surroundings = self._surroundings = self._look()
        plan = self.made = self._make_plan(self._wish.job(commanded, surroundings, velocity))
        if self._is_given_up:
            raise MotionError("cancelled", "the plan came too late")
        move = self.planned = plan.move(robot.limits)
        end = commanded.copy()
        end[list(move.columns)] = move.end
        target = self.target = self._target_at(end, commanded)
        contact = arm_contact(robot.limits.velocity[list(move.columns)])

        def is_reached(measured: FloatArray) -> bool:
            return judge(robot.arm, target, move.columns, move.end, measured).is_reached

        return MotionPlan(move, contact, is_reached, start_tolerance=START_TOLERANCE)

    def scene_change(self) -> str:
        """Return in words what changed in the scene since the plan was made; empty for nothing."""
        return self._look().change_from(self._surroundings, self._wish.held)

    def reached(self, position: FloatArray) -> Reached | None:
        """Return how near measured positions (D,) are to the target; None before there is a plan."""
        if self.target is None or self.planned is None:
            return None
        return judge(self._robot.arm, self.target, self.planned.columns, self.planned.end, position)

    def _target_at(self, end: FloatArray, start: FloatArray) -> Target:
        """Return what is judged at the end: of several poses the nearest; of part of a line what the line came to."""
        arm, goal = self._robot.arm, from_start(self._wish.goal, self._robot.arm, start)
        if isinstance(goal, JointTarget):
            return goal
        tool = arm.tool_pose(end)
        if isinstance(goal, LineGoal):
            target = goal.target
            is_whole = self.made is not None and self.made.fraction >= 1.0 - 1e-9
            pose = target.pose if is_whole else Pose(tool.position, tool.rotation)
            return PoseTarget(pose, target.orientation, target.position_tolerance, target.orientation_tolerance)
        if isinstance(goal, RegionGoal):  # any place in it will do, so the one that was planned to counts
            target = goal.target
            return replace(target, pose=Pose(tool.position, target.pose.rotation))
        assert isinstance(goal, PoseGoals)
        return _nearest(goal.targets, tool)


def _nearest(targets: Sequence[PoseTarget], tool: Pose) -> PoseTarget:
    misses = [sum(target.errors(tool)) for target in targets]
    return targets[int(np.argmin(misses))]
