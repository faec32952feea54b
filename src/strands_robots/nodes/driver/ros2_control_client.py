"""The messages of a robot behind ros2_control: joint_states in, trajectories or positions out, its controller_manager asked."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from strands_robots.clients.client import GraphClient
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.drivers.controllers import TRAJECTORY, ControlledRobot, Output
from strands_robots.drivers.driver import DriverError, LinkLostError
from strands_robots.drivers.patience import Patience
from strands_robots.drivers.ros2_control import MeasuredJoints
from strands_robots.nodes.driver.controller_manager import ControllerManager
from strands_robots.nodes.driver.controller_watch import ManagerWatch, StateWatch
from strands_robots.ros.calls.drain import NeverCalled, take
from strands_robots.ros.calls.publishers import create_publisher
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds

RIVAL_TIMEOUT = 3.0
"""Others who command a controller are given this time to be gone [s]."""

RIVAL_PERIOD = 0.5
"""Time between two looks for others who command the robot [s]."""

SWITCH_TIMEOUT = 3.0
"""Longest time that activating or deactivating controllers may take [s]."""

_READER = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
"""A joint_state_broadcaster is reliable or best effort: a best-effort reader hears both, and takes no old state for a new one."""


class Ros2ControlClient:
    """A `ControllerLink` on the graph.

    joint_states are taken by the control loop's thread itself: no executor, whatever it is busy with, delays a state.

    Args:
        node: The node.
        robot: The robot's controllers.
        name: The robot's name on the graph; its own topics are no controllers'.
    """

    def __init__(self, node: Node, robot: ControlledRobot, name: str) -> None:
        self._node, self._robot, self._name = node, robot, name
        self._subscription: Any = None
        self._writers: list[_Writer] = []
        self._client: GraphClient | None = None
        self._manager: ControllerManager | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._watch: ManagerWatch | None = None
        self._states: dict[int, StateWatch] = {}
        self._switching: Future[None] | None = None
        self._asked_at = 0.0
        self._look_at = 0.0
        self._rivalry = ""

    def open(self, patience: Patience) -> dict[str, str]:
        """See `ControllerLink`."""
        config, outputs = self._robot.config, self._robot.outputs
        self._refuse_own_topics()
        self._subscription = self._node.create_subscription(
            JointState, config.joint_states, _nothing, _READER, callback_group=NeverCalled(), raw=True
        )
        self._await_listeners(patience)
        self._client = GraphClient(self._node.get_namespace().strip("/"))
        for output in outputs:
            self._check_joints(self._client, output, patience)
        checked = "parameters"
        if config.manager:
            self._manager = ControllerManager(self._client, config.manager)
            self._await_active(self._manager, patience)
            checked = config.manager
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="controllers")
        watched = self._start_watching(self._pool)
        self._writers = [_Writer(self._node, output) for output in outputs]
        shown = ", ".join(f"{output.controller.name} ({output.controller.kind})" for output in outputs)
        return {"controllers": shown, "checked_by": checked, "watched_by": watched}

    def samples(self) -> Iterator[MeasuredJoints]:
        """See `ControllerLink`."""
        for data, _ in take(self._subscription, JointState):
            message = deserialize_message(data, JointState)
            stamp = to_seconds(message.header.stamp)
            yield MeasuredJoints(message.name, message.position, message.velocity, message.effort, stamp)

    def send(self, output: int, values: FloatArray, within: float) -> None:
        """See `ControllerLink`."""
        self._writers[output].send(values, within)

    def switch(self, active: bool) -> None:
        """See `ControllerLink`."""
        manager, pool = self._manager, self._pool
        if manager is None or pool is None:
            raise LinkLostError("controllers cannot be switched without a controller_manager")
        names = [output.controller.name for output in self._robot.outputs]
        self._asked_at = time.monotonic()
        self._switching = pool.submit(manager.switch, names, active, SWITCH_TIMEOUT)

    def inactive(self) -> Mapping[int, str]:
        """See `ControllerLink`."""
        if self._switching is not None:
            self._forget_states()
            return {}
        names = [output.controller.name for output in self._robot.outputs]
        found = {i: f"controller '{names[i]}' is silent" for i, watch in self._states.items() if not watch.look()}
        if self._watch is None:
            return found
        try:
            states = self._watch.look()
        except DriverError as error:
            return found | dict.fromkeys(range(len(names)), str(error))
        return found | {i: f"controller '{names[i]}' is {state}, not active" for i, state in states.items()}

    def reference(self, output: int) -> Mapping[str, float]:
        """See `ControllerLink`."""
        return self._states[output].reference if output in self._states else {}

    def check(self) -> str:
        """See `ControllerLink`."""
        self._check_switching()
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + RIVAL_PERIOD
            self._rivalry = self._find_rivalry()
        return self._rivalry

    def close(self) -> None:
        """See `ControllerLink`."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        for state in self._states.values():
            state.close()
        if self._watch is not None:
            self._watch.close()
        self._states, self._watch = {}, None
        for writer in self._writers:
            writer.close()
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        if self._client is not None:
            self._client.close()
        self._writers, self._subscription, self._client, self._pool = [], None, None, None

    def _forget_states(self) -> None:
        """Controllers that are being switched have no state that counts."""
        for state in self._states.values():
            state.forget()
        if self._watch is not None:
            self._watch.forget()

    def _start_watching(self, worker: ThreadPoolExecutor) -> str:
        """Watch the controllers from now on; return by what, for diagnostics."""
        config, outputs = self._robot.config, self._robot.outputs
        by = ["joint_states"]
        if self._manager is not None:
            names = [output.controller.name.rpartition("/")[2] for output in outputs]
            self._watch = ManagerWatch(self._node, self._manager, config.manager, names, worker)
            by.append(config.manager)
        if importlib.util.find_spec("control_msgs") is not None:
            for i, output in enumerate(outputs):
                if output.controller.kind == TRAJECTORY:
                    self._states[i] = StateWatch(self._node, f"{output.controller.name}/controller_state")
                    by.append(f"{output.controller.name}/controller_state")
        return ", ".join(by)

    def _check_switching(self) -> None:
        switching = self._switching
        if switching is None:
            return
        if not switching.done():
            if time.monotonic() - self._asked_at > 2.0 * SWITCH_TIMEOUT:
                raise LinkLostError(f"the controllers were not switched within {2.0 * SWITCH_TIMEOUT:g} s")
            return
        self._switching = None
        error = switching.exception()
        if error is not None:
            raise LinkLostError(f"the controllers cannot be switched: {error}") from error

    def _find_rivalry(self) -> str:
        """Return who else commands a controller, in words; one publisher on each topic is this node's."""
        for writer in self._writers:
            infos = self._node.get_publishers_info_by_topic(writer.topic)
            if len(infos) > 1:
                return f"{_names(infos)} command {writer.topic}; valid: this node alone"
        return ""

    def _refuse_own_topics(self) -> None:
        own = self._node.resolve_topic_name(self._name) + "/"
        for topic in (self._robot.config.joint_states, *(o.controller.command_topic for o in self._robot.outputs)):
            if self._node.resolve_topic_name(topic).startswith(own):
                raise DriverError(
                    f"topic '{topic}' is one of '{self._name}' itself; valid: the topics of its ros2_control, outside {own}"
                )

    def _await_active(self, manager: ControllerManager, patience: Patience) -> None:
        """Wait until the manager has the controllers as they must be: spawners need a while."""
        names = [output.controller.name for output in self._robot.outputs]
        while True:
            try:
                manager.check(names, may_be_inactive=self._robot.config.switch)
            except DriverError as error:
                if not patience.go_on(str(error).partition(";")[0]):
                    raise
            else:
                return

    def _await_listeners(self, patience: Patience) -> None:
        """Wait for the controllers' subscriptions, and refuse a robot that another node commands."""
        for output in self._robot.outputs:
            topic = self._node.resolve_topic_name(output.controller.command_topic)
            kind = _type_name(output)
            while not any(info.topic_type == kind for info in self._node.get_subscriptions_info_by_topic(topic)):
                if not patience.go_on(f"controller '{output.controller.name}', which does not listen on {topic} yet"):
                    raise DriverError(
                        f"no controller listens on {topic} ({kind}) within {patience.wait:g} s; valid: {self._listeners(kind)}; is "
                        f"'{output.controller.name}' loaded?"
                    )
            self._refuse_rivals(topic, time.monotonic() + RIVAL_TIMEOUT)

    def _refuse_rivals(self, topic: str, end: float) -> None:
        """Refuse a topic that another node publishes on. This node does not yet, and a rival may have the same name."""
        while rivals := self._node.get_publishers_info_by_topic(topic):
            if time.monotonic() > end:
                raise DriverError(
                    f"{_names(rivals)} also commands {topic}; valid: only this node, or the gate can be bypassed; others "
                    f"command /{self._name}/joint_trajectory. A process that was killed is forgotten after some 20 s"
                )
            time.sleep(0.05)

    def _listeners(self, kind: str) -> str:
        """Return the topics of a type that have subscribers, in words."""
        own = self._node.resolve_topic_name(self._name) + "/"
        topics = [
            topic
            for topic, kinds in self._node.get_topic_names_and_types()
            if kind in kinds and not topic.startswith(own) and self._node.count_subscribers(topic)
        ]
        return ", ".join(sorted(topics)) or "no such topic has a subscriber"

    def _check_joints(self, client: GraphClient, output: Output, patience: Patience) -> None:
        """Refuse a controller that moves other joints, or the same in another order where order says which is which."""
        name, find = output.controller.name, max(patience.left, 3.0)
        try:
            answer = client.call(
                GetParameters, f"{name}/get_parameters", GetParameters.Request(names=["joints"]), 3.0, find
            )
        except StrandsRobotsError as error:
            raise DriverError(f"controller '{name}' does not say its joints: {error}") from error
        there = list(answer.values[0].string_array_value) if answer.values else []
        wanted = list(output.joints)
        is_same = there == wanted if output.controller.kind != TRAJECTORY else sorted(there) == sorted(wanted)
        if not is_same:
            raise DriverError(
                f"controller '{name}' moves the joints {', '.join(there) or 'none'}; configured: {', '.join(wanted)}; valid: the same"
                + ("" if output.controller.kind == TRAJECTORY else ", in the same order")
            )


class _Writer:
    """Sends set-points to one controller; the message is made once."""

    def __init__(self, node: Node, output: Output) -> None:
        self._node = node
        self._point: Any = None
        size = len(output.joints)
        topic = self.topic = node.resolve_topic_name(output.controller.command_topic)
        if output.controller.kind == TRAJECTORY:
            # Positions alone: since Jazzy a last point with a velocity is refused unless the controller allows it.
            point = self._point = JointTrajectoryPoint(positions=[0.0] * size)
            self._message: Any = JointTrajectory(joint_names=list(output.joints), points=[point])
            self._values = np.frombuffer(point.positions, dtype=np.float64)
            self._publisher = create_publisher(node, JointTrajectory, topic, qos.COMMAND)
        else:
            self._message = Float64MultiArray(data=[0.0] * size)
            self._values = np.frombuffer(self._message.data, dtype=np.float64)
            self._publisher = create_publisher(node, Float64MultiArray, topic, qos.COMMAND)

    def send(self, values: FloatArray, within: float) -> None:
        self._values[:] = values
        if self._point is not None:
            self._point.time_from_start = to_duration(within)
        self._publisher.publish(self._message)

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)


def _names(infos: list[Any]) -> str:
    return ", ".join(sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos}))


def _type_name(output: Output) -> str:
    return (
        "trajectory_msgs/msg/JointTrajectory"
        if output.controller.kind == TRAJECTORY
        else "std_msgs/msg/Float64MultiArray"
    )


def _nothing(message: bytes) -> None:
    """Stand where a callback is wanted: the control loop takes the messages."""
