"""The action server plan_motion: a plan, and nothing that moves; and the service that reads a plan again."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import PlanMotion
from strands_robots.srv import GetPlan

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, StrandsRobotsError, WorldError
from strands_robots.core.stepping import LOCKSTEP
from strands_robots.core.types import Instant
from strands_robots.motion.task import RobotKinematics, checked_source
from strands_robots.nodes.motion.plan_markers import PlanMarkers
from strands_robots.nodes.motion.plans import Plans
from strands_robots.nodes.motion.present_setpoints import PresentSetpoints
from strands_robots.nodes.motion.scene_source import SceneSource
from strands_robots.planning.group_job import GroupJob, group_job
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.scene_move import SceneGoal
from strands_robots.ros.goals.goal_audit import audited_goals
from strands_robots.ros.goals.motion_goals import MESSAGE_LENGTH, goals_of_robots, scene_goal
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.planning_messages import plan_to_msg
from strands_robots.ros.process.polled_clock import ros_time

PLANNED = "planned"
"""The termination_reason of a goal that has a plan."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked of one robot.

    Attributes:
        robot: The robot.
        wish: Where to, and how.
        start: Where it starts (D,) [rad] or [m]; None for where its set-points are.
        setpoints: What is heard of them; None where `start` is given.
    """

    robot: RobotKinematics
    wish: SceneGoal
    start: FloatArray | None
    setpoints: PresentSetpoints | None


class PlanServer:
    """Serves plan_motion. Each goal waits in a thread of its own; the search runs in the robot's planning process.

    Args:
        node: The node; its namespace is the graph's.
        find: Returns a robot by its name; raises UnknownNameError with the valid ones.
        plans: Makes plans and keeps them.
        scenes: Tells what stands around.
        world: The world's services.
    """

    def __init__(
        self,
        node: Node,
        find: Callable[[str], Awaitable[RobotKinematics]],
        plans: Plans,
        scenes: SceneSource,
        world: WorldClients,
    ) -> None:
        self._node, self._find, self._plans, self._scenes, self._world = node, find, plans, scenes, world
        self._markers = PlanMarkers(node)
        self._over: dict[str, threading.Event] = {}
        self._is_ending = False
        self._server = ActionServer(
            node, PlanMotion, "plan_motion", audited_goals(node, PlanMotion, "plan_motion", self._execute),
            cancel_callback=self._on_cancel,
        )  # fmt: skip
        node.create_service(GetPlan, "robots/get_plan", self._on_get_plan)

    def goal_ids(self) -> list[str]:
        """Return the goals that are being planned."""
        return list(self._over)

    def give_up(self, goal_id: str) -> None:
        """Give a goal up."""
        if goal_id in self._over:
            self._over[goal_id].set()

    def close(self) -> None:
        """Give every goal up and serve no more."""
        for over in self._over.values():
            over.set()
        self._server.destroy()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self.give_up(bytes(handle.goal_id.uuid).hex())
        return CancelResponse.ACCEPT

    def _on_get_plan(self, request: GetPlan.Request, response: GetPlan.Response) -> GetPlan.Response:
        try:
            kept = self._plans.find(request.robot, request.digest)
        except MotionError as error:
            response.message = clip(str(error), MESSAGE_LENGTH)
            return response
        response.success, response.message = True, _words(kept.plan)
        response.plan = plan_to_msg(kept.plan, kept.tool_points)
        return response

    async def _execute(self, handle: ServerGoalHandle) -> PlanMotion.Result:
        """Carry out a goal; the executor goes on while this waits."""
        request, began = handle.request, time.monotonic()
        result = PlanMotion.Result()
        goal_id = bytes(handle.goal_id.uuid).hex()
        over = self._over[goal_id] = threading.Event()
        done: Future[Any] = Future()
        feeds: list[RobotSubscriber] = []
        try:
            asked = [await self._asked(goal, len(request.others) > 0) for goal in goals_of_robots(request)]
            checked_source(request.source)
            for one in asked:
                if one.setpoints is not None:
                    feeds.append(RobotSubscriber(self._node, one.robot.name, one.setpoints, lockstep=False))
            threading.Thread(
                target=self._plan, args=(goal_id, asked, over, done), name=f"plan for {request.robot}", daemon=True
            ).start()
            outcome = await done
            if isinstance(outcome, StrandsRobotsError):
                raise outcome
            plan, tool_points = outcome
            result.success, result.termination_reason = True, PLANNED
            result.plan = plan_to_msg(plan, tool_points)
            result.message = _words(plan)
        except StrandsRobotsError as error:
            result.termination_reason, result.message = _reason(error), clip(str(error), MESSAGE_LENGTH)
        finally:
            for feed in feeds:
                feed.close()
            del self._over[goal_id]
        result.elapsed = time.monotonic() - began
        return self._finish(handle, result)

    async def _asked(self, goal: PlanMotion.Goal, is_one_of_several: bool) -> _Asked:
        """Return what a goal asks of one robot."""
        robot = await self._find(goal.robot)
        self._scenes.listen(robot.name)
        try:
            wish = scene_goal(goal, robot)
        except StrandsRobotsError as error:
            if not is_one_of_several:
                raise
            raise MotionError(_reason(error), f"'{robot.name}': {error}") from error
        start = np.array(goal.start) if goal.start else None
        return _Asked(
            robot, wish, start, PresentSetpoints(robot.name, robot.limits, self._now()) if start is None else None
        )

    def _plan(self, goal_id: str, asked: list[_Asked], over: threading.Event, done: Future[Any]) -> None:
        """Body of a goal's thread."""
        outcome: Any = WorldError("the plan's thread failed; motion_node's log says how")
        try:
            robots = tuple(one.robot for one in asked)
            starts = [self._start(goal_id, one, over) for one in asked]
            job: PlanJob | GroupJob
            if len(asked) == 1:
                job = asked[0].wish.job(starts[0], self._scenes.look(robots[0].name))
                plan = self._plans.make(robots[0], job, over.is_set)
            else:
                place = self._scenes.look_together([robot.name for robot in robots])
                job = group_job([one.wish for one in asked], starts, place)
                plan = self._plans.make_together(robots, job, over.is_set)
            tool_points = self._markers.tool_points(robots, plan)
            self._plans.keep(plan, job, tool_points)
            outcome = plan, tool_points
            self._markers.show(robots, plan)
        except StrandsRobotsError as error:
            outcome = error
        finally:
            done.set_result(outcome)
            if self._node.executor is not None:
                self._node.executor.wake()

    def _start(self, goal_id: str, asked: _Asked, over: threading.Event) -> FloatArray:
        """Return where a robot starts."""
        if asked.start is not None:
            return asked.start
        assert asked.setpoints is not None  # one of the two is given
        return self._present(goal_id, asked.robot, asked.setpoints, over)

    def _present(
        self, goal_id: str, robot: RobotKinematics, setpoints: PresentSetpoints, over: threading.Event
    ) -> FloatArray:
        world = WorldClient(self._world, robot.name, lambda: None)
        if world.has_world() and world.mode()[0] == LOCKSTEP:
            answer = world.step(f"plan/{goal_id}", 0, None, release=True)
            if not answer.success or answer.observation is None:
                raise WorldError(f"where '{robot.name}' is cannot be asked: {answer.message}; valid: give start")
            return setpoints.of_step(answer)
        return setpoints.wait(over.is_set)

    def _finish(self, handle: ServerGoalHandle, result: PlanMotion.Result) -> PlanMotion.Result:
        goal_id = bytes(handle.goal_id.uuid).hex()[:8]
        text = f"goal {goal_id}: {result.termination_reason}: {result.message}"
        if result.success:
            self._node.get_logger().info(text)
            handle.succeed()
        else:
            self._node.get_logger().warning(text)
            is_cancelled = result.termination_reason == "cancelled" and handle.is_cancel_requested
            handle.canceled() if is_cancelled else handle.abort()
        return result

    def _now(self) -> Instant:
        return Instant(ros_time(self._node), time.monotonic())


def _reason(error: StrandsRobotsError) -> str:
    if isinstance(error, MotionError):
        return error.reason
    return "world_failed" if isinstance(error, WorldError) else "invalid_goal"


def _words(plan: Plan) -> str:
    part = "" if plan.fraction >= 1.0 else f", {100.0 * plan.fraction:.0f} percent of the line"
    return (
        f"{plan.duration:.2f} s by {plan.planner}, {plan.length / max(plan.direct_length, 1e-9):.2f} times the direct way{part}, "
        f"keeps {1e3 * plan.clearance:g} mm from everything; execute_plan with this digest plays it: {plan.digest}"
    )
