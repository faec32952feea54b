"""A ROS request as the audit log names it: its digest, and a summary."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from rclpy.serialization import serialize_message

from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.approval_request import MAX_FIELDS, canonical_request
from strands_robots.audit.read.summary import summarize
from strands_robots.ros.messages.approval_messages import fields_of


def type_name(kind: Any) -> str:
    """Return the full name of an interface class, for example "strands_robots/srv/ResetWorld"."""
    package, group = kind.__module__.split(".")[:2]
    return f"{package}/{group}/{kind.__name__}"


def described_request(name: str, kind: str, request: Any) -> Mapping[str, object]:
    """Return `digest` or `cdr_sha256`, and `request`, a summary.

    The digest is the one that permits are bound to (approvals/approval_request.py), so that a permit and its use can be matched. A
    request that has none, because it is too long or holds a number that is none, has the hash of its CDR bytes.
    """
    data = serialize_message(request)
    fields = fields_of(request)
    summary = summarize(fields)
    if len(data) <= 2 * MAX_FIELDS:
        try:
            return {"digest": canonical_request(name, kind, fields).digest, "request": summary}
        except ApprovalRefusedError:
            pass  # It has no canonical form.
    return {"cdr_sha256": hashlib.sha256(data).hexdigest(), "request": summary}
