"""The fleet's tools of an agent: looking and stopping are free, telling is not, and nothing else is there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fleet_rig import Fleet

from strands_robots.agent.fleet.fleet_tools import FleetTools, fleet_tools
from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer
from strands_robots.approvals.approval_policy import RequestClass, load_policy, rule_on
from strands_robots.approvals.approval_request import CanonicalRequest
from strands_robots.cli.fleet import _rest_words
from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.bodies import Beacon, GateReport


class Port:
    """The policy's side: what it was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[CanonicalRequest] = []
        self.refusal: ToolAnswer | None = None
        self.calls: list[tuple[str, bool]] = []

    def is_shown(self, name: str, kind: str) -> bool:
        return True

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        self.asked.append(request)
        return self.refusal

    def called(self, endpoint: Endpoint, answer: ToolAnswer, started: float) -> None:
        self.calls.append((endpoint.name, answer.is_error))

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        pass


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def tools(fleet: Fleet, port: Port, monkeypatch: pytest.MonkeyPatch) -> FleetTools:
    monkeypatch.setattr("strands_robots.fleet.fleet_answers.STOP_WAIT", 0.2)
    fleet.start("arm1", "sim1")
    fleet.arm("arm1", "sim1")
    station = fleet.station("anna")
    fleet.advance(1.1)
    assert station.wait_for(lambda: all(station.presence.is_present(name) for name in ("arm1", "sim1")), 5.0)
    return FleetTools(port, station)


def run(tools: FleetTools, name: str, **given: Any) -> ToolAnswer:
    return {tool.name: tool.run for tool in tools.tools()}[name](given)


def data(answer: ToolAnswer) -> Any:
    return json.loads(answer.text)["data"]


def test_there_are_four_tools_and_none_resumes_enrols_or_revokes(tools: FleetTools) -> None:
    assert {tool.name for tool in tools.tools()} == {"fleet_stop", "fleet_status", "fleet_tell", "fleet_tell_status"}


def test_a_stop_asks_for_nothing_and_names_robots_that_are_not_heard(
    tools: FleetTools, fleet: Fleet, port: Port
) -> None:
    port.refusal = error_answer("forbidden", "no")
    answer = run(tools, "fleet_stop", reason="it leans")
    assert port.asked == [] and fleet.graphs["arm1"].report().state != "armed"
    said = data(answer)
    assert answer.is_error and said["all_at_rest"] is False and "MAY BE MOVING" in said["robots"]["arm2"]
    assert port.calls == [("fleet/stop", True)]


def test_a_stop_of_a_robot_that_nobody_knows_stops_all(tools: FleetTools, fleet: Fleet) -> None:
    assert "so all were stopped" in data(run(tools, "fleet_stop", robots="amr1"))["note"]
    assert fleet.graphs["arm1"].report().state != "armed" and fleet.graphs["sim1"].report().state != "armed"


def test_status_says_not_heard_and_never_absent(tools: FleetTools) -> None:
    robots = data(run(tools, "fleet_status"))["robots"]
    assert robots["arm1"]["state"] == "armed" and robots["arm1"]["is_hardware"] is True
    assert "may be moving" in robots["arm3"]["state"] and robots["sim1"]["is_hardware"] is False


def test_a_tell_is_asked_for_exactly_and_without_permission_nothing_moves(
    tools: FleetTools, fleet: Fleet, port: Port
) -> None:
    port.refusal = error_answer("approval_required", "wait")
    goal = {"robot": "arm1", "is_hardware": True, "action": "run_policy", "fields": {"duration": 60.0}}
    assert run(tools, "fleet_tell", **goal, wait=5.0).is_error and not fleet.graphs["arm1"].is_moving
    assert (
        json.loads(port.asked[-1].fields) == {**goal, "fields": {"duration": 60}}
        and port.asked[-1].name == "fleet/tell"
    )
    port.refusal = None
    told = data(run(tools, "fleet_tell", **goal, wait=0.3))
    assert told["state"] == "running" and fleet.graphs["arm1"].is_moving
    assert data(run(tools, "fleet_tell_status", request=told["request"]))["state"] == "running"


def test_a_cancelled_turn_ends_what_was_told(tools: FleetTools, fleet: Fleet) -> None:
    goal = {"robot": "arm1", "is_hardware": True, "action": "run_policy", "fields": {"duration": 60.0}}
    assert data(run(tools, "fleet_tell", **goal, wait=0.3))["state"] == "running"
    tools.end_turn()
    time.sleep(0.25)  # The heartbeat's own period is what is measured: none may come after it.
    fleet.advance(1.3)
    assert not fleet.graphs["arm1"].is_moving


def test_the_packages_policy_frees_status_and_asks_for_tells() -> None:
    policy, _ = load_policy(Path(__file__).parents[2] / "config" / "approval_policy.yaml")
    assert rule_on(policy, "fleet/status", "fleet/msg/Status").request_class is RequestClass.FREE
    assert rule_on(policy, "fleet/tell", "fleet/action/Tell").request_class is RequestClass.NEEDS_APPROVAL


def test_an_agent_with_the_right_to_resume_is_refused(tmp_path: Path, port: Port) -> None:
    pytest.importorskip("zenoh")
    from fleet_site import Site

    site = Site(tmp_path)
    site.router.close()
    with pytest.raises(ConfigurationError, match="may tell at most"), fleet_tools(port, tmp_path / "anna"):
        pass


@pytest.mark.parametrize(
    ("gates", "is_at_rest", "words"),
    [
        ([], False, "NO GATE HEARD: IT MAY BE MOVING"),
        ([("left", True, 100)], True, "at rest"),
        ([("left", True, 100), ("right", False, 100)], False, "moving: right"),
        ([("left", True, 60_000)], False, "GATE NOT HEARD, IT MAY BE MOVING: left"),
    ],
)
def test_a_graph_is_at_rest_only_where_each_gate_was_heard_lately(
    gates: list[tuple[str, bool, int]], is_at_rest: bool, words: str
) -> None:
    said = [GateReport(robot=name, is_latched=True, is_at_rest=rest, age_ms=age) for name, rest, age in gates]
    beacon = Beacon(session="a" * 32, state="unheard", gates=said)
    assert beacon.is_at_rest is is_at_rest and _rest_words(beacon) == words
