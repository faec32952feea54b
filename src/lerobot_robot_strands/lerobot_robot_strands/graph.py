"""One robot of the graph, heard by a node with a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numpy as np
import rclpy
from lerobot.utils.errors import DeviceNotConnectedError
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState
from strands_robots.msg import GateState, JointCommand

from strands_robots.core.graph_environment import prepare_process
from strands_robots.core.share import find_share
from strands_robots.description.lerobot_units import JointCodec
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import rgb_from_msg
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time
from strands_robots.safety.graph_file import join_graph

from .config_strands import GraphConfig


class GraphRobot:
    """Hears and commands one robot.

    Args:
        config: Which robot, and how long it may be silent.
        codec: Its joints and their numbers.
        cameras: Cameras below the robot's name.
        follow: Topic whose positions `numbers` returns.
    """

    def __init__(self, config: GraphConfig, codec: JointCodec, cameras: tuple[str, ...], follow: str) -> None:
        if follow not in ("joint_states", "command_applied"):
            raise ValueError(f"follow is '{follow}'; valid: joint_states, command_applied")
        robot, namespace = config.robot, config.namespace
        self._codec, self._config, self._robot, self._follow = codec, config, robot, follow
        self._changed = threading.Condition()
        self._positions: dict[str, dict[str, float]] = {}
        self._heard: dict[str, float] = {}
        self._pictures: dict[str, NDArray[np.uint8]] = {}
        self._ros = 0.0
        self._latched = self._source = self._holder = self._lease = ""
        self._others_since = 0.0
        self._sequence = time.time_ns()
        join_graph(os.environ, namespace)
        prepare_process(find_share(), has_pictures=bool(cameras))
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(
            f"lerobot_{robot}_{time.time_ns() % 10**6}", namespace=namespace, context=self._context, enable_rosout=False,
            start_parameter_services=False,
        )  # fmt: skip
        self._publisher = self._node.create_publisher(JointCommand, f"{robot}/command", qos.COMMAND)
        self._node.create_subscription(JointState, f"{robot}/joint_states", self._on_state, qos.STATE)
        self._node.create_subscription(JointCommand, f"{robot}/command_applied", self._on_applied, qos.COMMAND)
        self._node.create_subscription(GateState, f"{robot}/gate_state", self._on_gate, qos.STATE)
        for camera in cameras:
            self._node.create_subscription(
                Image,
                f"{robot}/{camera}/image_raw",
                lambda message, name=camera: self._on_image(name, message),
                qos.IMAGE_READER,
            )
        self._wanted = (follow, *cameras)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name=f"lerobot {robot}", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when everything was heard once.

        Raises:
            DeviceNotConnectedError: If something stays silent; the message names it.
        """
        with self._changed:
            timeout = self._config.timeout
            self._changed.wait_for(lambda: all(name in self._heard for name in self._wanted), timeout)
            silent = [name for name in self._wanted if name not in self._heard]
        if silent:
            self.close()
            raise DeviceNotConnectedError(f"nothing is heard of {self._robot}/{', '.join(silent)} for {timeout:g} s")

    def numbers(self) -> dict[str, float]:
        """Return the joints as LeRobot has them, "<joint>.pos".

        Raises:
            DeviceNotConnectedError: If the robot is silent.
        """
        with self._changed:
            self._require(self._follow)
            known = self._positions[self._follow]
        return self._codec.by_key(np.array([known[name] for name in self._codec.names]))

    def applied(self) -> dict[str, float]:
        """Return the set-points that the gate last let through, "<joint>.pos".

        Raises:
            DeviceNotConnectedError: If the robot is silent.
        """
        with self._changed:
            self._require("command_applied")
            known = self._positions["command_applied"]
        return self._codec.by_key(np.array([known[name] for name in self._codec.names]))

    @property
    def stop_reason(self) -> str:
        """Why the robot's gate is latched; empty while it may move."""
        with self._changed:
            return self._latched

    @property
    def lease_holder(self) -> str:
        """Who moves the robot, "class/name"; empty for none."""
        with self._changed:
            return self._lease

    def wait_unless_stopped(self, duration: float) -> bool:
        """Wait for a time [s]; return at once, and True, when the robot's gate is latched."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: bool(self._latched), duration))

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """Return the newest picture (H, W, 3)."""
        with self._changed:
            self._require(camera)
            return self._pictures[camera]

    def command(self, numbers: dict[str, float], source: str, lifetime: float) -> None:
        """Send set-points in LeRobot's numbers.

        Raises:
            DeviceNotConnectedError: If the robot is silent, its gate is latched, or another source keeps moving it.
            UnknownNameError: If a key is no joint's.
        """
        with self._changed:
            self._require("joint_states")
            if self._latched:
                raise DeviceNotConnectedError(
                    f"'{self._robot}' is stopped: {self._latched}; valid: strands-robots resume"
                )
            if self._holder and time.monotonic() - self._others_since > self._config.max_age:
                raise DeviceNotConnectedError(
                    f"'{self._robot}' is moved by '{self._holder}', not by '{source}'; valid: a source of a higher class, or later"
                )
            now, self._source = self._ros, source
        names, values = self._codec.from_keys(numbers)
        self._sequence += 1
        message = JointCommand(
            source=source,
            sequence=self._sequence,
            lifetime=to_duration(lifetime),
            joint_names=list(names),
            values=values.tolist(),
        )
        message.header.stamp = to_time(now)
        self._publisher.publish(message)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        # A thread that is still in the middleware's code when the interpreter ends takes the process down with it.
        self._thread.join(5.0)
        self._node.destroy_node()
        self._context.try_shutdown()

    def _require(self, name: str) -> None:
        age = time.monotonic() - self._heard.get(name, -1e9)
        if age > self._config.max_age:
            raise DeviceNotConnectedError(f"nothing is heard of {self._robot}/{name} for {self._config.max_age:g} s")

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except rclpy.executors.ExternalShutdownException:
            return

    def _take(self, name: str, values: Any = None) -> None:
        with self._changed:
            self._heard[name] = time.monotonic()
            if values is not None:
                self._positions[name] = values
            self._changed.notify_all()

    def _on_state(self, message: JointState) -> None:
        self._ros = to_seconds(message.header.stamp)
        self._take("joint_states", dict(zip(message.name, message.position)))

    def _on_applied(self, message: JointCommand) -> None:
        self._take("command_applied", dict(zip(message.joint_names, message.values)))

    def _on_gate(self, message: GateState) -> None:
        with self._changed:
            self._latched = message.latch_reason if message.latched else ""
            other = message.lease_holder if self._source and message.lease_holder != self._source else ""
            if other and not self._holder:
                self._others_since = time.monotonic()
            self._holder, self._lease = other, message.lease_holder
            self._changed.notify_all()

    def _on_image(self, camera: str, message: Image) -> None:
        self._pictures[camera] = rgb_from_msg(message)
        self._take(camera)
