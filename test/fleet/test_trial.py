"""`fleet sim --robots`: each fault does what it says, and a stop reaches every member that can be reached and names the others."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fleet_rig import Bus

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.fleet.faults import Fault, FaultPlan, FaultyTransport, parse_faults
from strands_robots.fleet.station import Station
from strands_robots.fleet.stop_campaign import StopOutcome

PATIENCE = 60.0


def test_faults_are_taken_from_words_and_given_to_different_members() -> None:
    plan = parse_faults(["stall:2", "delay:1"], 0.3)
    assert plan.assign(["a", "b", "c", "d"]) == {Fault.STALL: ("c", "d"), Fault.DELAY: ("b",)}
    with pytest.raises(ConfigurationError, match="at most all"):
        plan.assign(["a", "b"])
    with pytest.raises(UnknownNameError, match="fire"):
        parse_faults(["fire:1"], 0.3)
    for word in ("stall", "stall:0", "stall:-1", "stall:x", "stall:2001"):
        with pytest.raises(ConfigurationError, match="number of members"):
            parse_faults([word], 0.3)


def test_a_cut_link_loses_in_both_directions_and_a_slow_one_holds_each_message() -> None:
    bus, heard = Bus(), list[bytes]()
    link = FaultyTransport(bus.port("a"))
    link.subscribe("to/a", lambda topic, data: heard.append(data))
    link.is_cut = True
    link.publish("from/a", b"lost")
    bus.deliver("to/a", b"lost")
    link.is_cut = False
    link.publish("from/a", b"sent")
    bus.deliver("to/a", b"heard")
    assert [data for _, data in bus.log] == [b"sent"] and heard == [b"heard"]

    arrived, times = threading.Event(), list[float]()
    slow = FaultyTransport(bus.port("b"), 0.2)
    slow.subscribe("to/b", lambda topic, data: (times.append(time.monotonic()), arrived.set()))
    began = time.monotonic()
    bus.deliver("to/b", b"x")
    assert arrived.wait(10.0) and times[0] - began >= 0.2
    slow.close()


def test_a_stop_reaches_every_member_but_the_suspended_and_cut_off_ones_and_these_when_they_are_back(
    tmp_path: Path,
) -> None:
    pytest.importorskip("zenoh")
    from fleet_site import free_port

    from strands_robots.fleet.trial_fleet import TrialFleet

    counts = ((Fault.STALL, 1), (Fault.PARTITION, 1), (Fault.CLOCK_BACK, 1), (Fault.DELAY, 1))
    endpoint = f"tls/127.0.0.1:{free_port()}"
    with TrialFleet(tmp_path / "fleet", 6, endpoint, 1, FaultPlan(counts, 0.3)) as fleet:
        transport = fleet.operator.transport()
        station = Station(fleet.operator.channel(), transport)
        try:
            names, silent = set(fleet.names), {*fleet.faults[Fault.STALL], *fleet.faults[Fault.PARTITION]}
            assert station.wait_for(lambda: all(station.presence.is_present(name) for name in names), PATIENCE)
            fleet.arm()
            fleet.begin_faults()
            campaign = station.stop("all", "trial")

            def resting() -> set[str]:
                return {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.AT_REST}

            assert station.wait_for(lambda: resting() >= names - silent, PATIENCE)
            found = {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.NOT_HEARD}
            assert found == silent and set(fleet.latched_times(campaign.stop_id)) == names - silent
            set_back = fleet.faults[Fault.CLOCK_BACK][0]
            heard = station.presence.find(set_back)
            assert station.wait_for(lambda: station.presence.find(set_back) is not heard, PATIENCE), "it is still heard"
            fleet.end_faults()
            assert station.wait_for(lambda: campaign.is_done, PATIENCE), "the stop is repeated until these are back"
        finally:
            station.close()
            transport.close()
