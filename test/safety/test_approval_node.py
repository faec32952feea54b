"""approval_node as a process: a person decides, a permit is used once, a kill doubles nothing, words stay in the audit."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.action import MoveTo
from strands_robots.msg import ApprovalRequest, ApprovalState, AuditEvent
from strands_robots.srv import ConsumePermit, DecideApproval, RequestApproval, StopGraph

from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.decision import sign_decision
from strands_robots.approvals.permits import Asker, Moment
from strands_robots.clients.approval_client import ask_to_msg, use_to_msg
from strands_robots.operators.keyring import save_keyring
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import decision_to_msg, fields_of, state_to_msg

from .desks import AGENT, Desk
from .desks import request as desk_request
from .operators import keyring, operator_key

ANNA = operator_key("anna")
WORDS = "because the cup is full"
PENDING = ApprovalRequest.PENDING


def move(**fields: object) -> CanonicalRequest:
    return canonical_request("so101/move_to", "strands_robots/action/MoveTo", fields)


class Rig:
    """approval_node, an agent's bridge and a person, in one client."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.graph, self.folder = graph, folder
        save_keyring(folder / "keyring.yaml", keyring(ANNA))
        self.client = graph.client()
        self.states = self.client.listen(ApprovalState, "approvals/state", qos.STATE)
        self.events = self.client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
        self.node = self.start()

    def start(self, **parameters: object) -> object:
        self.states.clear()
        given = {
            "run_id": "run",
            "keyring": str(self.folder / "keyring.yaml"),
            "folder": str(self.folder / "permits"),
            **parameters,
        }
        self.node = self.graph.start("approval_node", **given)
        wait_for(lambda: self.states, 20.0, "approvals/state")
        return self.node

    def ask(self, request: CanonicalRequest, asker: Asker = AGENT) -> RequestApproval.Response:
        return self.client.call(RequestApproval, "approvals/request", ask_to_msg(request, asker))

    def decide(self, request_id: str, digest: str, is_approved: bool = True) -> DecideApproval.Response:
        decision = sign_decision(request_id, digest, is_approved, WORDS, "run", ANNA)
        return self.client.call(DecideApproval, "approvals/decide", decision_to_msg(decision))

    def use(self, permit_id: str, request: CanonicalRequest, asker: Asker = AGENT) -> ConsumePermit.Response:
        return self.client.call(ConsumePermit, "approvals/consume", use_to_msg(permit_id, request, asker))

    def audited(self, kind: str) -> list[dict[str, object]]:
        return [json.loads(event.details) for event in list(self.events) if event.kind == kind]

    def shown(self, request_id: str) -> ApprovalRequest | None:
        found = [entry for entry in self.states[-1].requests if entry.request_id == request_id]
        return found[0] if found else None


@pytest.fixture
def make(graph: Graph, tmp_path: Path) -> Callable[[], Rig]:
    return lambda: Rig(graph, tmp_path)


def test_person_approves_and_the_request_is_made_once(make: Callable[[], Rig]) -> None:
    rig, request = make(), move(x=0.1)
    answer = rig.ask(request)
    assert (answer.answer, answer.digest) == (RequestApproval.Response.WAITING, request.digest)
    assert rig.use(answer.permit_id, request).refusal == "pending"
    wait_for(lambda: rig.shown(answer.request_id), 5.0, "the request in approvals/state")
    shown = rig.shown(answer.request_id)
    assert shown is not None
    assert (shown.state, shown.fields, shown.asker) == (PENDING, '{"x":0.1}', "agent/planner")
    assert answer.permit_id not in str(rig.states[-1])

    assert rig.decide(answer.request_id, request.digest).success
    assert rig.use(answer.permit_id, move(x=0.2)).refusal == "wrong_request"
    used = rig.use(answer.permit_id, request)
    assert used.success
    again = rig.use(answer.permit_id, request)
    assert again.refusal == "already_used"
    wait_for(lambda: rig.audited("permit_used"), 5.0, "the audit")
    (approval,) = rig.audited("approval")
    assert (approval["text"], approval["digest"]) == (WORDS, request.digest)
    told = f"{answer}{used}{again}{[str(state) for state in rig.states]}"
    assert WORDS not in told, "the asker never reads a person's words"


def test_declined_request_is_told_without_words(make: Callable[[], Rig]) -> None:
    rig, request = make(), move(x=0.1)
    answer = rig.ask(request)
    assert rig.decide(answer.request_id, request.digest, is_approved=False).success
    refused = rig.use(answer.permit_id, request)
    assert (refused.success, refused.refusal) == (False, "declined")
    assert WORDS not in str(refused)
    assert rig.ask(request).refusal == "declined_lately"


def test_killed_node_comes_back_with_its_permits_and_doubles_none(make: Callable[[], Rig]) -> None:
    rig = make()
    kept, used = move(x=1), move(x=2)
    answers = {request: rig.ask(request) for request in (kept, used)}
    for request, answer in answers.items():
        assert rig.decide(answer.request_id, request.digest).success
    assert rig.use(answers[used].permit_id, used).success
    rig.node.send(signal.SIGKILL)
    rig.node.wait()
    rig.start()
    assert rig.use(answers[used].permit_id, used).refusal == "unknown_permit"
    assert rig.use(answers[kept].permit_id, kept).success
    assert rig.use(answers[kept].permit_id, kept).refusal == "already_used"


def test_what_needs_no_person_goes_on_and_what_is_forbidden_does_not(make: Callable[[], Rig]) -> None:
    rig = make()
    granted = RequestApproval.Response.GRANTED
    assert rig.ask(canonical_request("world/get_state", "strands_robots/srv/GetWorldState", {})).answer == granted
    assert rig.ask(canonical_request("world/reset", "strands_robots/srv/ResetWorld", {})).answer == granted
    stop = StopGraph.Request(source="agent/planner", reason="a hand")
    fields = fields_of(stop)
    assert rig.ask(canonical_request("safety/stop", "strands_robots/srv/StopGraph", fields)).answer == granted
    resume = rig.ask(canonical_request("safety/resume", "strands_robots/srv/ResumeGraph", {}))
    assert (resume.answer, resume.refusal) == (RequestApproval.Response.REFUSED, "forbidden")
    malformed = rig.client.call(RequestApproval, "approvals/request", RequestApproval.Request(name="x", fields="{"))
    assert malformed.refusal == "malformed"
    wait_for(lambda: rig.audited("request_audited"), 5.0, "the audit")


def test_decision_that_does_not_count_is_audited(make: Callable[[], Rig]) -> None:
    rig = make()
    assert rig.decide("0123", "00").refusal == "unknown_request"
    for _ in range(20):
        rig.decide("0123", "00")
    wait_for(lambda: any("count" in entry for entry in rig.audited("decision_refused")), 5.0, "a count")
    assert rig.audited("decision_refused")[0]["refusal"] == "unknown_request"


def test_expired_request_is_told(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nrequest_lifetime: 0.3\nrules: []\n")
    rig = Rig.__new__(Rig)
    rig.graph, rig.folder, rig.client = graph, tmp_path, graph.client()
    rig.states = rig.client.listen(ApprovalState, "approvals/state", qos.STATE)
    rig.events = rig.client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
    rig.start(policy=str(tmp_path / "policy.yaml"), keyring="")
    assert not rig.states[-1].can_approve
    answer = rig.ask(move())
    wait_for(lambda: rig.audited("approval_expired"), 5.0, "the end of the request")
    assert rig.use(answer.permit_id, move()).refusal == "expired"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"policy": "/missing.yaml"}, "cannot be read"),
        ({"keyring": "/missing.yaml"}, "cannot be opened"),
        ({"folder": "/proc/permits"}, "cannot be used"),
    ],
)
def test_node_does_not_start_without_its_files(
    graph: Graph, tmp_path: Path, parameters: dict[str, object], words: str
) -> None:
    node = graph.start("approval_node", **{"folder": str(tmp_path / "permits"), **parameters})
    assert node.wait(20.0) == 2
    assert words in node.text


def test_fields_of_a_message_are_all_of_them() -> None:
    goal = MoveTo.Goal()
    fields = fields_of(goal)
    assert fields.keys() == goal.get_fields_and_field_types().keys()
    assert canonical_request("so101/move_to", "strands_robots/action/MoveTo", fields).digest
    state = ApprovalState(requests=[ApprovalRequest(request_id="1")])
    nested = fields_of(state)
    assert nested["requests"][0]["request_id"] == "1"
    assert nested["header"]["stamp"] == {"sec": 0, "nanosec": 0}
    decision = DecideApproval.Request(signature=[1, 2])
    assert fields_of(decision)["signature"] == [1, 2]


def test_state_shows_what_is_open_before_what_is_over() -> None:
    desk = Desk()
    for number in range(200):
        desk.decide(desk.ask(desk_request(f"other/a{number}")), is_approved=False)
    waiting = desk.ask(desk_request())
    message = state_to_msg(desk.desk.tickets(), Moment(*desk.now), "run", "session", "", True)
    assert len(message.requests) == 128
    assert waiting.ticket is not None
    assert message.requests[-1].request_id == waiting.ticket.request_id
    assert message.requests[0].left == 0.0
