"""Plans a motion without moving, and plays exactly that plan, as a client of motion_node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from strands_robots.action import ExecutePlan, PlanMotion
from strands_robots.clients.client import GraphClient
from strands_robots.clients.client_goal import client_goal
from strands_robots.clients.motion_client import planning_options
from strands_robots.core.errors import MotionError
from strands_robots.srv import GetPlan

GET_TIME = 5.0
"""Longest wait for a plan that is kept [s]."""

_GONE = "motion_node is gone; the robot comes to rest by itself"


def plan_joints(
    client: GraphClient, robot: str, positions: Mapping[str, float], *, source: str, speed_scale: float, planner: str,
) -> Any:  # fmt: skip
    """Return PlanMotion's result for joints to positions [rad] or [m]; nothing moves. Raises as `plan_goal`."""
    goal = PlanMotion.Goal(
        robot=robot, source=source, target=PlanMotion.Goal.TARGET_JOINTS, joint_names=list(positions),
        positions=list(positions.values()), speed_scale=speed_scale, planning=planning_options(planner, []),
    )  # fmt: skip
    return plan_goal(client, goal)


def plan_goal(client: GraphClient, goal: Any) -> Any:
    """Return PlanMotion's result for a goal of it; nothing moves.

    Raises:
        NoAnswerError: If motion_node is not there, or stops answering.
        MotionError: If it refuses the goal.
    """
    refused = MotionError("refused", "plan_motion refused the goal; motion_node's log says why")
    with client_goal(client, PlanMotion, "plan_motion", goal, lambda feedback: None, refused, _GONE) as running:
        return running.result(lambda line: None).result


def get_plan(client: GraphClient, robot: str, digest: str) -> Any:
    """Return GetPlan's answer: the plan of a digest, as motion_node keeps it.

    Raises:
        NoAnswerError: If motion_node is not there.
    """
    return client.call(GetPlan, "robots/get_plan", GetPlan.Request(robot=robot, digest=digest), GET_TIME)


def execute_plan(client: GraphClient, robot: str, digest: str, *, source: str, tell: Callable[[str], None]) -> Any:
    """Play a plan by its digest and return ExecutePlan's result; KeyboardInterrupt cancels it and still returns the result.

    Raises:
        NoAnswerError: If motion_node is not there, or stops answering.
        MotionError: If it refuses the goal.
    """
    goal = ExecutePlan.Goal(robot=robot, source=source, digest=digest)
    refused = MotionError("refused", "execute_plan refused the goal; motion_node's log says why")

    def on_feedback(feedback: Any) -> None:
        tell(f"{feedback.elapsed:.1f} s, {100.0 * feedback.progress:.0f} percent of the plan")

    with client_goal(client, ExecutePlan, "execute_plan", goal, on_feedback, refused, _GONE) as running:
        return running.result(tell).result
