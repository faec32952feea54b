"""LeRobot's Robot and Teleoperator over a robot of the graph. Every command passes the robot's gate."""

from __future__ import annotations

from typing import Any

from lerobot.robots.robot import Robot
from lerobot.teleoperators.teleoperator import Teleoperator
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from strands_robots.lerobot_units import robot_codec
from strands_robots.robot_config import load_robot

from .config_strands import StrandsLeaderConfig, StrandsRobotConfig
from .graph import GraphRobot


class StrandsRobot(Robot):
    """A simulated or real robot of the graph."""

    config_class = StrandsRobotConfig
    name = "strands"

    def __init__(self, config: StrandsRobotConfig) -> None:
        super().__init__(config)
        self.config = config
        self.cameras: dict[str, Any] = {}
        self._keys = robot_codec(load_robot(config.model)).keys
        self._graph: GraphRobot | None = None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Joint positions, and pictures by camera."""
        pictures = {name: (*size, 3) for name, size in self.config.graph_cameras.items()}
        return {**dict.fromkeys(self._keys, float), **pictures}

    @property
    def action_features(self) -> dict[str, Any]:
        """Joint positions."""
        return dict.fromkeys(self._keys, float)

    @property
    def is_connected(self) -> bool:
        """Whether the graph was joined."""
        return self._graph is not None

    @property
    def is_calibrated(self) -> bool:
        """Calibration is the robot node's."""
        return True

    def connect(self, calibrate: bool = True) -> None:
        """Join the graph and wait for the robot."""
        if self._graph is not None:
            raise DeviceAlreadyConnectedError(f"{self} is connected")
        given = self.config
        graph = GraphRobot(given.robot, given.model, given.namespace, tuple(given.graph_cameras), given.timeout)
        graph.wait()
        self._graph = graph

    def calibrate(self) -> None:
        """Do nothing: calibration is the robot node's."""

    def configure(self) -> None:
        """Do nothing: configuration is the robot node's."""

    def get_observation(self) -> dict[str, Any]:
        """Return the newest joint positions and pictures."""
        graph = self._connected()
        return {**graph.numbers(), **{name: graph.picture(name) for name in self.config.graph_cameras}}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Send joint positions to the robot's gate and return them."""
        numbers = {key: float(action[key]) for key in self._keys if key in action}
        self._connected().command(numbers, self.config.source, self.config.lifetime)
        return numbers

    def disconnect(self) -> None:
        """Leave the graph; the robot holds."""
        graph, self._graph = self._connected(), None
        graph.close()

    def _connected(self) -> GraphRobot:
        if self._graph is None:
            raise DeviceNotConnectedError(f"{self} is not connected; valid: connect() first")
        return self._graph


class StrandsLeader(Teleoperator):
    """A robot of the graph whose joints, or whose set-points, are followed."""

    config_class = StrandsLeaderConfig
    name = "strands_leader"

    def __init__(self, config: StrandsLeaderConfig) -> None:
        super().__init__(config)
        self.config = config
        self._keys = robot_codec(load_robot(config.model)).keys
        self._graph: GraphRobot | None = None

    @property
    def action_features(self) -> dict[str, Any]:
        """Joint positions."""
        return dict.fromkeys(self._keys, float)

    @property
    def feedback_features(self) -> dict[str, Any]:
        """No feedback."""
        return {}

    @property
    def is_connected(self) -> bool:
        """Whether the graph was joined."""
        return self._graph is not None

    @property
    def is_calibrated(self) -> bool:
        """Calibration is the robot node's."""
        return True

    def connect(self, calibrate: bool = True) -> None:
        """Join the graph and wait for the robot."""
        given = self.config
        graph = GraphRobot(given.robot, given.model, given.namespace, (), given.timeout, given.follow)
        graph.wait()
        self._graph = graph

    def calibrate(self) -> None:
        """Do nothing: calibration is the robot node's."""

    def configure(self) -> None:
        """Do nothing: configuration is the robot node's."""

    def get_action(self) -> dict[str, float]:
        """Return the newest joint positions."""
        if self._graph is None:
            raise DeviceNotConnectedError(f"{self} is not connected; valid: connect() first")
        return self._graph.numbers()

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Do nothing: there is no feedback."""

    def disconnect(self) -> None:
        """Leave the graph."""
        if self._graph is not None:
            self._graph.close()
            self._graph = None
