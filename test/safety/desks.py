"""A permit desk under test: a clock, two operators, and a journal in memory or on the disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from strands_robots.approvals.approval_policy import ApprovalPolicy
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.decision import Decision, sign_decision
from strands_robots.approvals.permit_journal import PermitJournal
from strands_robots.approvals.permits import Asker, Moment, PermitAnswer, PermitDesk, Ticket
from strands_robots.operators.keyring import Keyring
from strands_robots.operators.operator_key import OperatorKey

from .operators import keyring, operator_key

RUN = "run"
ANNA, BOB = operator_key("anna"), operator_key("bob")
OPERATORS = keyring(ANNA, BOB)
AGENT = Asker("agent/planner", "start-1")
POLICY = ApprovalPolicy.model_validate(
    {
        "version": 1,
        "request_lifetime": 100.0,
        "decline_memory": 30.0,
        "default_permit_lifetime": 60.0,
        "rules": [
            {"name": "world/get_state", "class": "free", "rate": {"count": 3, "period": 10.0}},
            {"name": "world/reset", "class": "audited"},
            {"name": "world/forbidden", "class": "forbidden"},
            {"name": "so101/move_to", "class": "needs_approval", "rate": {"count": 3, "period": 10.0}},
        ],
    }
)


def request(name: str = "so101/move_to", **fields: object) -> CanonicalRequest:
    return canonical_request(name, "strands_robots/action/MoveTo", fields)


class MemoryJournal:
    """Remembers what it was told; fails when the test says so."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []
        self.is_full = False

    def approved(self, ticket: Ticket, now: Moment) -> None:
        self._write("approved", ticket)

    def used(self, ticket: Ticket, now: Moment) -> None:
        self._write("used", ticket)

    def _write(self, kind: str, ticket: Ticket) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.records.append((kind, ticket.request_id))


class Desk:
    """A desk and its clock."""

    def __init__(self, policy: ApprovalPolicy = POLICY, operators: Keyring = OPERATORS) -> None:
        self.now = Moment(1_000_000.0, 500.0)
        self.policy = policy
        self.operators = operators
        self.journal = MemoryJournal()
        self.desk = PermitDesk(policy, operators, self.journal, RUN)

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.wall + seconds, self.now.steady + seconds)

    def ask(self, asked: CanonicalRequest | None = None, asker: Asker = AGENT) -> PermitAnswer:
        return self.desk.ask(asked or request(), asker, self.now)

    def decide(
        self, answer: PermitAnswer, is_approved: bool = True, key: OperatorKey = ANNA, **changes: object
    ) -> Ticket:
        return self.desk.decide(self.decision(answer, is_approved, key, **changes), self.now)

    def decision(
        self, answer: PermitAnswer, is_approved: bool = True, key: OperatorKey = ANNA, run: str = RUN, **changes: object
    ) -> Decision:
        assert answer.ticket is not None
        ticket = answer.ticket
        signed = sign_decision(ticket.request_id, ticket.request.digest, is_approved, "words of a person", run, key)
        return dataclasses.replace(signed, **changes)  # type: ignore[arg-type]

    def use(self, answer: PermitAnswer, asked: CanonicalRequest | None = None, asker: Asker = AGENT) -> Ticket:
        assert answer.ticket is not None
        return self.desk.use(answer.permit_id, asked or answer.ticket.request, asker, self.now)

    def approved(self, asked: CanonicalRequest | None = None) -> PermitAnswer:
        answer = self.ask(asked)
        self.decide(answer)
        return answer


class DiskDesk(Desk):
    """A desk whose journal is a file; `restart` does what a new process does."""

    def __init__(self, folder: Path, policy: ApprovalPolicy = POLICY) -> None:
        super().__init__(policy)
        self.folder = folder
        self.file = PermitJournal(folder, RUN)
        self.problem = ""
        self._open(RUN)

    def restart(self, run: str = RUN, operators: Keyring | None = None, policy: ApprovalPolicy | None = None) -> None:
        self.file.close()
        self.operators, self.policy = operators or self.operators, policy or self.policy
        self.now = Moment(self.now.wall + 1.0, 3.0)
        self.file = PermitJournal(self.folder, run)
        self._open(run)

    def _open(self, run: str) -> None:
        permits, self.problem = self.file.open(self.policy, self.operators, self.now)
        self.desk = PermitDesk(self.policy, self.operators, self.file, run, permits)
