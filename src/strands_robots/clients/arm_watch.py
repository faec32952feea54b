"""What a real arm says of itself to a command: its calibration, from /diagnostics, and its joints at rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState

from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.messages import qos

FIRST_WAIT = 10.0
SAMPLES = 50
LARGEST_MOTION = 0.01
"""Between two samples of an arm at rest [rad]."""


class ArmWatch:
    """Listens to one robot of the graph.

    Args:
        client: Client of the graph.
        robot: Name of the robot.
    """

    def __init__(self, client: GraphClient, robot: str) -> None:
        self._client, self._robot = client, robot
        self._identity: dict[str, str] = {}
        self._states: list[Any] = []
        client.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)
        client.node.create_subscription(JointState, f"{robot}/joint_states", self._states.append, qos.STATE)

    def identity(self) -> Mapping[str, str]:
        """Return what the robot's driver says it is connected to.

        Raises:
            ConfigurationError: If no driver with a calibration is heard.
        """
        if not self._client.spin_until(lambda: "calibration" in self._identity, FIRST_WAIT):
            raise ConfigurationError(
                f"no real arm '{self._robot}' says on /diagnostics which calibration it uses; "
                "valid: a robot of strands-robots real that is configured"
            )
        return self._identity

    def rest(self) -> dict[str, float]:
        """Return the joint positions [rad], the mean of half a second at rest.

        Raises:
            ConfigurationError: If the robot is not heard, or moves.
        """
        self._states.clear()
        if not self._client.spin_until(lambda: len(self._states) >= SAMPLES, FIRST_WAIT):
            raise ConfigurationError(
                f"'{self._robot}' is not heard; valid: a robot of strands-robots real that is configured"
            )
        positions = np.array([state.position for state in self._states[:SAMPLES]])
        motion = np.ptp(positions, axis=0)
        names = list(self._states[0].name)
        if motion.max() > LARGEST_MOTION:
            raise ConfigurationError(
                f"'{names[int(motion.argmax())]}' moves by {motion.max():.3f} rad; valid: an arm that stands still"
            )
        return dict(zip(names, positions.mean(axis=0).tolist()))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {entry.key: entry.value for entry in status.values}
            if status.hardware_id == self._robot and "calibration" in values:
                self._identity = values
