"""What a robot of a simulated world is made of, for nodes that started before it joined."""

from __future__ import annotations

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.srv import DescribeWorld

from strands_robots.core.errors import UnknownNameError

TIMEOUT = 2.0
"""Longest wait for the world's answer [s, steady time]."""


class RobotModels:
    """Asks the simulated world of the graph, where there is one.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._client = node.create_client(DescribeWorld, "world/describe")

    async def source(self, robot: str) -> str:
        """Return what the world made the robot from: a known robot or a file; empty when no world answers.

        To be awaited by an action server's execute callback.

        Raises:
            UnknownNameError: If the world has no such robot; the message names those that it has.
        """
        if not self._client.service_is_ready():
            return ""
        future = self._client.call_async(DescribeWorld.Request())

        def give_up() -> None:
            if not future.done():
                self._client.remove_pending_request(future)
                future.set_result(None)

        timer = self._node.create_timer(TIMEOUT, give_up, clock=Clock(clock_type=ClockType.STEADY_TIME))
        try:
            answer = await future
        finally:
            self._node.destroy_timer(timer)
        if answer is None or not answer.success:
            return ""
        models = dict(zip(answer.robots, answer.robot_models))
        if robot not in models:
            raise UnknownNameError("robot", robot, models)
        return str(models[robot])
