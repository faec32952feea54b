"""Several threads of a member publish at once: its messages go out in the order of their numbers, and no stop waits for one."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from fleet_rig import Bus, Fleet, Port

from strands_robots.fleet.bodies import Beacon, Result, Stop
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring

PATIENCE = 5.0


class SlowPort(Port):
    """Holds up the first message of a kind in the thread that publishes it, until `go`."""

    def __init__(self, bus: Bus, member: str, kind: str) -> None:
        super().__init__(bus, member)
        self.kind, self.is_held, self.go = kind, threading.Event(), threading.Event()

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        if self.kind in topic and not self.is_held.is_set():
            self.is_held.set()
            assert self.go.wait(PATIENCE)
        super().publish(topic, data, is_stop)


def result() -> Result:
    return Result(request=uuid.uuid4().hex, state="running", message="")


@pytest.fixture
def port(fleet: Fleet) -> Iterator[SlowPort]:
    made = SlowPort(fleet.bus, "arm1", "/result")
    yield made
    made.go.set()


def robot_on(fleet: Fleet, port: Port) -> RobotMember:
    fleet.graphs["arm1"] = SimulatedGraph("arm1", Keyring([]), now=fleet.clock)
    fleet.robots["arm1"] = RobotMember(
        fleet.channel("arm1"), port, fleet.graphs["arm1"], fleet.clock, fleet.refused.append
    )
    return fleet.robots["arm1"]


def test_what_two_threads_send_at_once_is_taken_completely(fleet: Fleet, port: SlowPort) -> None:
    robot, receiver, taken = robot_on(fleet, port), fleet.channel("anna"), []
    fleet.bus.readers.append(("anna", "fleet/lab/out/arm1/result", lambda topic, data: taken.append(data)))
    first = threading.Thread(target=robot.send, args=("anna", result()))
    first.start()
    assert port.is_held.wait(PATIENCE)
    others = [threading.Thread(target=robot.send, args=("anna", result())) for _ in range(3)]
    for other in others:
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive(), "a sender waits for another"
    port.go.set()
    first.join(PATIENCE)
    assert len([receiver.open(data) for data in taken]) == 4


def test_a_stop_goes_out_while_another_message_is_held_up(fleet: Fleet) -> None:
    fleet.start("arm2")
    fleet.arm("arm2")
    port = SlowPort(fleet.bus, "anna", "/out/anna/beacon")
    station = Station(fleet.channel("anna"), port, on_refusal=fleet.refused.append)
    fleet.stations["anna"] = station
    try:
        assert port.is_held.wait(PATIENCE), "the heartbeat's thread hangs in the transport"
        thread = threading.Thread(target=station.stop, args=("arm2", "now"))
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive() and fleet.graphs["arm2"].report().state != "armed"
    finally:
        port.go.set()


def test_stops_latch_while_a_report_of_an_earlier_one_is_held_up(fleet: Fleet) -> None:
    port = SlowPort(fleet.bus, "arm1", "/stop_report")
    robot, anna = robot_on(fleet, port), fleet.channel("anna")

    def stop() -> threading.Thread:
        data = anna.seal("arm1", Stop(stop=uuid.uuid4().hex, reason="")).encoded()
        thread = threading.Thread(target=fleet.bus.deliver, args=("fleet/lab/in/arm1/stop/anna", data))
        thread.start()
        return thread

    try:
        held = stop()
        assert port.is_held.wait(PATIENCE)
        for _ in range(2):
            fleet.graphs["arm1"].arm()
            later = stop()
            later.join(PATIENCE)
            assert not later.is_alive() and fleet.graphs["arm1"].report().state != "armed"
        before = len(fleet.bus.log)
        fleet.clock.time += 1.0
        ticking = threading.Thread(target=robot.tick)
        ticking.start()
        ticking.join(PATIENCE)
        assert not ticking.is_alive() and len(fleet.bus.log) == before, (
            "its beacon waits in the queue, its thread does not"
        )
    finally:
        port.go.set()
        held.join(PATIENCE)
    kinds = [topic.rpartition("/")[2] for topic, _ in fleet.bus.log[before:]]
    assert "beacon" in kinds and kinds.count("stop_report") >= 3, "all that waited goes out then"


def test_a_beacon_can_be_echoed_as_soon_as_it_is_heard(fleet: Fleet) -> None:
    robot = robot_on(fleet, fleet.bus.port("arm1"))
    checked: list[int] = []

    def on_beacon(topic: str, data: bytes) -> None:
        received = fleet.channel("anna").open(data)
        assert isinstance(received.body, Beacon)
        from strands_robots.fleet.bodies import BeaconEcho

        robot.sent.check(BeaconEcho(session=received.body.session, sequence=received.envelope.sequence), "anna")
        checked.append(received.envelope.sequence)

    fleet.bus.readers.append(("anna", "fleet/lab/out/arm1/beacon", on_beacon))
    robot.tick()
    assert checked
