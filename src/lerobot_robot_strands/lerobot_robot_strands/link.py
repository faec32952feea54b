"""What robot and teleoperator have in common: joining the graph, and leaving it."""

from __future__ import annotations

from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from strands_robots.description.robot_config import load_robot
from strands_robots.recording.recording_options import robot_numbers

from .config_strands import GraphConfig
from .graph import GraphRobot


class Link:
    """The way to one robot of the graph.

    Args:
        config: Which robot.
        cameras: Cameras below its name.
        follow: Topic whose positions are its numbers.

    Attributes:
        keys: LeRobot's names of its joints, "<joint>.pos".
    """

    def __init__(self, config: GraphConfig, cameras: tuple[str, ...] = (), follow: str = "joint_states") -> None:
        self._config, self._cameras, self._follow = config, cameras, follow
        self._codec = robot_numbers(load_robot(config.model))
        self._graph: GraphRobot | None = None
        self.keys = self._codec.keys

    @property
    def is_connected(self) -> bool:
        """Whether the graph was joined."""
        return self._graph is not None

    @property
    def graph(self) -> GraphRobot:
        """The robot of the graph.

        Raises:
            DeviceNotConnectedError: Before `connect`.
        """
        if self._graph is None:
            raise DeviceNotConnectedError(f"{self._config.robot} is not connected; valid: connect() first")
        return self._graph

    def connect(self) -> None:
        """Join the graph and wait for the robot.

        Raises:
            DeviceAlreadyConnectedError: When it is connected.
            DeviceNotConnectedError: If the robot or one of its cameras stays silent.
        """
        if self._graph is not None:
            raise DeviceAlreadyConnectedError(f"{self._config.robot} is connected")
        graph = GraphRobot(self._config, self._codec, self._cameras, self._follow)
        graph.wait()
        self._graph = graph

    def disconnect(self) -> None:
        """Leave the graph; the robot holds.

        Raises:
            DeviceNotConnectedError: Before `connect`.
        """
        graph, self._graph = self.graph, None
        graph.close()
