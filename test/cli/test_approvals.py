"""`strands-robots approvals`, `keys` and `resume` against running nodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from graph import Graph, executable, wait_for
from strands_robots.msg import ApprovalRequest, ApprovalState, SafetyState
from strands_robots.srv import RequestApproval

from strands_robots.approvals.approval_request import canonical_request
from strands_robots.approvals.permits import Asker
from strands_robots.cli.approvals import request_lines
from strands_robots.clients.approval_client import ask_to_msg, find_request
from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.messages import qos

REQUEST = canonical_request("so101/move_to", "strands_robots/action/MoveTo", {"x": 0.1, "note": "\x1b[2J\u00e4"})


@pytest.fixture
def home(graph: Graph, tmp_path: Path) -> Path:
    graph.environment["ROS_HOME"] = str(tmp_path)
    assert run(graph, "keys", "create", "anna")[0] == 0
    public = tmp_path / "strands_robots" / "operator_keys" / "anna.pub"
    assert run(graph, "keys", "add", str(public), "--role", "resume", "--role", "approve")[0] == 0
    return tmp_path / "strands_robots"


def run(graph: Graph, *words: str) -> tuple[int, str]:
    command = [str(Path(executable("safety_node")).parents[2] / "bin" / "strands-robots"), *words]
    environment = {**os.environ, **graph.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_person_sees_the_whole_request_and_decides(graph: Graph, home: Path) -> None:
    graph.start("approval_node", keyring=str(home / "keyring.yaml"))
    client = graph.client()
    states = client.listen(ApprovalState, "approvals/state", qos.STATE)
    answer = client.call(RequestApproval, "approvals/request", ask_to_msg(REQUEST, Asker("agent/planner", "s")), 20.0)
    code, text = run(graph, "approvals", "list")
    assert code == 0
    for words in (answer.request_id, "so101/move_to", '"x": 0.1', REQUEST.digest, "agent/planner"):
        assert words in text
    assert "\x1b" not in text
    code, text = run(graph, "approvals", "approve", answer.request_id[:6], "--yes", "--text", "looks safe")
    assert (code, "approved by operator/anna" in text) == (0, True), text
    wait_for(lambda: states[-1].requests[0].state == ApprovalRequest.APPROVED)
    code, text = run(graph, "approvals", "decline", answer.request_id)
    assert code == 1
    assert "nothing waits" in text


def test_resume_is_signed_where_the_graph_asks_for_it(graph: Graph, home: Path) -> None:
    graph.start("safety_node", keyring=str(home / "keyring.yaml"), latch_folder=str(home))
    client = graph.client()
    states = client.listen(SafetyState, "safety/state", qos.SAFETY)
    wait_for(lambda: states, 20.0, "safety/state")
    code, text = run(graph, "resume", "--key", str(home / "missing.key"))
    assert code != 0
    assert "is missing" in text
    code, text = run(graph, "resume")
    assert (code, "armed by 'operator/anna'" in text) == (0, True), text
    code, text = run(graph, "resume")
    assert (code, "nothing_stopped" in text) == (1, True), text


@pytest.mark.long
def test_first_of_two_operators_is_told_that_another_has_to_sign(graph: Graph, home: Path) -> None:
    assert run(graph, "keys", "create", "bob")[0] == 0
    keys = home / "operator_keys"
    assert run(graph, "keys", "add", str(keys / "bob.pub"), "--role", "resume")[0] == 0
    keyring = str(home / "keyring.yaml")
    graph.start("safety_node", keyring=keyring, latch_folder=str(home), resume_rule="two_operators")
    client = graph.client()
    states = client.listen(SafetyState, "safety/state", qos.SAFETY)
    wait_for(lambda: states, 20.0, "safety/state")
    code, text = run(graph, "resume", "--key", str(keys / "anna.key"))
    assert (code, "second_operator_missing" in text) == (4, True), text
    code, text = run(graph, "resume", "--key", str(keys / "bob.key"))
    assert code == 0, text


def entry(**changes: object) -> ApprovalRequest:
    fields = {
        "request_id": "0123456789abcdef",
        "name": REQUEST.name,
        "type": REQUEST.kind,
        "fields": REQUEST.fields,
        "digest": REQUEST.digest,
        "state": ApprovalRequest.PENDING,
        **changes,
    }
    return ApprovalRequest(**fields)


def test_hash_that_is_not_that_of_the_content_is_found_out() -> None:
    lying = ApprovalState(requests=[entry(fields='{"x":0.1}')])
    with pytest.raises(ConfigurationError, match="another hash"):
        find_request(lying, "0123")


@pytest.mark.parametrize("given", ["", "f", "0123456789abcdef0"])
def test_request_that_does_not_wait_is_named(given: str) -> None:
    with pytest.raises(ConfigurationError, match="valid: 0123456789abcdef"):
        find_request(ApprovalState(requests=[entry()]), given)


def test_beginning_that_fits_two_requests_is_refused() -> None:
    both = ApprovalState(requests=[entry(), entry(request_id="0123ffff")])
    with pytest.raises(ConfigurationError, match="does not wait"):
        find_request(both, "0123")


def test_texts_of_the_asker_cannot_play_tricks() -> None:
    shown = SimpleNamespace(
        request_id="1", state=9, left=0.0, decided_by="operator/anna", asker="a\x1b[2J\n", name="n", type="t", rule="r",
        fields='{"a": "\\u001b[2J\u00e4"}', digest="d",
    )  # fmt: skip
    text = "".join(request_lines(shown))
    assert "\x1b" not in text and "\n" not in text
    assert text.isascii()
