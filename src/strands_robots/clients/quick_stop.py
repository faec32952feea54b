"""A stop for programs that go on: found in advance, by the topic that robots hear themselves and by the service."""

from __future__ import annotations

from strands_robots.clients.results import StopResult
from strands_robots.clients.spun_client import SpunClient
from strands_robots.core.errors import NoAnswerError
from strands_robots.msg import GateState, StopRequest
from strands_robots.ros.messages import qos
from strands_robots.ros.robot.robot_discovery import robots_on_graph
from strands_robots.srv import StopGraph

SERVICE_TIMEOUT = 10.0
GATE_TIMEOUT = 1.0


class QuickStop:
    """Stops every robot of a graph. May be used by several threads.

    Args:
        client: The way to the graph.
    """

    def __init__(self, client: SpunClient) -> None:
        self._client = client
        self._publisher = client.node.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        client.client(StopGraph, "safety/stop")

    def stop(self, source: str, reason: str, wait: float) -> StopResult:
        """Stop by the topic and by the service, and return what is known of it.

        Args:
            source: Who asks.
            reason: Why.
            wait: Longest wait for rest [s], at most 10.

        Raises:
            NoAnswerError: If safety_node does not answer and not every robot says that it is stopped.
        """
        self._publisher.publish(StopRequest(source=source, reason=reason))
        request = StopGraph.Request(source=source, reason=reason, wait_for_rest=wait)
        try:
            answer = self._client.call(StopGraph, "safety/stop", request, wait + SERVICE_TIMEOUT, GATE_TIMEOUT)
        except NoAnswerError as error:
            return self._without_supervisor(error)
        return StopResult(answer.stop_id, answer.message, answer.at_rest, tuple(answer.moving), answer.audited)

    def _without_supervisor(self, error: NoAnswerError) -> StopResult:
        """Return what the robots themselves say."""
        silent, moving = [], []
        robots = robots_on_graph(self._client.node)
        for robot in robots:
            try:
                gate = self._client.latest(GateState, f"{robot}/gate_state", qos.HEARTBEAT_READER, GATE_TIMEOUT)
            except NoAnswerError:
                silent.append(robot)
                continue
            silent += [] if gate.latched else [robot]
            moving += [] if gate.at_rest else [robot]
        if silent or not robots:
            raise NoAnswerError(
                f"{', '.join(silent) or 'no robot was found'}: no evidence of the stop; {error}"
            ) from error
        return StopResult(0, f"every robot says that it is stopped; {error}", not moving, tuple(moving), False)
