"""One robot of the graph, for a program that is its own master: measurements, pictures, goals, episodes, stop."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from PIL import Image as PilImage
from sensor_msgs.msg import Image, JointState

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.clients.agent_goals import AgentGoals
from strands_robots.clients.graph_calls import reader_profile
from strands_robots.clients.results import RobotObservation, StopResult
from strands_robots.clients.spun_client import SpunClient, wait_until
from strands_robots.clients.stop import GraphStop, stop_result
from strands_robots.core.errors import NoAnswerError
from strands_robots.msg import GateState, SafetyState
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import rgb_from_msg
from strands_robots.ros.messages.interfaces import load_interface
from strands_robots.ros.messages.message_values import fill_message, plain_values
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.ros.robot.robot_discovery import cameras_on_graph
from strands_robots.srv import GetWorldState, RecordEpisode, StartRecording

PROGRAM = "external/robot"
"""Who asks: the program itself and no model."""

SILENCE = 0.5
"""A measurement older than this is waited for anew [s]."""

FIRST_WAIT = 3.0
PICTURE_WAIT = 10.0
STOP_WAIT = 3.0
CANCEL_WAIT = 2.0


class RobotClient:
    """May be used by several threads. `close` ends it; the client stays.

    Args:
        client: The way to the graph.
        goals: Starts goals, and cancels them when the program ends.
        robot: Name of the robot.
    """

    def __init__(self, client: SpunClient, goals: AgentGoals, robot: str) -> None:
        self._client = client
        self._goals = goals
        self._robot = robot
        self._stop = GraphStop(client.node)
        self._recording = uuid.uuid4().hex
        self._heard: dict[str, tuple[Any, float]] = {}
        self._subscriptions = [
            client.node.create_subscription(
                kind, f"{robot}/{part}", lambda message, name=part: self._on_message(name, message), profile
            )
            for part, kind, profile in (
                ("joint_states", JointState, qos.HEARTBEAT_READER),
                ("gate_state", GateState, qos.HEARTBEAT_READER),
            )
        ]

    def close(self) -> None:
        """Listen no more."""
        self._stop.close()
        for subscription in self._subscriptions:
            self._client.node.destroy_subscription(subscription)

    def observe(self) -> RobotObservation:
        """Return what the robot measures now.

        Raises:
            NoAnswerError: If it is silent.
        """
        joints, gate = self._latest("joint_states"), self._latest("gate_state")
        names = list(joints.name)

        def column(values: Any) -> Mapping[str, float]:
            return dict(zip(names, map(float, values))) if len(values) == len(names) else {}

        return RobotObservation(
            to_seconds(joints.header.stamp), column(joints.position), column(joints.velocity), column(joints.effort),
            self.cameras(), gate.latched, gate.at_rest, gate.latch_reason,
        )  # fmt: skip

    def cameras(self, robot: str = "") -> tuple[str, ...]:
        """Return the names of the robot's cameras, or of another robot's."""
        return tuple(cameras_on_graph(self._client.node, robot or self._robot))

    def picture(self, camera: str) -> PilImage.Image:
        """Return the next picture of a camera of this robot, as it is sent.

        Raises:
            NoAnswerError: If none comes.
        """
        topic = f"{self._client.node.get_namespace().rstrip('/')}/{self._robot}/{camera}/image_raw"
        profile = reader_profile(self._client.graph, topic, 1)
        message = self._client.latest(Image, topic, profile, PICTURE_WAIT)
        return PilImage.fromarray(rgb_from_msg(message))

    def is_simulated(self) -> bool:
        """Return whether it is one of a simulated world of the graph."""
        try:
            answer = self._client.call(GetWorldState, "world/get_state", GetWorldState.Request(), 5.0)
        except NoAnswerError:
            return False
        return self._robot in answer.robots

    def run_goal(self, kind: str, name: str, fields: Mapping[str, Any], timeout: float) -> tuple[str, dict[str, Any]]:
        """Carry out a goal; return how it ended and its result. Whatever interrupts the wait cancels it.

        Args:
            kind: Name of the action in this package.
            name: Name of its server.
            fields: The goal.
            timeout: Longest wait [s].

        Raises:
            NoAnswerError: If the server does not take it, or it has not ended in time; then it is cancelled.
            ConfigurationError: If a field does not fit.
        """
        full = f"strands_robots/action/{kind}"
        action = load_interface(full, "action")
        goal = fill_message(action.Goal(), fields)
        if hasattr(goal, "source"):
            goal.source = PROGRAM
        place = f"{self._client.node.get_namespace().strip('/')}/{name}".strip("/")
        sent = self._goals.send(Endpoint(place, full), action, goal)
        try:
            if not sent.ended.wait(timeout):
                raise NoAnswerError(f"{name} has not ended within {timeout:g} s; it was cancelled")
        finally:
            if not sent.ended.is_set():
                self._goals.cancel(sent)
                sent.ended.wait(CANCEL_WAIT)
        return sent.state, plain_values(sent.result)

    def stop(self, reason: object) -> StopResult:
        """Stop every robot of the graph; raises as `stop_result`."""
        return stop_result(self._stop.stop(PROGRAM, reason, STOP_WAIT))

    def has_recorder(self, timeout: float) -> bool:
        """Return whether recorder_node is on the graph, or comes in time [s]."""
        clients = (
            self._client.client(StartRecording, "recorder/start"),
            self._client.client(RecordEpisode, "recorder/episode"),
        )
        return wait_until(lambda: all(client.service_is_ready() for client in clients), timeout)

    def open_dataset(self, fields: Mapping[str, Any], timeout: float) -> Any:
        """Return the answer of recorder/start; raises NoAnswerError, and ConfigurationError for a field that does not fit."""
        request = fill_message(StartRecording.Request(), {**fields, "owner": self._recording})
        self._goals.own(self._recording)
        return self._client.call(StartRecording, "recorder/start", request, timeout)

    def order_episode(self, command: str, fields: Mapping[str, Any], timeout: float) -> Any:
        """Return the answer of recorder/episode to a command by its name; raises NoAnswerError."""
        request = fill_message(RecordEpisode.Request(command=getattr(RecordEpisode.Request, command)), fields)
        return self._client.call(RecordEpisode, "recorder/episode", request, timeout)

    def run_id(self) -> str:
        """Return the run of the graph, as safety_node says it; raises NoAnswerError."""
        return str(self._client.latest(SafetyState, "safety/state", qos.SAFETY, FIRST_WAIT).run_id)

    def _on_message(self, part: str, message: Any) -> None:
        self._heard[part] = (message, time.monotonic())

    def _latest(self, part: str) -> Any:
        asked = time.monotonic()
        if not wait_until(lambda: part in self._heard and self._heard[part][1] > asked - SILENCE, FIRST_WAIT):
            raise NoAnswerError(f"robot '{self._robot}' is silent: nothing came on {self._robot}/{part}")
        return self._heard[part][0]


def was_armed(client: SpunClient, robot: str) -> bool:
    """Return whether a robot was allowed to move since its node started, whatever holds now; raises NoAnswerError."""
    gate = client.latest(GateState, f"{robot}/gate_state", qos.HEARTBEAT_READER, FIRST_WAIT)
    return not gate.latched or gate.latch_count > 0
