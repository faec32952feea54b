"""Failures that other fleets' users have reported, each as a test of this one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from fleet_rig import Fleet, in_background, outcomes, run_until_done, tell

from strands_robots.fleet.bodies import GateReport, Result, StopReport
from strands_robots.fleet.graph_link import StopEvidence
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.stop_campaign import StopOutcome
from strands_robots.operators.keyring import Keyring, Operator, Role


class CannotStop(SimulatedGraph):
    """A graph without a gate that hears stops: the other failure was that its stop was called done."""

    def evidence(self, stop: str) -> StopEvidence:
        return StopEvidence((), False)


class HalfAGraph(SimulatedGraph):
    """A graph with two robots, of which one never answers."""

    def evidence(self, stop: str) -> StopEvidence:
        return StopEvidence((GateReport(robot="left", is_latched=True, is_at_rest=True, age_ms=0),), False)


def test_a_robot_that_the_operator_never_heard_of_is_part_of_every_stop(fleet: Fleet) -> None:
    fleet.start("arm1")
    campaign = fleet.station().stop("all", "")
    run_until_done(fleet, campaign, 0.2)
    assert set(outcomes(campaign)) == {"arm1", "arm2", "arm3", "sim1"}


@pytest.mark.parametrize("kind", [CannotStop, HalfAGraph])
def test_a_robot_that_cannot_stop_is_never_called_stopped(fleet: Fleet, kind: type[SimulatedGraph]) -> None:
    fleet.graphs["arm1"] = kind("arm1", Keyring([]), now=fleet.clock)
    fleet.start("arm1")
    campaign = fleet.station().stop("arm1", "")
    assert not run_until_done(fleet, campaign, 0.4)
    assert outcomes(campaign) == {"arm1": StopOutcome.NOT_LATCHED}
    assert "MAY BE MOVING" in campaign.outcomes()[0].words()


def test_the_robot_that_asks_for_the_stop_is_stopped_too(fleet: Fleet) -> None:
    fleet.start("arm1", "arm2")
    fleet.arm("arm1", "arm2")
    fleet.advance(0.2)
    fleet.graphs["arm1"].stop_itself("button/table", "pressed")
    fleet.advance(0.5)
    assert fleet.graphs["arm1"].report().state == fleet.graphs["arm2"].report().state == "stopped"


def test_a_robot_cannot_answer_for_another(fleet: Fleet) -> None:
    fleet.start("arm2")
    station, robot = fleet.station(), fleet.robots["arm2"]
    campaign = station.stop("arm1", "")
    gates = [GateReport(robot="arm1", is_latched=True, is_at_rest=True, age_ms=0)]
    forged = StopReport(stop=campaign.stop_id, session="b" * 32, gates=gates, is_complete=True)
    for topic in ("fleet/lab/out/arm1/stop_report", "fleet/lab/out/arm2/stop_report"):
        fleet.bus.deliver(topic, robot.channel.seal("anna", forged).encoded())
    station.wait_for(lambda: campaign.is_done, 0.2)
    assert outcomes(campaign) == {"arm1": StopOutcome.NOT_HEARD}


def test_a_robot_cannot_say_that_anothers_goal_is_done(fleet: Fleet) -> None:
    fleet.start("arm1", "arm2")
    fleet.arm("arm1")
    station = fleet.station()
    fleet.advance(1.1)
    request = station.tell("arm1", True, "run_policy", '{"duration": 60.0}')
    assert station.wait_for(lambda: station.result(request) is not None, 2.0)
    lie = Result(request=request, state="done", success=True)
    fleet.bus.deliver("fleet/lab/out/arm1/result", fleet.robots["arm2"].channel.seal("anna", lie).encoded())
    station.wait_for(lambda: False, 0.2)
    answer = station.result(request)
    assert isinstance(answer, Result) and answer.state == "running"


def test_a_stopped_robot_takes_no_motion_over_the_fleet(fleet: Fleet) -> None:
    fleet.start("arm1")
    answer = tell(fleet, "arm1", True)
    assert (answer.state, answer.refusal) == ("refused", "latched") and not fleet.graphs["arm1"].is_moving


def test_two_thousand_messages_at_once_keep_no_beacon_back(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    for _ in range(2000):
        fleet.bus.deliver("fleet/lab/in/arm1/tell/anna", b"x" * 100)
    before = len(fleet.bus.of_kind("beacon"))
    fleet.advance(2.1)
    assert len([topic for topic, _ in fleet.bus.of_kind("beacon")[before:] if "/arm1/" in topic]) >= 2
    assert station.wait_for(lambda: station.presence.is_present("arm1"), 2.0)


def test_a_stop_whose_operator_is_gone_is_resumed_by_another(fleet: Fleet) -> None:
    fleet.members["bert"] = fleet.member("bert", MemberKind.OPERATOR, "", Right.RESUME)
    keys = [fleet.keys[name].public for name in ("anna", "bert")]
    keyring = Keyring([Operator(key, frozenset({Role.RESUME})) for key in keys])
    fleet.graphs["arm1"] = SimulatedGraph("arm1", keyring, now=fleet.clock)
    fleet.start("arm1")
    anna = fleet.station("anna")
    assert run_until_done(fleet, anna.stop("arm1", ""))
    anna.close()
    bert = fleet.station("bert")
    result = in_background(fleet, lambda: bert.resume("arm1", "anna has left", 2.0))[0]
    assert isinstance(result, Result) and result.success


def test_a_stop_that_is_still_repeated_for_one_robot_locks_no_other_that_was_resumed(fleet: Fleet) -> None:
    fleet.start("arm1")
    station = fleet.station()
    campaign = station.stop("all", "")
    assert not run_until_done(fleet, campaign, 0.2), "arm2, arm3 and sim1 are not there"
    result = in_background(fleet, lambda: station.resume("arm1", "", 2.0))[0]
    assert isinstance(result, Result) and result.success
    sent = len(fleet.bus.of_kind("stop/anna"))
    fleet.start("arm2")
    assert station.wait_for(lambda: len(fleet.bus.of_kind("stop/anna")) > sent + 3, 3.0)
    assert fleet.graphs["arm2"].report().state != "armed" and fleet.graphs["arm1"].report().state == "armed"


def test_a_command_without_a_router_says_so_and_does_not_end_well(tmp_path: Path) -> None:
    pytest.importorskip("zenoh")
    from fleet_site import Site

    site = Site(tmp_path)
    site.router.close()
    for what in (["status", "--wait", "1"], ["stop", "all", "--wait", "1"]):
        command = ["strands-robots", "fleet", *what, "--member", str(tmp_path / "anna")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ), check=False)
        assert ended.returncode == 3, ended.stderr
        assert "NOT HEARD" in ended.stdout and "the router was not reached" in ended.stdout
