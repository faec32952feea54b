"""approval_node: takes requests of agents, decisions of people and uses of permits. A process of its own: see
docs/adr/0004.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import ApprovalState
from strands_robots.srv import ConsumePermit, DecideApproval, RequestApproval

from strands_robots.approvals.approval_policy import RequestClass, load_policy
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest, parse_request
from strands_robots.approvals.decision import Decision
from strands_robots.approvals.permit_journal import PermitJournal
from strands_robots.approvals.permits import Asker, Moment, PermitDesk
from strands_robots.audit.event import Durability
from strands_robots.control.tally import Tally
from strands_robots.core.ros_home import ros_home
from strands_robots.core.share import share_directory
from strands_robots.operators.keyring import Keyring, Role, load_keyring
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import state_to_msg
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process import diagnostics
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters


@dataclass(frozen=True)
class ApprovalParameters:
    """Parameters of approval_node."""

    run_id: str = parameter("", "run of the graph, from bringup; empty makes a new one")
    policy: str = parameter("", "approval policy; empty for config/approval_policy.yaml of the package")
    keyring: str = parameter("", "keyring of the operators who may decide; without one no person can approve")
    folder: str = parameter("", "folder of the permits; empty for strands_robots/permits/<run> in $ROS_HOME or ~/.ros")


class ApprovalNode(Node):
    """Wires services to the desk. Uses steady and wall time only."""

    def __init__(self) -> None:
        super().__init__("approval_node")
        parameters = read_parameters(self, ApprovalParameters)
        self._run_id = parameters.run_id or uuid.uuid4().hex
        self._session = uuid.uuid4().hex
        path = Path(parameters.policy).expanduser() if parameters.policy else default_policy()
        policy, self._policy_digest = load_policy(path)
        keyring = load_keyring(Path(parameters.keyring).expanduser()) if parameters.keyring else Keyring()
        self._can_approve = any(Role.APPROVE in operator.roles for operator in keyring.operators)
        self._journal = PermitJournal(_folder(parameters.folder, self._run_id), self._run_id)
        place = self.get_namespace()
        permits, problem = self._journal.open(policy, keyring, _now(), place)
        self._desk = PermitDesk(policy, keyring, self._journal, self._run_id, permits, place)
        self._audit = audit_of(self)
        self._refusals = Tally()
        self._diagnostics = diagnostics.DiagnosticsPort(self)
        self._publisher = self.create_publisher(ApprovalState, "approvals/state", qos.STATE)
        self.create_service(RequestApproval, "approvals/request", self._on_request)
        self.create_service(DecideApproval, "approvals/decide", self._on_decide)
        self.create_service(ConsumePermit, "approvals/consume", self._on_consume)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.1, self._tick, clock=steady)
        self.create_timer(1.0, self._publish, clock=steady)
        self.create_timer(1.0, self._flush, clock=steady)
        self._announce(str(path), problem, len(permits))

    def destroy_node(self) -> None:
        """Let go of the file, then end."""
        self._audit.close(0.3)
        self._journal.close()
        super().destroy_node()

    def _announce(self, path: str, problem: str, permits: int) -> None:
        if problem:
            self.get_logger().error(problem)
        if not self._can_approve:
            self.get_logger().warning(
                "no operator may approve: requests that need approval will expire; give a keyring"
            )
        self._audit.record(
            "approval_policy",
            {"path": path, "sha256": self._policy_digest, "permits": permits, "problem": problem, "run": self._run_id},
        )

    # --- What is asked --------------------------------------------------------------------------------------

    def _on_request(
        self, request: RequestApproval.Request, response: RequestApproval.Response
    ) -> RequestApproval.Response:
        asker = Asker(request.asker, request.asker_session)
        try:
            asked = parse_request(request.name, request.type, request.fields)
            response.digest = asked.digest
            answer = self._desk.ask(asked, asker, _now())
        except ApprovalRefusedError as error:
            self._refuse("approval_refused", error, request, response, {"digest": response.digest})
            return response
        response.message = clip(answer.words, 512)
        if answer.ticket is None:
            response.answer = RequestApproval.Response.GRANTED
            if answer.request_class is RequestClass.AUDITED:
                self._audit.record("request_audited", _told(asked, answer.words), actor=clip(asker.source, 128))
            return response
        response.answer = RequestApproval.Response.WAITING
        response.request_id, response.permit_id = answer.ticket.request_id, answer.permit_id
        response.lifetime = answer.ticket.expires - time.monotonic()
        details = {"request": answer.ticket.request_id, **_told(asked, answer.words)}
        self._audit.record("approval_requested", details, actor=clip(asker.source, 128))
        self._publish()
        return response

    def _on_decide(self, request: DecideApproval.Request, response: DecideApproval.Response) -> DecideApproval.Response:
        decision = Decision(
            request.request_id,
            request.digest,
            request.approved,
            request.text,
            request.key_id,
            bytes(request.signature),
        )
        try:
            ticket = self._desk.decide(decision, _now())
        except ApprovalRefusedError as error:
            details = {"request": request.request_id, "digest": request.digest, "key_id": request.key_id}
            self._refuse("decision_refused", error, request, response, details)
            return response
        response.success = True
        response.message = clip(
            f"request {ticket.request_id} is {ticket.state.name.lower()} by {ticket.decided_by}", 512
        )
        self.get_logger().info(response.message)
        details = {
            "request": ticket.request_id,
            "approved": decision.is_approved,
            "digest": decision.digest,
            "text": decision.text,
            "key_id": decision.key_id,
            "signature": decision.signature,
            "asker": ticket.asker.source,
        }
        self._audit.record("approval", details, actor=ticket.decided_by, durability=Durability.NOW)
        self._publish()
        return response

    def _on_consume(self, request: ConsumePermit.Request, response: ConsumePermit.Response) -> ConsumePermit.Response:
        asker = Asker(request.asker, request.asker_session)
        try:
            asked = parse_request(request.name, request.type, request.fields)
            ticket = self._desk.use(request.permit_id, asked, asker, _now())
        except ApprovalRefusedError as error:
            self._refuse("permit_refused", error, request, response, {"name": request.name})
            return response
        response.success = True
        response.message = f"request {ticket.request_id} may be made now, once"
        details = {"request": ticket.request_id, "decided_by": ticket.decided_by, **_told(asked, ticket.ruling.words)}
        self._audit.record("permit_used", details, actor=clip(asker.source, 128), durability=Durability.NOW)
        self._publish()
        return response

    def _refuse(
        self, kind: str, error: ApprovalRefusedError, request: Any, response: Any, details: dict[str, object]
    ) -> None:
        """Answer a refusal, and report the first of each kind in a second."""
        refusal = error.refusal.value
        response.message, response.refusal = clip(str(error), 512), refusal
        if not self._refusals.is_told(f"{kind} {refusal}"):
            return
        actor = clip(getattr(request, "asker", ""), 128)
        self.get_logger().warning(f"{kind} ({refusal}) {actor}: {response.message}")
        self._audit.record(kind, {"refusal": refusal, "message": response.message, **details}, actor=actor)

    # --- What is said ---------------------------------------------------------------------------------------

    def _tick(self) -> None:
        expired = self._desk.tick(_now())
        for ticket in expired:
            details = {"request": ticket.request_id, "was_approved": ticket.decision is not None}
            self._audit.record("approval_expired", details, actor=clip(ticket.asker.source, 128))
        if expired:
            self._publish()

    def _publish(self) -> None:
        self._publisher.publish(
            state_to_msg(
                self._desk.tickets(), _now(), self._run_id, self._session, self._policy_digest, self._can_approve
            )
        )

    def _flush(self) -> None:
        for name, count in self._refusals.take().items():
            kind, refusal = name.split()
            self.get_logger().warning(f"{count} more: {kind} ({refusal})")
            self._audit.record(kind, {"refusal": refusal, "count": count})
        level = diagnostics.OK if self._can_approve else diagnostics.WARN
        text = "people can decide" if self._can_approve else "no keyring: no person can approve"
        self._diagnostics.publish(
            diagnostics.status("approval_node: requests", level, text, {"policy": self._policy_digest})
        )


def _told(request: CanonicalRequest, words: str) -> dict[str, object]:
    return {
        "name": request.name,
        "type": request.kind,
        "fields": request.fields,
        "digest": request.digest,
        "rule": words,
    }


def _now() -> Moment:
    return Moment(time.time(), time.monotonic())


def default_policy() -> Path:
    """Return the policy that comes with the package."""
    return share_directory() / "config" / "approval_policy.yaml"


def _folder(given: str, run_id: str) -> Path:
    if given:
        return Path(given).expanduser()
    return ros_home() / "strands_robots" / "permits" / run_id


def main() -> int:
    """Run approval_node until a signal."""
    return run_node(ApprovalNode)
