"""The graph as an agent's tools see it, without ROS: one that only listens, and one with the guard and the real permit desk behind it."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safety.desks import Desk as PermitDesk
from safety.desks import DiskDesk

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.guard import DeskAnswer, Guard
from strands_robots.agent.tools.permit_memory import PermitMemory
from strands_robots.agent.tools.tool_answer import ToolAnswer, approval_answer, data_answer, error_answer
from strands_robots.approvals.approval_policy import ApprovalPolicy
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.permits import Asker

POLICY = ApprovalPolicy.model_validate(
    {
        "version": 1,
        "rules": [
            {"name": "world/get_state", "class": "free", "rate": {"count": 1000, "period": 60.0}},
            {"name": "world/edit", "class": "audited"},
            {"name": "world/apply_wrench", "class": "forbidden"},
            {"name": "set_gripper", "class": "needs_approval", "rate": {"count": 3, "period": 10.0}},
        ],
    }
)
ENDPOINTS = [
    Endpoint("world/get_state", "strands_robots/srv/GetWorldState"),
    Endpoint("world/edit", "strands_robots/srv/EditScene"),
    Endpoint("set_gripper", "strands_robots/action/SetGripper"),
    Endpoint("move_to", "strands_robots/action/MoveTo"),
    Endpoint("safety/stop", "strands_robots/srv/StopGraph"),
]
GRIP = {"goal": {"robot": "so101", "position": 0.5}}


class FakePort:
    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.given = endpoints
        self.coming: list[Endpoint] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.requests: list[CanonicalRequest] = []
        self.refusal: ToolAnswer | None = None
        self.hidden: set[str] = set()
        self.heard: list[tuple[str, str]] = []
        self.records: list[tuple[str, Mapping[str, Any]]] = []

    def session(self, name: str) -> FakePort:
        return self

    def endpoints(self) -> list[Endpoint]:
        return self.given

    def look_again(self) -> bool:
        self.given = [*self.given, *self.coming[:1]]
        self.coming = self.coming[1:]
        return bool(self.coming)

    def find(self, kind: str) -> Endpoint | None:
        return next((entry for entry in self.given if entry.kind == kind), None)

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        self.calls.append((endpoint.name, fields))
        return data_answer({"success": True})

    def cancel_goals(self) -> int:
        return 0

    def is_shown(self, name: str, kind: str) -> bool:
        return name not in self.hidden

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        self.requests.append(request)
        return self.refusal

    def called(self, endpoint: Endpoint, answer: ToolAnswer, started: float) -> None:
        self.heard.append((endpoint.name, answer.error))

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        self.records.append((kind, details))

    start = call
    goal = read = picture = describe = call


class NodeDesk:
    """approval_node's own desk, asked as over its services. It outlives the agents that ask it.

    Args:
        desk: The desk with its clock.
        asker: Who asks.
    """

    def __init__(self, desk: PermitDesk, asker: Asker) -> None:
        self.desk, self.asker = desk, asker
        self.refused: list[str] = []

    def is_there(self) -> bool:
        return True

    def ask(self, request: CanonicalRequest) -> DeskAnswer:
        try:
            answer = self.desk.desk.ask(request, self.asker, self.desk.now)
        except ApprovalRefusedError as error:
            return self._refused(error)
        if answer.ticket is None:
            return DeskAnswer("granted", answer.words)
        return DeskAnswer("waiting", answer.words, "", answer.ticket.request_id, answer.permit_id)

    def use(self, permit_id: str, request: CanonicalRequest) -> DeskAnswer:
        try:
            self.desk.desk.use(permit_id, request, self.asker, self.desk.now)
        except ApprovalRefusedError as error:
            return self._refused(error)
        return DeskAnswer("granted", "")

    def _refused(self, error: ApprovalRefusedError) -> DeskAnswer:
        self.refused.append(error.refusal.value)
        return DeskAnswer("refused", str(error), error.refusal.value)


class GuardedPort(FakePort):
    """Does what AgentGraph does, without the graph: every request passes the guard and a real desk.

    Args:
        folder: Where approval_node and the agent keep their files.
        policy: The policy of both.
        endpoints: What the graph offers, forbidden or not.
        desk: approval_node's desk of an earlier agent; None makes one.
    """

    def __init__(
        self,
        folder: Path,
        policy: ApprovalPolicy = POLICY,
        endpoints: list[Endpoint] = ENDPOINTS,
        desk: DiskDesk | None = None,
    ) -> None:
        super().__init__(endpoints)
        self.source = "agent/tester"
        self.person = desk or DiskDesk(folder / "approvals", policy)
        self.memory = PermitMemory(folder / "agent")
        self.desk = NodeDesk(self.person, Asker(self.source, self.memory.session))
        self.guard = Guard(policy, self.desk, lambda: self.person.now.steady, self.memory)
        self.refusals: list[str] = []

    def session(self, name: str) -> GuardedPort:
        made = copy.copy(self)
        made.source = f"{self.source}/{name}"
        made.memory = PermitMemory()
        made.desk = NodeDesk(self.person, Asker(made.source, made.memory.session))
        made.guard = self.guard.for_asker(made.desk, made.memory)
        return made

    def endpoints(self) -> list[Endpoint]:
        return [entry for entry in self.given if self.guard.is_shown(entry.name, entry.kind)]

    def is_shown(self, name: str, kind: str) -> bool:
        return self.guard.is_shown(name, kind)

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        self.requests.append(request)
        admission = self.guard.admit(request)
        if admission.is_granted:
            return None
        self.refusals.append(admission.kind)
        if admission.kind == "approval_required":
            return approval_answer(admission.request_id, admission.message)
        return error_answer(admission.kind, admission.message)

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        started = time.monotonic()
        try:
            refused = self.admit(canonical_request(endpoint.name, endpoint.kind, {**fields, "source": self.source}))
        except ApprovalRefusedError as error:
            refused = error_answer(error.refusal.value, str(error))
        answer = refused or super().call(endpoint, fields, timeout)
        self.called(endpoint, answer, started)
        return answer

    start = call

    def decide(self, request_id: str, is_approved: bool = True) -> None:
        """Decide as a person does, with words."""
        ticket = next(entry for entry in self.person.desk.tickets() if entry.request_id == request_id)
        self.person.desk.decide(self.person.decision(_ticket_answer(ticket), is_approved), self.person.now)

    def close(self) -> None:
        """End the agent's process, as far as files tell."""
        self.memory.close()


def _ticket_answer(ticket: Any) -> Any:
    return type("Answered", (), {"ticket": ticket})()


def parsed(answer: ToolAnswer) -> Any:
    return json.loads(answer.text)
