"""Resumes and tells: fresh by the robot's own clock, signed for the graph's own challenge, cancelled with their owner."""

from __future__ import annotations

from fleet_rig import Fleet, in_background, tell

from strands_robots.fleet.bodies import Beacon, Result


def test_an_operator_resumes_with_a_signature_on_the_graphs_own_challenge(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    result = in_background(fleet, lambda: station.resume("arm1", "checked", 2.0))[0]
    assert isinstance(result, Result) and result.success and fleet.graphs["arm1"].report().state == "armed"


def test_a_resume_that_is_held_back_for_ten_seconds_is_refused(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    held: list[tuple[str, bytes]] = []
    deliver = fleet.bus.deliver
    fleet.bus.deliver = lambda topic, data: held.append((topic, data)) if "/in/arm1/" in topic else deliver(topic, data)  # type: ignore[method-assign]
    fleet.advance(1.1)
    echo = station.echo("arm1")
    from strands_robots.fleet.bodies import ChallengeRequest

    station._request("arm1", ChallengeRequest(request="c" * 32, echo=echo), "c" * 32)
    fleet.advance(10.0)
    fleet.bus.deliver = deliver  # type: ignore[method-assign]
    deliver(*held[0])
    assert station.wait_for(lambda: station.result("c" * 32) is not None, 2.0)
    answer = station.result("c" * 32)
    assert isinstance(answer, Result) and answer.refusal == "stale_beacon" and "beacon of 11.0 s ago" in answer.message
    assert "stale_beacon" in fleet.reasons()


def test_a_tell_that_is_held_back_for_ten_seconds_moves_nothing(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    station, held = fleet.station(), list[tuple[str, bytes]]()
    fleet.advance(1.1)
    deliver = fleet.bus.deliver
    fleet.bus.deliver = lambda topic, data: held.append((topic, data)) if "/tell/" in topic else deliver(topic, data)  # type: ignore[method-assign]
    request = station.tell("arm1", True, "run_policy", '{"duration": 60.0}')
    fleet.advance(10.0)
    fleet.bus.deliver = deliver  # type: ignore[method-assign]
    deliver(*held[0])
    assert station.wait_for(lambda: station.result(request) is not None, 2.0)
    answer = station.result(request)
    assert isinstance(answer, Result) and answer.refusal == "stale_beacon" and not fleet.graphs["arm1"].is_moving


def test_a_tell_runs_and_ends_when_its_operator_is_not_heard(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    assert tell(fleet, "arm1", True).state == "running" and fleet.graphs["arm1"].is_moving
    fleet.bus.mute.add("anna")
    fleet.advance(1.3)
    assert not fleet.graphs["arm1"].is_moving


def test_a_tell_counts_as_the_first_sign_of_its_operator_and_ends_without_another(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    deliver = fleet.bus.deliver
    fleet.bus.deliver = lambda topic, data: None if "/out/anna/" in topic else deliver(topic, data)  # type: ignore[method-assign]
    assert tell(fleet, "arm1", True).state == "running"
    fleet.advance(0.5)
    assert fleet.graphs["arm1"].is_moving, "no beacon of the operator's was heard yet"
    fleet.advance(0.8)
    assert not fleet.graphs["arm1"].is_moving


def test_a_replayed_tell_is_refused(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    tell(fleet, "arm1", True)
    topic, data = fleet.bus.of_kind("tell/")[0]
    fleet.bus.deliver(topic, data)
    assert fleet.stations["anna"].wait_for(lambda: "repeated" in fleet.reasons(), 2.0)


def test_a_simulation_takes_no_tell_for_hardware_and_the_other_way_round(fleet: Fleet) -> None:
    fleet.start("arm1", "sim1")
    fleet.arm("arm1", "sim1")
    assert tell(fleet, "sim1", True).refusal == "other_kind_of_robot"
    assert tell(fleet, "arm1", False).refusal == "other_kind_of_robot"
    assert not fleet.graphs["sim1"].is_moving and not fleet.graphs["arm1"].is_moving
    assert tell(fleet, "sim1", False).state == "running"


def test_an_echo_of_an_earlier_start_of_the_robot_is_refused(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    fleet.advance(1.1)
    echo = station.echo("arm1")
    fleet.robots["arm1"].close()
    fleet.bus.readers = [entry for entry in fleet.bus.readers if entry[0] != "arm1"]
    fleet.robot("arm1")
    from strands_robots.fleet.bodies import ChallengeRequest

    station._request("arm1", ChallengeRequest(request="d" * 32, echo=echo), "d" * 32)
    assert station.wait_for(lambda: station.result("d" * 32) is not None, 2.0)
    answer = station.result("d" * 32)
    assert isinstance(answer, Result) and answer.refusal == "stale_beacon"


def test_a_flood_of_requests_leaves_the_stop_its_way(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    fleet.arm("arm1")
    fleet.advance(1.1)
    for number in range(500):
        if number % 50 == 0:
            fleet.advance(1.1)  # The robot is heard all the time, however long the flood takes.
        station.tell("arm1", True, "run_policy", "{}")
    campaign = station.stop("arm1", "flood")
    assert fleet.graphs["arm1"].report().state != "armed"
    fleet.advance(0.3)
    assert station.wait_for(lambda: campaign.is_done, 2.0)


def test_a_new_roster_over_the_live_link_revokes_at_once_and_an_older_one_does_nothing(fleet: Fleet) -> None:
    fleet.start("arm1")
    station, robot = fleet.station(), fleet.robots["arm1"]
    station.publish_roster(fleet.signed_roster(3, without=("bert",)))
    assert station.wait_for(lambda: robot.channel.roster.version == 3, 2.0)
    station.publish_roster(fleet.signed_roster(2))
    assert station.wait_for(lambda: "old_roster" in fleet.reasons(), 2.0)
    assert robot.channel.roster.version == 3 and robot.channel.roster.find("bert") is None


def beacons_of(fleet: Fleet, sender: str) -> int:
    return len([topic for topic, _ in fleet.bus.of_kind("beacon") if f"/{sender}/" in topic])


def test_an_operator_sends_more_beacons_while_a_robot_does_what_it_told(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    station = fleet.station()
    assert station.wait_for(lambda: beacons_of(fleet, "anna") >= 1, 2.0)
    before = beacons_of(fleet, "anna")
    assert not station.wait_for(lambda: beacons_of(fleet, "anna") >= before + 3, 1.5)
    assert tell(fleet, "arm1", True).state == "running"
    before = beacons_of(fleet, "anna")
    assert station.wait_for(lambda: beacons_of(fleet, "anna") >= before + 4, 2.0)
    fleet.graphs["arm1"].stop_itself("test", "")
    assert station.wait_for(lambda: not station._open_tells, 2.0)


def test_a_robot_opens_a_neighbours_beacons_about_once_a_second_and_a_forged_one_keeps_none_out(fleet: Fleet) -> None:
    fleet.start("arm1")  # Alone: a beacon of arm2 itself would come between these.
    neighbour, arm = fleet.channel("arm2"), fleet.robots["arm1"]
    fleet.advance(2.0)
    topic = "fleet/lab/out/arm2/beacon"

    def deliver(state: str) -> None:
        fleet.bus.deliver(topic, neighbour.seal("", Beacon(session="e" * 32, state=state)).encoded())  # type: ignore[arg-type]

    def heard() -> str:
        found = arm.presence.find("arm2")
        return found.beacon.state if found is not None and found.beacon.session == "e" * 32 else ""

    fleet.clock.time += 1.0
    fleet.bus.deliver(topic, neighbour.seal("", Beacon(session="f" * 32, state="armed")).encoded()[:-4] + b'00"}')
    deliver("armed")
    assert fleet.station().wait_for(lambda: heard() == "armed", 2.0)
    refusals = len(fleet.refused)
    deliver("stopped")
    fleet.bus.deliver(topic, b"no message")
    assert heard() == "armed" and len(fleet.refused) == refusals, "nothing is opened a moment later"
    fleet.clock.time += 1.0
    deliver("stopped")
    assert fleet.stations["anna"].wait_for(lambda: heard() == "stopped", 2.0)
