"""What an agent, or a client behind it, tries in order to do what nobody allowed. One test for each way."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.guard import Guard
from strands_robots.agent.tools.permit_memory import WaitingPermit
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.approvals.approval_policy import ApprovalPolicy
from strands_robots.approvals.approval_request import canonical_request
from strands_robots.approvals.never_tools import NEVER_NAMES, NEVER_TYPES

from .ports import ENDPOINTS, GRIP, POLICY, GuardedPort, parsed
from .test_guard import FakeDesk

FORBIDDEN = [
    Endpoint("safety/resume", "strands_robots/srv/ResumeGraph"),
    Endpoint("safety/resume_challenge", "strands_robots/srv/GetResumeChallenge"),
    Endpoint("approvals/decide", "strands_robots/srv/DecideApproval"),
    Endpoint("approvals/request", "strands_robots/srv/RequestApproval"),
    Endpoint("approvals/consume", "strands_robots/srv/ConsumePermit"),
    Endpoint("approvals/state", "strands_robots/msg/ApprovalState"),
    Endpoint("audit/events", "strands_robots/msg/AuditEvent"),
    Endpoint("approval_node/set_parameters", "rcl_interfaces/srv/SetParameters"),
    Endpoint("safety_node/set_parameters_atomically", "rcl_interfaces/srv/SetParametersAtomically"),
    Endpoint("safety/state", "strands_robots/msg/SafetyState"),
    Endpoint("world/apply_wrench", "strands_robots/srv/ApplyWrench"),
]


class Rig:
    """A guarded port, its tools, and what an intruder has a copy of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = GuardedPort(folder, endpoints=[*ENDPOINTS, *FORBIDDEN])
        self.tools = Toolset(self.port)

    def grip(self, position: float = 0.5) -> Any:
        return self.tools.run("start_set_gripper", {"goal": {"robot": "so101", "position": position}})

    def waiting(self) -> tuple[str, WaitingPermit]:
        return next(iter(self.port.memory._waiting.items()))

    def error(self, answer: Any) -> str:
        return str(parsed(answer)["error"])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.port.close()


def test_forged_permit_makes_nothing(rig: Rig) -> None:
    rig.grip()
    digest, known = rig.waiting()
    rig.port.memory.keep(digest, WaitingPermit(known.request_id, "f" * 32))
    assert rig.error(rig.grip()) == "unknown_permit"
    assert not rig.port.calls
    assert rig.port.refusals == ["approval_required", "unknown_permit"]


def test_replayed_permit_makes_nothing_more(rig: Rig) -> None:
    asked = rig.grip()
    digest, permit = rig.waiting()
    rig.port.decide(asked.approval)
    assert not rig.grip().is_error
    rig.port.memory.keep(digest, permit)
    assert rig.error(rig.grip()) == "already_used"
    assert len(rig.port.calls) == 1


def test_file_of_permits_that_is_put_back_makes_nothing_more(rig: Rig, tmp_path: Path) -> None:
    asked = rig.grip()
    shutil.copytree(tmp_path / "agent", tmp_path / "copy")
    rig.port.decide(asked.approval)
    assert not rig.grip().is_error
    rig.port.close()
    shutil.copyfile(tmp_path / "copy" / "waiting_permits.json", tmp_path / "agent" / "waiting_permits.json")
    second = GuardedPort(tmp_path, desk=rig.port.person)
    assert rig.error(Toolset(second).run("start_set_gripper", GRIP)) == "already_used"
    assert not second.calls
    second.close()


def test_permit_for_other_arguments_makes_nothing(rig: Rig) -> None:
    rig.port.decide(rig.grip(0.1).approval)
    _, permit = rig.waiting()
    rig.grip(0.9)
    other = next(digest for digest, entry in rig.port.memory._waiting.items() if entry != permit)
    rig.port.memory.keep(other, permit)
    assert rig.error(rig.grip(0.9)) == "wrong_request"
    assert not rig.port.calls
    assert not rig.grip(0.1).is_error, "what was approved can still be made"


def test_permit_of_another_agent_makes_nothing(rig: Rig, tmp_path: Path) -> None:
    asked = rig.grip()
    rig.port.decide(asked.approval)
    digest, permit = rig.waiting()
    thief = GuardedPort(tmp_path / "thief", desk=rig.port.person)
    thief.memory.keep(digest, permit)
    assert rig.error(Toolset(thief).run("start_set_gripper", GRIP)) == "wrong_asker"
    assert not thief.calls
    thief.close()


def test_expired_permit_makes_nothing(rig: Rig) -> None:
    rig.port.decide(rig.grip().approval)
    rig.port.person.wait(1000.0)
    assert rig.error(rig.grip()) == "expired"
    assert not rig.port.calls


@pytest.mark.parametrize("endpoint", FORBIDDEN, ids=lambda entry: entry.name)
def test_tool_that_is_not_allowed_is_not_shown_not_found_and_not_called(rig: Rig, endpoint: Endpoint) -> None:
    name = endpoint.tool_name
    assert name not in rig.tools.names()
    for answer in (rig.tools.run(name, {}), rig.tools.run("call_tool", {"name": name, "arguments": {}})):
        assert rig.error(answer) == "unknown_tool"
    found = json.loads(rig.tools.run("find_tool", {"query": endpoint.name}).text)
    assert name not in [tool["name"] for tool in found.get("tools", [])]
    assert not rig.port.calls
    assert (name, "unknown_tool") in rig.port.heard, "the attempt is recorded"


@pytest.mark.parametrize("endpoint", FORBIDDEN, ids=lambda entry: entry.name)
def test_tool_that_is_not_allowed_is_refused_by_the_guard_itself(rig: Rig, endpoint: Endpoint) -> None:
    """Should a fault in what is shown let one through."""
    assert rig.error(rig.port.call(endpoint, {}, 1.0)) == "forbidden"
    assert rig.port.calls == [] and rig.port.person.desk.tickets() == ()


@pytest.mark.parametrize("kind", sorted(NEVER_TYPES))
def test_policy_file_cannot_allow_what_is_never_a_tool(kind: str) -> None:
    with pytest.raises(ValueError, match="always forbidden"):
        ApprovalPolicy.model_validate({"version": 1, "rules": [{"type": kind, "class": "free"}]})
    rules = [{"name": "*", "class": "free"}, {"name": "**/*", "class": "free"}]
    wide = ApprovalPolicy.model_validate({"version": 1, "rules": rules})
    assert not Guard(wide, FakeDesk()).is_shown("x/y", kind)


def test_renamed_service_that_decides_is_no_tool(rig: Rig) -> None:
    """What it is called says nothing: its type does."""
    rig.port.given = [Endpoint("world/harmless", "strands_robots/srv/DecideApproval")]
    rig.tools.refresh()
    assert "world_harmless" not in rig.tools.names()


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"robot": "x" * 70000}, "at most 65536 bytes|bytes of JSON"),
        ({"robot": "x" * 1000}, "at most 64"),
        ({"position": 1e400}, "finite"),
        ({"position": float("nan")}, "finite"),
        ({"position": "0.5"}, "finite number"),
        ({"position": {"a": {"b": {}}}}, "finite number"),
        ([0] * 100000, "bytes of JSON|object"),
    ],
    ids=["huge", "long", "infinite", "nan", "text", "nested", "list"],
)
def test_oversized_or_malformed_arguments_are_refused_before_anybody_is_asked(rig: Rig, goal: Any, words: str) -> None:
    answer = rig.tools.run("start_set_gripper", {"goal": goal})
    assert rig.error(answer) == "invalid_arguments"
    assert re.search(words, answer.text), answer.text
    assert len(answer.text) < 4000
    assert not rig.port.requests and rig.port.person.desk.tickets() == ()


def test_request_that_is_too_long_for_a_person_to_read_is_refused(rig: Rig) -> None:
    body = {"name": "b", "shapes": [{"kind": "box", "size": [0.1, 0.1, 0.1], "mass": 0.02, "name": "a shape"}] * 16}
    answer = rig.tools.run("world_edit", {"bodies": [{**body, "name": f"b{k}"} for k in range(16)]})
    assert rig.error(answer) == "malformed"
    assert "16384" in answer.text
    assert not rig.port.calls


def test_agent_that_claims_to_be_an_operator_is_refused(rig: Rig) -> None:
    answer = rig.tools.run("start_set_gripper", {"goal": {"robot": "so101", "source": "operator/anna"}})
    assert rig.error(answer) == "invalid_arguments"
    rig.grip()
    assert json.loads(rig.port.requests[-1].fields)["source"] == "agent/tester"


def test_declining_consumes_no_rate_limit(rig: Rig) -> None:
    """Three grips in ten seconds are allowed; a dozen declined ones leave all three."""
    for number in range(12):
        rig.port.decide(rig.grip(number / 100).approval, is_approved=False)
        assert rig.error(rig.grip(number / 100)) == "declined"
        rig.port.person.wait(1000.0)
    for number in range(3):
        rig.port.decide(rig.grip(0.5 + number / 100).approval)
        assert not rig.grip(0.5 + number / 100).is_error
    assert rig.error(rig.grip(0.9)) == "rate_limited"
    assert len(rig.port.calls) == 3


def test_agent_cannot_flood_a_person_with_requests(rig: Rig) -> None:
    move = [rig.tools.run("start_move_to", {"goal": {"robot": f"r{k}"}}) for k in range(40)]
    assert sum(bool(answer.approval) for answer in move) == POLICY.most_pending_of_asker
    assert rig.error(move[-1]) == "too_many_pending"


def test_person_who_declines_is_not_asked_again_at_once(rig: Rig) -> None:
    rig.port.decide(rig.grip().approval, is_approved=False)
    told = rig.grip()
    assert rig.error(told) == "declined"
    assert "Do not retry it and do not vary it" in told.text
    for position in (0.5, 0.5000001, 0.4):
        assert rig.error(rig.grip(position)) == "declined_lately", "a small change is no way around it"


def test_stopping_needs_no_permit_and_has_no_limit(rig: Rig) -> None:
    for _ in range(200):
        assert rig.port.guard.admit(
            canonical_request("safety/stop", "strands_robots/srv/StopGraph", {"reason": "a hand"})
        ).is_granted


def test_every_call_is_recorded_reads_included(rig: Rig) -> None:
    rig.tools.run("world_get_state", {})
    rig.tools.run("find_tool", {"query": "edit"})
    rig.tools.run("nonsense", {})
    rig.tools.run("world_get_state", {"x": 1})
    rig.grip()
    assert rig.port.heard == [
        ("world/get_state", ""), ("find_tool", ""), ("nonsense", "unknown_tool"), ("world_get_state", "invalid_arguments"),
        ("set_gripper", "approval_required"),
    ]  # fmt: skip


def test_patterns_of_names_that_are_never_tools_are_covered() -> None:
    for pattern in NEVER_NAMES:
        assert any(re.fullmatch(pattern, entry.name) for entry in FORBIDDEN) or "parameter_events" in pattern
