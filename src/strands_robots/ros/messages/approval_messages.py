"""Requests for approval as messages, and ROS requests as the fields that a permit is bound to."""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from strands_robots.msg import ApprovalRequest, ApprovalState
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_time
from strands_robots.srv import DecideApproval

if TYPE_CHECKING:  # Every node that serves reads fields here; only approval_node has the rest.
    from strands_robots.approvals.decision import Decision
    from strands_robots.approvals.permits import Moment, Ticket

_MOST = 128
_OPEN = (ApprovalRequest.PENDING, ApprovalRequest.APPROVED)


def state_to_msg(
    tickets: Sequence[Ticket], now: Moment, run_id: str, session: str, policy: str, can_approve: bool
) -> ApprovalState:
    """Return approval_node's state: everything that is open, and the newest of what is over.

    Args:
        tickets: Every request, the oldest first.
        now: The present.
        run_id: Run of the graph.
        session: This start of approval_node.
        policy: SHA-256 of the policy file.
        can_approve: Whether any person may approve.
    """
    over = [ticket for ticket in tickets if ticket.state not in _OPEN]
    room = max(_MOST - (len(tickets) - len(over)), 0)
    dropped = {ticket.request_id for ticket in over[: max(len(over) - room, 0)]}
    shown = [ticket for ticket in tickets if ticket.request_id not in dropped][:_MOST]
    message = ApprovalState(
        run_id=clip(run_id, 64),
        session=session,
        policy=policy,
        can_approve=can_approve,
        requests=[_request_to_msg(ticket, now) for ticket in shown],
    )
    message.header.stamp = to_time(now.wall)
    return message


def _request_to_msg(ticket: Ticket, now: Moment) -> ApprovalRequest:
    is_open = ticket.state in _OPEN
    return ApprovalRequest(
        request_id=ticket.request_id,
        asker=clip(ticket.asker.source, 128),
        name=ticket.request.name,
        type=ticket.request.kind,
        fields=ticket.request.fields,
        digest=ticket.request.digest,
        state=int(ticket.state),
        asked=ticket.asked,
        left=max(ticket.expires - now.steady, 0.0) if is_open else 0.0,
        rule=clip(ticket.ruling.words, 300),
        decided_by=clip(ticket.decided_by, 128),
    )


def decision_to_msg(decision: Decision) -> DecideApproval.Request:
    """Return a signed decision as a message."""
    return DecideApproval.Request(
        request_id=decision.request_id,
        digest=decision.digest,
        approved=decision.is_approved,
        text=decision.text,
        key_id=decision.key_id,
        signature=list(decision.signature),
    )


def fields_of(message: Any) -> dict[str, Any]:
    """Return every field of a ROS message, request or goal, nested ones included, for `canonical_request`."""
    return {name: _value(getattr(message, name)) for name in message.get_fields_and_field_types()}


def _value(value: Any) -> Any:
    if hasattr(value, "get_fields_and_field_types"):
        return fields_of(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (array.array, np.ndarray)):
        return value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(item) for item in value]
    return value
