"""A whole fleet in one process for tests: members with keys in memory, and a bus that loses, delays and repeats on demand."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strands_robots.fleet.bodies import Result
from strands_robots.fleet.channel import Channel
from strands_robots.fleet.member import Member, MemberKind, Right
from strands_robots.fleet.message_numbers import Numbers
from strands_robots.fleet.refusal import FleetRefusedError
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.roster_keeper import RosterKeeper
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.fleet.stop_campaign import StopOutcome
from strands_robots.operators.keyring import Keyring, Operator, Role
from strands_robots.operators.operator_key import OperatorKey

OPERATOR_RIGHTS = frozenset({Right.TELL, Right.RESUME})


def new_key(name: str) -> OperatorKey:
    return OperatorKey(name, Ed25519PrivateKey.generate())


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Bus:
    """Delivers at once, in the sender's thread. `deaf` members hear nothing, `mute` ones are not heard."""

    readers: list[tuple[str, str, Callable[[str, bytes], None]]] = field(default_factory=list)
    log: list[tuple[str, bytes]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)

    def port(self, member: str) -> Port:
        return Port(self, member)

    def deliver(self, topic: str, data: bytes) -> None:
        for member, pattern, on_data in list(self.readers):
            if member not in self.deaf and fnmatch.fnmatchcase(topic, pattern):
                on_data(topic, data)

    def of_kind(self, kind: str) -> list[tuple[str, bytes]]:
        return [(topic, data) for topic, data in self.log if f"/{kind}" in topic]


@dataclass
class Port:
    bus: Bus
    member: str
    name: str = "bus"
    problem: str = ""

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        if self.member not in self.bus.mute:
            self.bus.log.append((topic, data))
            self.bus.deliver(topic, data)

    def subscribe(self, topic: str, on_data: Callable[[str, bytes], None]) -> None:
        self.bus.readers.append((self.member, topic, on_data))

    def close(self) -> None:
        self.bus.readers = [entry for entry in self.bus.readers if entry[0] != self.member]


class Fleet:
    """arm1 and arm2 in cell left (arm1 may stop it), arm3, sim1; operators anna (all rights) and bert (none); auditor eve."""

    def __init__(self) -> None:
        self.clock, self.bus = Clock(), Bus()
        self.root = new_key("root")
        names = ("arm1", "arm2", "arm3", "sim1", "anna", "bert", "eve")
        self.keys = {name: new_key(name) for name in names}
        self.members = {
            "arm1": self.member("arm1", MemberKind.ROBOT, "left", Right.STOP_CELL),
            "arm2": self.member("arm2", MemberKind.ROBOT, "left"),
            "arm3": self.member("arm3", MemberKind.ROBOT),
            "sim1": self.member("sim1", MemberKind.SIM),
            "anna": self.member("anna", MemberKind.OPERATOR, "", Right.TELL, Right.RESUME),
            "bert": self.member("bert", MemberKind.OPERATOR),
            "eve": self.member("eve", MemberKind.AUDITOR),
        }
        self.version = 1
        self.refused: list[FleetRefusedError] = []
        self.robots: dict[str, RobotMember] = {}
        self.graphs: dict[str, SimulatedGraph] = {}
        self.stations: dict[str, Station] = {}

    def member(self, name: str, kind: MemberKind, cell: str = "", *rights: Right) -> Member:
        return Member(self.keys[name].public, kind, cell, frozenset(rights))

    def signed_roster(self, version: int = 1, without: tuple[str, ...] = ()) -> bytes:
        members = tuple(member for name, member in self.members.items() if name not in without)
        return Roster("lab", version, members).signed(self.root)

    def channel(self, name: str, key: OperatorKey | None = None) -> Channel:
        keeper = RosterKeeper(self.signed_roster(), [self.root.public])
        return Channel(key or self.keys[name], keeper, Numbers(), self.clock)

    def robot(self, name: str) -> RobotMember:
        anna = Operator(self.keys["anna"].public, frozenset({Role.RESUME}))
        graph = self.graphs.setdefault(name, SimulatedGraph(name, Keyring([anna]), now=self.clock))
        robot = RobotMember(self.channel(name), self.bus.port(name), graph, self.clock, self.refused.append)
        self.robots[name] = robot
        return robot

    def start(self, *names: str) -> None:
        for name in names:
            self.robot(name)

    def station(self, name: str = "anna") -> Station:
        self.stations[name] = Station(self.channel(name), self.bus.port(name), on_refusal=self.refused.append)
        return self.stations[name]

    def advance(self, seconds: float) -> None:
        """Let time pass in steps of a tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.clock.time += 0.1
            for robot in self.robots.values():
                robot.tick()

    def arm(self, *names: str) -> None:
        """Resume the graphs past the fleet, as their own operators do."""
        for name in names:
            graph = self.graphs[name]
            graph._is_latched, graph._source = False, ""
        self.advance(0.1)

    def reasons(self) -> list[str]:
        return [error.refusal.value for error in self.refused]

    def close(self) -> None:
        for each in (*self.robots.values(), *self.stations.values()):
            each.close()


def outcomes(campaign: object) -> dict[str, StopOutcome]:
    return {entry.robot: entry.outcome for entry in campaign.outcomes()}  # type: ignore[attr-defined]


def run_until_done(fleet: Fleet, campaign: object, patience: float = 2.0) -> bool:
    station = next(iter(fleet.stations.values()))
    for _ in range(int(patience / 0.02)):
        fleet.advance(0.1)
        if station.wait_for(lambda: campaign.is_done, 0.02):  # type: ignore[attr-defined]
            return True
    return False


def in_background(fleet: Fleet, call: object) -> list[object]:
    """Make a call that waits for answers while the fleet's time goes on."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)  # type: ignore[operator]
    thread.start()
    for _ in range(200):
        fleet.advance(0.1)
        thread.join(0.02)
        if not thread.is_alive():
            break
    assert results, "the call did not come back"
    return results


def tell(fleet: Fleet, robot: str, is_hardware: bool, fields: str = '{"duration": 60.0}') -> Result:
    station = fleet.stations.get("anna") or fleet.station()
    fleet.advance(1.1)
    request = station.tell(robot, is_hardware, "run_policy", fields)
    assert station.wait_for(lambda: station.result(request) is not None, 2.0)
    answer = station.result(request)
    assert isinstance(answer, Result)
    return answer
