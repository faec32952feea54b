"""Goals of ExecutePlan: a plan of one robot, or of several that move by one clock, played as it was approved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rclpy.action.server import ServerGoalHandle
from strands_robots.action import ExecutePlan

from strands_robots.core.errors import MotionError, StrandsRobotsError
from strands_robots.core.types import Instant
from strands_robots.motion.group_motion import GroupMotion
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.task import RobotKinematics, checked_source
from strands_robots.nodes.motion.plans import KeptPlan, Plans
from strands_robots.nodes.motion.scene_source import SceneSource
from strands_robots.planning.group_job import GroupJob
from strands_robots.planning.plan_task import PlanTask
from strands_robots.ros.goals.motion_goals import execute_feedback, execute_result, group_result


@dataclass(frozen=True)
class PlanAccess:
    """What motion_node does for these goals.

    Attributes:
        find: Returns a robot by its name; raises StrandsRobotsError.
        check_free: Checks that a robot carries out no goal; raises MotionError.
        carry_out: Carries out a session, or all sessions of a group whose first it is.
        refuse, finish: Give a goal its final state and return its result.
        now: Returns the present.
    """

    find: Callable[[str], Awaitable[RobotKinematics]]
    check_free: Callable[[str], None]
    carry_out: Callable[..., Awaitable[None]]
    refuse: Callable[[ServerGoalHandle, Any, StrandsRobotsError], Any]
    finish: Callable[[ServerGoalHandle, Any], Any]
    now: Callable[[], Instant]


class PlanGoals:
    """Carries out goals of ExecutePlan.

    Args:
        access: What the node does for them.
        plans: The plans that are kept.
        scenes: Tells what stands around.
    """

    def __init__(self, access: PlanAccess, plans: Plans, scenes: SceneSource) -> None:
        self._access, self._plans, self._scenes = access, plans, scenes

    async def execute(self, handle: ServerGoalHandle) -> ExecutePlan.Result:
        """Play a plan; the executor goes on while this waits."""
        request = handle.request
        try:
            robots = [await self._access.find(name) for name in (request.robot, *request.others)]
            for robot in robots:  # nothing waits from here until all of them carry this goal out
                self._access.check_free(robot.name)
            source, kept = checked_source(request.source), self._plans.find(robots[0].name, request.digest)
            _check_robots(kept, request)
            if not kept.plan.robots:
                return await self._play(handle, source, kept, robots[0])
            if request.lockstep:
                raise MotionError(
                    "refused", "lockstep is true for a plan of several robots; valid: false, it is played in real time"
                )
        except StrandsRobotsError as error:
            return self._access.refuse(handle, ExecutePlan.Result(), error)
        return await self._play_together(handle, source, kept, robots)

    async def _play(self, handle: ServerGoalHandle, source: str, kept: KeptPlan, robot: RobotKinematics) -> Any:
        request, job = handle.request, kept.job
        assert not isinstance(job, GroupJob)  # it is the job of a plan for one robot

        def change() -> str:
            return self._scenes.look(robot.name).change_from(job.surroundings, job.held)

        def report() -> None:
            handle.publish_feedback(execute_feedback(session))

        task = PlanTask(kept.plan, request.digest, robot.name, robot.limits, change)
        session = MotionSession(robot.name, source, task, robot.limits, self._access.now(), report)
        await self._access.carry_out(handle, session, "execute_plan", request.lockstep)
        return self._access.finish(handle, execute_result(session, task, request.digest, robot))

    async def _play_together(
        self, handle: ServerGoalHandle, source: str, kept: KeptPlan, robots: list[RobotKinematics]
    ) -> Any:
        request, job = handle.request, kept.job
        assert isinstance(job, GroupJob)  # it is the job of a plan for several robots
        names, held = kept.plan.robots, [name for each in job.held for name in each]

        def change() -> str:
            return self._scenes.look_together(names).change_from(job.place, held)

        def report() -> None:
            handle.publish_feedback(execute_feedback(sessions[0]))

        limits = {robot.name: robot.limits for robot in robots}
        tasks = [
            PlanTask(kept.plan, request.digest, robot.name, robot.limits, change, group=limits) for robot in robots
        ]
        sessions = [
            MotionSession(robot.name, source, task, robot.limits, self._access.now(), _silent)
            for robot, task in zip(robots[1:], tasks[1:])
        ]
        sessions.insert(0, MotionSession(names[0], source, tasks[0], robots[0].limits, self._access.now(), report))
        group = GroupMotion(sessions)
        await self._access.carry_out(handle, sessions[0], "execute_plan", False, group)
        ending = group.ending
        assert ending is not None  # it was carried out
        return self._access.finish(handle, group_result(sessions, tasks, request.digest, ending))


def _silent() -> None:
    """Report nothing: the first robot's progress is that of all."""


def _check_robots(kept: KeptPlan, request: ExecutePlan.Goal) -> None:
    """Check that a request names all robots of its plan; raises MotionError "refused"."""
    others = kept.plan.robots[1:]
    if tuple(request.others) != others:
        raise MotionError(
            "refused",
            f"others is {list(request.others)} for a plan of {', '.join(kept.plan.robots) or kept.plan.robot}; valid: {list(others)}",
        )
