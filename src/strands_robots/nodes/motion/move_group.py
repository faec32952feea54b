"""Asks MoveIt's move_group for ways, where moveit_msgs is installed: its action move_action in the robot's namespace, plan only."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.plan_process import Search
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.messages.moveit_messages import PLANNING_TIME, move_group_goal, way_points

ACTION = "move_action"
"""Name below the robot's, as moveit.launch.py starts move_group."""

PATIENCE = 5.0
"""How much longer than its planning time move_group may take [s, steady time]."""

SERVER_WAIT = 1.0
"""Longest wait for its action server [s, steady time]."""

_SLICE = 0.02


class MoveGroupClient:
    """One action client for each robot, made with its first search. `search` is for goals' threads.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        self._node, self._kind = node, importlib.import_module("moveit_msgs.action").MoveGroup
        self._calls = ExecutorCalls(node)
        self._lock = threading.Lock()
        self._clients: dict[str, ActionClient] = {}

    def search(self, search: OutsideSearch, is_over: Callable[[], bool]) -> FloatArray:
        """Return way points (N, D') of move_group.

        Raises:
            MotionError: "planner_lost" if it is not there or stops answering, "cancelled" if the search was given up, "no_path" with
                its error code.
        """
        name = f"{search.robot}/{ACTION}"
        client = self._client(search.robot, name)
        if not client.wait_for_server(SERVER_WAIT):
            raise MotionError(
                "planner_lost",
                f"no action server {name}; valid: ros2 launch strands_robots moveit.launch.py robot:={search.robot}",
            )
        goal = move_group_goal(search)
        # The executor's thread sends: rclpy's action client forgets an answer that comes before the call returned.
        handle = self._wait(self._calls.wait(lambda: client.send_goal_async(goal)), is_over, SERVER_WAIT + PATIENCE)
        if not handle.accepted:
            raise MotionError("no_path", "move_group rejected the goal; its log says why")
        try:
            answer = self._wait(self._calls.wait(handle.get_result_async), is_over, PLANNING_TIME + PATIENCE)
        except MotionError:
            self._calls.wait(handle.cancel_goal_async)
            raise
        return way_points(answer.result, search)

    def _client(self, robot: str, name: str) -> ActionClient:
        with self._lock:
            if robot not in self._clients:
                self._clients[robot] = self._calls.wait(lambda: ActionClient(self._node, self._kind, name))
            return self._clients[robot]

    def _wait(self, future: Any, is_over: Callable[[], bool], limit: float) -> Any:
        end = time.monotonic() + limit
        while not future.done():
            if is_over():
                raise MotionError("cancelled", "the plan was given up while move_group searched")
            if time.monotonic() > end:
                raise MotionError("planner_lost", f"move_group did not answer within {limit:g} s")
            time.sleep(_SLICE)
        return future.result()


def move_group_search(node: Node) -> Search | None:
    """Return the way to move_group for planning processes, or None where moveit_msgs is not installed."""
    return MoveGroupClient(node).search if importlib.util.find_spec("moveit_msgs") is not None else None
