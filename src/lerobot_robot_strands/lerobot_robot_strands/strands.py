"""LeRobot's Robot and Teleoperator over a robot of the graph. Every command passes the robot's gate."""

from __future__ import annotations

from typing import Any

from lerobot.robots.robot import Robot
from lerobot.teleoperators.teleoperator import Teleoperator

from strands_robots.dataset.robot_type import robot_type
from strands_robots.description.robot_config import load_robot

from .config_strands import StrandsLeaderConfig, StrandsRobotConfig
from .link import Link


class StrandsRobot(Robot):
    """A simulated or real robot of the graph; calibration and configuration are its node's."""

    config_class = StrandsRobotConfig
    name = "strands"

    def __init__(self, config: StrandsRobotConfig) -> None:
        super().__init__(config)
        # What LeRobot's commands write into a dataset: that of the real arm, so that its datasets go together with these.
        self.name = self.robot_type = robot_type({config.robot: load_robot(config.model)})
        self.config = config
        self.cameras: dict[str, Any] = {}
        self._link = Link(config, tuple(config.graph_cameras))

    @property
    def observation_features(self) -> dict[str, Any]:
        """Joint positions, and pictures by camera."""
        pictures = {name: (*size, 3) for name, size in self.config.graph_cameras.items()}
        return {**dict.fromkeys(self._link.keys, float), **pictures}

    @property
    def action_features(self) -> dict[str, Any]:
        """Joint positions."""
        return dict.fromkeys(self._link.keys, float)

    @property
    def is_connected(self) -> bool:
        """Whether the graph was joined."""
        return self._link.is_connected

    @property
    def is_calibrated(self) -> bool:
        """Always: the robot's node refuses to start without calibration."""
        return True

    def connect(self, calibrate: bool = True) -> None:
        """Join the graph and wait for the robot."""
        self._link.connect()

    def calibrate(self) -> None:
        """Do nothing."""

    def configure(self) -> None:
        """Do nothing."""

    def get_observation(self) -> dict[str, Any]:
        """Return the newest joint positions and pictures."""
        graph = self._link.graph
        return {**graph.numbers(), **{name: graph.picture(name) for name in self.config.graph_cameras}}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Send joint positions to the robot's gate and return them."""
        numbers = {key: float(value) for key, value in action.items()}
        self._link.graph.command(numbers, self.config.source, self.config.lifetime)
        return numbers

    def disconnect(self) -> None:
        """Leave the graph; the robot holds."""
        self._link.disconnect()


class StrandsLeader(Teleoperator):
    """A robot of the graph whose joints, or whose set-points, are followed."""

    config_class = StrandsLeaderConfig
    name = "strands_leader"

    def __init__(self, config: StrandsLeaderConfig) -> None:
        super().__init__(config)
        self.config = config
        self._link = Link(config, follow=config.follow)

    @property
    def action_features(self) -> dict[str, Any]:
        """Joint positions."""
        return dict.fromkeys(self._link.keys, float)

    @property
    def feedback_features(self) -> dict[str, Any]:
        """No feedback."""
        return {}

    @property
    def is_connected(self) -> bool:
        """Whether the graph was joined."""
        return self._link.is_connected

    @property
    def is_calibrated(self) -> bool:
        """Always: the robot's node refuses to start without calibration."""
        return True

    def connect(self, calibrate: bool = True) -> None:
        """Join the graph and wait for the robot."""
        self._link.connect()

    def calibrate(self) -> None:
        """Do nothing."""

    def configure(self) -> None:
        """Do nothing."""

    def get_action(self) -> dict[str, float]:
        """Return the newest joint positions."""
        return self._link.graph.numbers()

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Do nothing: there is no feedback."""

    def disconnect(self) -> None:
        """Leave the graph."""
        self._link.disconnect()
