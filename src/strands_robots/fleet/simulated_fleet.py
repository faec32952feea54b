"""Many simulated members in one process, over the real router, for trials of a fleet without robots."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.zenoh_transport import ZenohTransport
from strands_robots.operators.keyring import Keyring, Operator, Role

TICK = 0.1


class SimulatedFleet:
    """Enrolled members of kind sim, each with a link of its own. Operators of the roster with the right may resume them.

    Args:
        folders: Their folders.

    Raises:
        ConfigurationError: If one is no member of kind sim: simulated motion must not speak for hardware.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.graphs: dict[str, SimulatedGraph] = {}
        self._robots: list[RobotMember] = []
        self._transports: list[ZenohTransport] = []
        self._ending = threading.Event()
        members = [(MemberFolder(folder)) for folder in folders]
        channels = [member.channel() for member in members]
        for channel in channels:
            if channel.me.kind is not MemberKind.SIM:
                raise ConfigurationError(f"'{channel.key.name}' is {channel.me.kind.value}; valid: members of kind sim")
        for member, channel in zip(members, channels):
            operators = [
                Operator(entry.key, frozenset({Role.RESUME}))
                for entry in channel.roster.members
                if Right.RESUME in entry.rights
            ]
            graph = self.graphs[member.name] = SimulatedGraph(member.name, Keyring(operators))
            transport = ZenohTransport(member.zenoh_config())
            self._transports.append(transport)
            self._robots.append(RobotMember(channel, transport, graph))

    def __enter__(self) -> SimulatedFleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, seconds: float) -> None:
        """Let time pass until it is over [s] or `close` is called from another thread."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._ending.wait(TICK):
            for graph in list(self.graphs.values()):
                graph.tick()
            for robot in self._robots:
                robot.tick()

    def close(self) -> None:
        """Leave the fleet."""
        self._ending.set()
        for robot in self._robots:
            robot.close()
        for transport in self._transports:
            transport.close()
