"""A fleet stop: who is reached, what is proven, and that nothing refuses it."""

from __future__ import annotations

import threading
import uuid

import pytest
from fleet_rig import Fleet, outcomes, run_until_done

from strands_robots.fleet.bodies import Beacon, GateReport, Stop, StopReport
from strands_robots.fleet.presence import Presence
from strands_robots.fleet.refusal import FleetRefusedError
from strands_robots.fleet.station import Station
from strands_robots.fleet.stop_campaign import StopCampaign, StopOutcome
from strands_robots.fleet.transport import AllTransports

ROBOTS = ("arm1", "arm2", "arm3", "sim1")


def test_a_robot_comes_up_stopped(fleet: Fleet) -> None:
    fleet.start("arm1")
    assert fleet.graphs["arm1"].report().state != "armed"
    assert fleet.graphs["arm1"].report().stop_source == "fleet/arm1"


def test_a_stop_of_all_reaches_every_robot_and_ends_with_evidence_of_each(fleet: Fleet) -> None:
    fleet.start(*ROBOTS)
    station = fleet.station()
    fleet.arm(*ROBOTS)
    campaign = station.stop("all", "smoke")
    assert all(graph.report().state != "armed" for graph in fleet.graphs.values()), "latched before the call returned"
    assert run_until_done(fleet, campaign)
    assert set(outcomes(campaign)) == set(ROBOTS) and fleet.graphs["arm2"].report().stop_source == "fleet/anna"


def test_addressees_come_from_the_roster_and_a_robot_that_is_not_heard_is_named(fleet: Fleet) -> None:
    fleet.start("arm1", "arm2", "sim1")
    station = fleet.station()
    fleet.bus.deaf.add("arm2")
    campaign = station.stop("all", "")
    assert not run_until_done(fleet, campaign, 0.3)
    found = outcomes(campaign)
    assert found["arm2"] is found["arm3"] is StopOutcome.NOT_HEARD
    assert found["arm1"] is found["sim1"] is StopOutcome.AT_REST
    words = {entry.robot: entry.words() for entry in campaign.outcomes()}
    assert "MAY BE MOVING" in words["arm2"] and "since this command began" in words["arm3"]


def test_the_stop_is_repeated_and_reaches_a_robot_whose_link_comes_back(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    fleet.arm("arm1")
    fleet.bus.deaf.add("arm1")
    campaign = station.stop("arm1", "")
    fleet.advance(0.5)
    assert fleet.graphs["arm1"].report().state == "armed"
    fleet.bus.deaf.clear()
    assert run_until_done(fleet, campaign)


def campaign_of(fleet: Fleet, sender: str, addressee: str, presence: Presence) -> StopCampaign:
    """A stop by the fleet's own clock, for what is sent when."""
    return StopCampaign(fleet.channel(sender), fleet.bus.port(sender), addressee, "", presence, fleet.clock)


def told(fleet: Fleet, sender: str = "anna") -> list[str]:
    """Addressees of the stops that were sent, oldest first."""
    return [topic.split("/")[3] for topic, _ in fleet.bus.of_kind(f"stop/{sender}")]


def test_only_a_robot_that_has_not_confirmed_is_told_again_and_less_and_less_often(fleet: Fleet) -> None:
    presence = Presence(fleet.clock)
    campaign = campaign_of(fleet, "anna", "all", presence)
    campaign.advance()
    assert told(fleet) == ["all"]
    gates = {name: [GateReport(robot=name, is_latched=True, is_at_rest=True, age_ms=0)] for name in ROBOTS}
    for name in set(ROBOTS) - {"arm2"}:
        campaign.take(name, StopReport(stop=campaign.stop_id, session="a" * 32, gates=gates[name], is_complete=True))
    times: list[float] = []
    for _ in range(600):
        fleet.clock.time += 0.01
        before = len(told(fleet))
        campaign.advance()
        times += [fleet.clock.time - 100.0] * (len(told(fleet)) - before)
    assert set(told(fleet)[1:]) == {"arm2"}
    assert times[:4] == pytest.approx([0.1, 0.3, 0.7, 1.5], abs=0.11) and 6 <= len(times) <= 9
    assert len({data for topic, data in fleet.bus.of_kind("stop/anna") if "arm2" in topic}) == 1, "signed once"


def test_a_robot_that_is_heard_again_and_has_not_confirmed_is_told_at_once(fleet: Fleet) -> None:
    presence = Presence(fleet.clock)
    campaign = campaign_of(fleet, "anna", "arm1", presence)
    for _ in range(100):
        fleet.clock.time += 0.1
        campaign.advance()
    fleet.clock.time += 0.1
    before = len(told(fleet))
    presence.add("arm1", 1, Beacon(session="a" * 32, state="armed"))
    for _ in range(2):
        fleet.clock.time += 0.05
        campaign.advance()
    assert len(told(fleet)) == before + 1


def test_a_robot_that_starts_again_after_its_report_is_told_at_once(fleet: Fleet) -> None:
    presence = Presence(fleet.clock)
    campaign = campaign_of(fleet, "anna", "arm1", presence)
    campaign.advance()
    gates = [GateReport(robot="arm1", is_latched=True, is_at_rest=True, age_ms=0)]
    campaign.take("arm1", StopReport(stop=campaign.stop_id, session="a" * 32, gates=gates, is_complete=True))
    fleet.clock.time += 5.0
    campaign.advance()
    assert told(fleet) == ["arm1"]
    presence.add("arm1", 1, Beacon(session="b" * 32, state="armed"))
    fleet.clock.time += 0.1
    campaign.advance()
    assert told(fleet) == ["arm1", "arm1"]


def test_a_robot_repeats_the_stop_of_its_cell_to_the_cell_which_is_all_it_may(fleet: Fleet) -> None:
    campaign = campaign_of(fleet, "arm1", "cell-left", Presence(fleet.clock))
    for _ in range(5):
        campaign.advance()
        fleet.clock.time += 0.1
    assert set(told(fleet, "arm1")) == {"cell-left"} and len(told(fleet, "arm1")) >= 2


def test_a_robot_that_moves_on_is_not_called_at_rest(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    fleet.arm("arm1")
    fleet.graphs["arm1"].stopping_time = 1e9
    campaign = station.stop("arm1", "")
    assert not run_until_done(fleet, campaign, 0.3)
    assert outcomes(campaign) == {"arm1": StopOutcome.MOVING}


def test_a_second_stop_is_no_replay_of_the_first(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    assert run_until_done(fleet, station.stop("arm1", "one"))
    fleet.arm("arm1")
    assert run_until_done(fleet, station.stop("arm1", "two"))


def test_a_newer_stop_of_the_same_robots_takes_over_from_one_that_is_not_confirmed(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    fleet.bus.deaf.add("arm1")
    first, second = station.stop("arm1", "one"), station.stop("arm1", "two")
    station.wait_for(lambda: len(fleet.bus.of_kind("stop/anna")) >= 6, 3.0)
    sent = [data for _, data in fleet.bus.of_kind("stop/anna")]
    assert sum(first.stop_id.encode() in data for data in sent) == 1
    assert sum(second.stop_id.encode() in data for data in sent) >= 5
    fleet.bus.deaf.clear()
    assert run_until_done(fleet, second)


def test_two_operators_stop_at_once_and_both_get_evidence(fleet: Fleet) -> None:
    fleet.start("arm1", "arm2")
    anna, bert = fleet.station("anna"), fleet.station("bert")
    first, second = anna.stop("arm1", ""), bert.stop("arm1", "")
    assert run_until_done(fleet, first) and run_until_done(fleet, second)


def test_a_replayed_stop_that_was_resumed_since_stops_nothing(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    assert run_until_done(fleet, station.stop("arm1", ""))
    recorded = fleet.bus.of_kind("stop/anna")
    fleet.arm("arm1")
    for topic, data in recorded:
        fleet.bus.deliver(topic, data)
    assert fleet.graphs["arm1"].report().state == "armed"


def test_two_thousand_stops_are_all_heard_and_forgetting_them_stops_rather_than_refuses(fleet: Fleet) -> None:
    fleet.start("arm1")
    channel = fleet.channel("anna")
    stops = [channel.seal("arm1", Stop(stop=uuid.uuid4().hex, reason="")).encoded() for _ in range(2000)]
    for data in stops:
        fleet.bus.deliver("fleet/lab/in/arm1/stop/anna", data)
    assert len(fleet.graphs["arm1"].latched_times) == 2001, "every stop reached the graph, and the one of the start"
    # The operators' stations take 20 reports a second of a robot; no stop of anna's is refused.
    assert not [error for error in fleet.refused if "'anna'" in str(error)]
    fleet.arm("arm1")
    fleet.bus.deliver("fleet/lab/in/arm1/stop/anna", stops[0])
    assert fleet.graphs["arm1"].report().state != "armed"


def test_an_operator_whose_clock_was_set_back_still_stops(fleet: Fleet) -> None:
    fleet.start("arm1")
    channel = fleet.channel("anna")
    fleet.bus.deliver("fleet/lab/in/arm1/stop/anna", channel.seal("arm1", Stop(stop="a" * 32, reason="")).encoded())
    fleet.advance(0.3)
    fleet.arm("arm1")
    channel.numbers._last, channel.numbers.now = 0, lambda: 1.0
    late = channel.seal("arm1", Stop(stop="b" * 32, reason=""))
    assert late.sequence < 10**7
    fleet.bus.deliver("fleet/lab/in/arm1/stop/anna", late.encoded())
    assert fleet.graphs["arm1"].report().state != "armed"


def test_a_robot_stops_its_cell_and_nothing_else(fleet: Fleet) -> None:
    fleet.start(*ROBOTS)
    fleet.arm(*ROBOTS)
    fleet.advance(0.2)
    fleet.graphs["arm1"].stop_itself("button/table", "pressed")
    fleet.advance(0.5)
    states = {name: graph.report().state for name, graph in fleet.graphs.items()}
    assert states == {"arm1": "stopped", "arm2": "stopped", "arm3": "armed", "sim1": "armed"}


def test_a_robot_without_the_right_stops_only_itself(fleet: Fleet) -> None:
    fleet.start("arm1", "arm2")
    fleet.arm("arm1", "arm2")
    fleet.advance(0.2)
    fleet.graphs["arm2"].stop_itself("button/table", "pressed")
    fleet.advance(0.5)
    assert fleet.graphs["arm1"].report().state == "armed"


@pytest.mark.parametrize(
    ("sender", "to"), [("arm2", "cell-left"), ("arm1", "all"), ("arm1", "arm3"), ("eve", "arm1"), ("sim1", "all")]
)
def test_who_may_not_stop_is_refused(fleet: Fleet, sender: str, to: str) -> None:
    data = fleet.channel(sender).seal(to, Stop(stop="a" * 32, reason="")).encoded()
    with pytest.raises(FleetRefusedError, match="may not send a stop"):
        fleet.channel("arm1").open(data)


def test_a_robot_that_started_again_has_no_evidence_of_the_stop_before(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    campaign = station.stop("arm1", "")
    assert run_until_done(fleet, campaign)
    fleet.robots["arm1"].close()
    fleet.bus.readers = [entry for entry in fleet.bus.readers if entry[0] != "arm1"]
    fleet.robot("arm1")
    fleet.robots["arm1"].tick()
    station.wait_for(lambda: not campaign.is_done, 1.0)
    assert run_until_done(fleet, campaign), "the stop is sent again to the new process"


class Broken:
    """A way that raises, against what a transport promises."""

    name, problem = "broken", ""

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        raise RuntimeError("no link")

    def subscribe(self, topic: str, on_data: object) -> None:
        pass

    def close(self) -> None:
        pass


class Hung(Broken):
    """A way that never comes back from a call, until `go`."""

    name, problem = "hung", "hangs"

    def __init__(self) -> None:
        self.go = threading.Event()

    def publish(self, topic: str, data: bytes, is_stop: bool = False) -> None:
        self.go.wait(30.0)


def test_a_stop_goes_over_every_transport_and_one_that_fails_or_hangs_takes_none_with_it(fleet: Fleet) -> None:
    fleet.start("arm1")
    fleet.arm("arm1")
    hung = Hung()
    ports = AllTransports([Broken(), hung, fleet.bus.port("anna"), fleet.bus.port("anna")])
    fleet.stations["anna"] = Station(fleet.channel("anna"), ports)
    try:
        assert run_until_done(fleet, fleet.stations["anna"].stop("arm1", ""), 10.0)
        assert ports.problem == "hung: hangs"
        for _ in range(2000):
            ports.publish("fleet/lab/out/anna/beacon", b"")
        assert "messages were dropped" in ports.problem
    finally:
        hung.go.set()
        ports.close()
    assert not [error for error in fleet.refused if "a stop" in str(error)], "a stop that comes twice is no fault"
