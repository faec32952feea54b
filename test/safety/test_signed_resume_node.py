"""safety_node with a keyring: only a signed resume arms, every refusal has a name and is audited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.msg import AuditEvent, SafetyState
from strands_robots.srv import GetResumeChallenge, ResumeGraph, StopGraph

from strands_robots.clients.resume_client import resume_to_msg, sign_resume
from strands_robots.operators.keyring import save_keyring
from strands_robots.operators.operator_key import OperatorKey
from strands_robots.ros.messages import qos
from strands_robots.safety.resume import ResumeRequest

from .operators import keyring, operator_key

ANNA, BOB = operator_key("anna"), operator_key("bob")


class Rig:
    """safety_node with a keyring of two operators, and no robot."""

    def __init__(self, graph: Graph, folder: Path, **parameters: object) -> None:
        save_keyring(folder / "keyring.yaml", keyring(ANNA, BOB))
        self.client = graph.client()
        self.states = self.client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.events = self.client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
        given = {"run_id": "run", "latch_folder": str(folder), "keyring": str(folder / "keyring.yaml"), **parameters}
        self.node = graph.start("safety_node", **given)
        wait_for(lambda: self.states, 20.0, "safety/state")

    def challenge(self) -> GetResumeChallenge.Response:
        return self.client.call(GetResumeChallenge, "safety/resume_challenge", GetResumeChallenge.Request())

    def send(self, request: ResumeRequest) -> ResumeGraph.Response:
        return self.client.call(ResumeGraph, "safety/resume", resume_to_msg(request))

    def resume(self, key: OperatorKey) -> ResumeGraph.Response:
        return self.send(self.signed(key))

    def signed(self, key: OperatorKey) -> ResumeRequest:
        given = self.challenge()
        assert given.signature_needed
        plain = ResumeRequest("", "checked \u00e4", given.stop_id)
        return sign_resume(plain, given.challenge, given.run_id, given.session, key)

    def stop(self) -> None:
        assert self.client.call(StopGraph, "safety/stop", StopGraph.Request(source="operator/bob")).success

    def audited(self, kind: str) -> list[tuple[str, dict[str, object]]]:
        return [(event.actor, json.loads(event.details)) for event in list(self.events) if event.kind == kind]


@pytest.fixture
def make(graph: Graph, tmp_path: Path) -> Callable[..., Rig]:
    return lambda **parameters: Rig(graph, tmp_path, **parameters)


def test_only_a_fresh_signature_arms_and_only_once(make: Callable[..., Rig]) -> None:
    rig = make()
    refused = rig.send(ResumeRequest("operator/anna", "please", 1))
    assert (refused.success, refused.refusal) == (False, "unsigned")
    request = rig.signed(ANNA)
    assert rig.send(request).success
    wait_for(lambda: rig.states[-1].state == SafetyState.ARMED)
    rig.stop()
    replayed = rig.send(request)
    assert (replayed.success, replayed.refusal) == (False, "wrong_stop")
    assert rig.resume(operator_key("eve")).refusal == "unknown_key"
    wait_for(lambda: len(rig.audited("resume_refused")) == 3, 10.0, "the refusals on audit/events")
    assert [details["refusal"] for _, details in rig.audited("resume_refused")] == [
        "unsigned",
        "wrong_stop",
        "unknown_key",
    ]
    ((actor, details),) = rig.audited("resume_accepted")
    assert (actor, details["key_id"], details["stop_id"]) == ("operator/anna", ANNA.public.key_id, 1)


def test_challenge_says_what_is_stopped(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.resume(ANNA).success
    assert "nothing is stopped" in rig.challenge().message
    rig.stop()
    given = rig.challenge()
    assert (given.stop_id, given.stop_source, given.rule) == (2, "operator/bob", "any_operator")


def test_two_operators_resume_together(make: Callable[..., Rig]) -> None:
    rig = make(resume_rule="two_operators")
    assert rig.resume(ANNA).refusal == "second_operator_missing"
    assert rig.resume(BOB).success


@pytest.mark.guarantee(
    "Stop", "a flood of forged resumes keeps no stop out", "nodes/safety/resume_services.py; control/tally.py"
)
def test_flood_of_forged_resumes_is_counted_and_a_stop_still_stops(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.resume(ANNA).success
    for _ in range(50):
        assert rig.send(ResumeRequest("operator/anna", "please", 7)).refusal == "nothing_stopped"
    rig.stop()
    wait_for(lambda: rig.states[-1].state == SafetyState.STOPPED)
    wait_for(lambda: any("count" in details for _, details in rig.audited("resume_refused")), 10.0, "a count")
    assert len(rig.audited("resume_refused")) < 25


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"keyring": "", "require_signed_resume": True}, "no keyring is given"),
        ({"keyring": "/missing/keyring.yaml"}, "cannot be opened"),
    ],
)
def test_node_does_not_start_without_the_keyring_that_it_needs(
    graph: Graph, tmp_path: Path, parameters: dict[str, object], words: str
) -> None:
    node = graph.start("safety_node", latch_folder=str(tmp_path), **parameters)
    assert node.wait(20.0) == 2
    assert words in node.text


def test_graph_of_hardware_without_a_keyring_says_so_loudly(graph: Graph, tmp_path: Path) -> None:
    node = graph.start("safety_node", latch_folder=str(tmp_path))
    wait_for(lambda: "RESUMES ARE NOT SIGNED" in node.text, 20.0)
