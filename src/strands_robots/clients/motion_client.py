"""Moves a robot as a client of the action servers of motion_node."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle

from strands_robots.action import MoveTo, SetGripper
from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import MotionError
from strands_robots.ros.goals.goal_owners import owned_goal

FIND_TIMEOUT = 3.0
CANCEL_TIMEOUT = 5.0
FEEDBACK_PERIOD = 1.0
"""Shortest time between two lines of feedback [s]."""


def move_joints_goal(names: list[str], positions: list[float], **fields: Any) -> MoveTo.Goal:
    """Return a goal of MoveTo for joints; `fields` are the goal's other fields."""
    return MoveTo.Goal(target=MoveTo.Goal.TARGET_JOINTS, joint_names=names, positions=positions, **fields)


def move_pose_goal(
    position: tuple[float, float, float], quaternion: tuple[float, float, float, float], frame: str, **fields: Any
) -> MoveTo.Goal:
    """Return a goal of MoveTo for a pose.

    Args:
        position: x, y, z [m].
        quaternion: x, y, z, w.
        frame: Frame of both.
        fields: The goal's other fields.
    """
    goal = MoveTo.Goal(target=MoveTo.Goal.TARGET_POSE, **fields)
    goal.pose.header.frame_id = frame
    point, turn = goal.pose.pose.position, goal.pose.pose.orientation
    point.x, point.y, point.z = position
    turn.x, turn.y, turn.z, turn.w = quaternion
    return goal


def grip_goal(fraction: float, **fields: Any) -> SetGripper.Goal:
    """Return a goal of SetGripper; `fields` are the goal's other fields."""
    return SetGripper.Goal(unit=SetGripper.Goal.UNIT_FRACTION, position=fraction, **fields)


def run_motion(client: GraphClient, goal: MoveTo.Goal | SetGripper.Goal, tell: Callable[[str], None]) -> Any:
    """Carry a goal out and return its result; KeyboardInterrupt cancels it and still returns the result.

    The goal ends with this process: whatever ends it, motion_node brakes half a second later.

    Args:
        client: Client of the graph.
        goal: What to do.
        tell: Takes a line of progress, at most one a second.

    Raises:
        NoAnswerError: If motion_node is not there, or stops answering.
    """
    is_move = isinstance(goal, MoveTo.Goal)
    name = "move_to" if is_move else "set_gripper"
    server = ActionClient(client.node, MoveTo if is_move else SetGripper, name)
    try:
        if not client.spin_until(server.server_is_ready, FIND_TIMEOUT):
            raise NoAnswerError(client.absent("action server", name))
        with owned_goal(client.node) as goal_id:
            accepted = server.send_goal_async(goal, feedback_callback=_MotionFeedback(tell), goal_uuid=goal_id)
            if not client.spin_until(accepted.done, FIND_TIMEOUT):
                raise NoAnswerError(f"{name} did not answer the goal within {FIND_TIMEOUT:g} s")
            handle: ClientGoalHandle = accepted.result()
            if not handle.accepted:
                raise MotionError("refused", f"{name} refused the goal; motion_node's log says why")
            return _result(client, server, handle, tell)
    finally:
        server.destroy()


def _result(client: GraphClient, server: ActionClient, handle: ClientGoalHandle, tell: Callable[[str], None]) -> Any:
    future = handle.get_result_async()
    try:
        while not client.spin_until(future.done, 1.0):
            if not server.server_is_ready():
                raise NoAnswerError("motion_node is gone; the robot comes to rest by itself")
    except KeyboardInterrupt:
        tell("cancelling")
        handle.cancel_goal_async()
        if not client.spin_until(future.done, CANCEL_TIMEOUT):
            raise NoAnswerError(
                f"motion_node did not confirm the cancelling within {CANCEL_TIMEOUT:g} s; strands-robots estop stops"
            ) from None
    return future.result().result


class _MotionFeedback:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._next = time.monotonic() + FEEDBACK_PERIOD

    def __call__(self, message: Any) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + FEEDBACK_PERIOD
        feedback = message.feedback
        if isinstance(feedback, MoveTo.Feedback):
            self._tell(f"{feedback.elapsed:.1f} s, {100.0 * feedback.progress:.0f} percent of the way")
        else:
            self._tell(f"{feedback.elapsed:.1f} s, {100.0 * feedback.fraction:.0f} percent open")
