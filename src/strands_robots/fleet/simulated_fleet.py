"""Many simulated members in one process, over the real router, for trials of a fleet without robots."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.faults import CLOCK_SHIFT, FaultyTransport
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.operators.keyring import Keyring, Operator, Role

TICK = 0.1


class SimulatedFleet:
    """Enrolled members of kind sim, each with a link of its own. Operators of the roster with the right may resume them.

    Args:
        folders: Their folders.
        slow: Names of members whose link is slow.
        delay: How long a slow link holds each message [s].

    Raises:
        ConfigurationError: If one is no member of kind sim: simulated motion must not speak for hardware.
    """

    def __init__(self, folders: Sequence[Path], slow: Collection[str] = (), delay: float = 0.5) -> None:
        self.graphs: dict[str, SimulatedGraph] = {}
        self.robots: dict[str, RobotMember] = {}
        self.links: dict[str, FaultyTransport] = {}
        self._ending = threading.Event()
        members = [MemberFolder(folder) for folder in folders]
        channels = [member.channel() for member in members]
        for channel in channels:
            if channel.me.kind is not MemberKind.SIM:
                raise ConfigurationError(f"'{channel.key.name}' is {channel.me.kind.value}; valid: members of kind sim")
        for member, channel in zip(members, channels):
            name = member.name
            self.graphs[name] = SimulatedGraph(name, _keyring(channel))
            self.links[name] = FaultyTransport(member.transport(), delay if name in slow else 0.0)
            self.robots[name] = RobotMember(channel, self.links[name], self.graphs[name])

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
            for robot in self.robots.values():
                robot.tick()

    def arm(self) -> None:
        """Arm every graph past the fleet, as the operators beside the robots do."""
        for graph in self.graphs.values():
            graph.arm()

    def cut(self, names: Collection[str], is_cut: bool) -> None:
        """Cut the links of members, or mend them."""
        for name in set(names) & set(self.links):
            self.links[name].is_cut = is_cut

    def set_clocks_back(self, names: Collection[str]) -> None:
        """Set the wall clock of members back by an hour; their numbers go on rising."""
        for name in set(names) & set(self.robots):
            self.robots[name].channel.numbers.now = _shifted(time.time)

    def latched_times(self, stop: str) -> dict[str, float]:
        """Return when each graph was latched by a stop, steady clock of this machine [s]."""
        return {name: graph.latched_times[stop] for name, graph in self.graphs.items() if stop in graph.latched_times}

    def close(self) -> None:
        """Leave the fleet."""
        self._ending.set()
        for robot in self.robots.values():
            robot.close()
        for link in self.links.values():
            link.close()


def _keyring(channel: Channel) -> Keyring:
    """Return who may resume: the operators of the roster with the right."""
    members = [entry for entry in channel.roster.members if Right.RESUME in entry.rights]
    return Keyring([Operator(entry.key, frozenset({Role.RESUME})) for entry in members])


def _shifted(now: Callable[[], float]) -> Callable[[], float]:
    return lambda: now() - CLOCK_SHIFT
