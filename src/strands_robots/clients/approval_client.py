"""Approvals as a client: what waits for people, their decisions, and the askers' messages."""

from __future__ import annotations

from strands_robots.approvals.approval_request import CanonicalRequest, parse_request
from strands_robots.approvals.decision import Decision
from strands_robots.approvals.permits import Asker
from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.msg import ApprovalRequest, ApprovalState
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import decision_to_msg
from strands_robots.srv import ConsumePermit, DecideApproval, RequestApproval

FIND_TIME = 8.0
"""How long a service is looked for [s]; Fast DDS may take 3 s to find it, more on a busy machine."""


def read_state(client: GraphClient, timeout: float = FIND_TIME) -> ApprovalState:
    """Return what approval_node says now.

    Raises:
        NoAnswerError: If it is not there.
    """
    heard: list[ApprovalState] = []
    subscription = client.node.create_subscription(ApprovalState, "approvals/state", heard.append, qos.STATE)
    try:
        if not client.spin_until(lambda: bool(heard), timeout):
            raise NoAnswerError(client.absent("topic", "approvals/state"))
    finally:
        client.node.destroy_subscription(subscription)
    return heard[-1]


def find_request(state: ApprovalState, request_id: str) -> tuple[ApprovalRequest, CanonicalRequest]:
    """Return a request that waits, as it was said and as it is when its hash is computed here.

    Raises:
        ConfigurationError: If it does not wait, or the hash that approval_node gives is not that of what it shows.
    """
    waiting = {entry.request_id: entry for entry in state.requests if entry.state == ApprovalRequest.PENDING}
    found = [entry for known, entry in waiting.items() if request_id and known.startswith(request_id)]
    if len(found) != 1:
        raise ConfigurationError(
            f"request '{printable(request_id)}' does not wait for a decision; "
            f"valid: {', '.join(waiting) or 'nothing waits'}"
        )
    request = parse_request(found[0].name, found[0].type, found[0].fields)
    if request.digest != found[0].digest:
        raise ConfigurationError(f"approval_node gives another hash for request {request_id} than its content has")
    return found[0], request


def decide(client: GraphClient, decision: Decision) -> DecideApproval.Response:
    """Send a signed decision and return the answer.

    Raises:
        NoAnswerError: If approval_node is not there.
    """
    return client.call(
        DecideApproval, "approvals/decide", decision_to_msg(decision), timeout=5.0, find_timeout=FIND_TIME
    )


def ask_to_msg(request: CanonicalRequest, asker: Asker) -> RequestApproval.Request:
    """Return the message that asks for a request."""
    return RequestApproval.Request(
        asker=asker.source, asker_session=asker.session, name=request.name, type=request.kind, fields=request.fields
    )


def use_to_msg(permit_id: str, request: CanonicalRequest, asker: Asker) -> ConsumePermit.Request:
    """Return the message that uses a permit for a request."""
    return ConsumePermit.Request(
        permit_id=permit_id,
        asker=asker.source,
        asker_session=asker.session,
        name=request.name,
        type=request.kind,
        fields=request.fields,
    )
