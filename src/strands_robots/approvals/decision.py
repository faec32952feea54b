"""A person's decision about one request: what is signed, and how it is checked. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

import rfc8785

from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.core.text import printable
from strands_robots.operators.keyring import Keyring, Operator, Role
from strands_robots.operators.operator_key import OperatorKey

PURPOSE = "approval"
"""What a signature under a decision is for; a signature for anything else is not valid here."""

MAX_TEXT = 1024
"""Longest text of a person [characters]."""


@dataclass(frozen=True)
class Decision:
    """The fields of srv/DecideApproval.

    Attributes:
        request_id: The request that is meant.
        digest: SHA-256 of the request as the person saw it.
        is_approved: The decision.
        text: Why, in the person's words; goes to the audit and nowhere else.
        key_id: Key that signed.
        signature: Ed25519 over `statement`, 64 bytes.
    """

    request_id: str
    digest: str
    is_approved: bool
    text: str
    key_id: str
    signature: bytes = b""

    def statement(self, run_id: str) -> bytes:
        """Return the bytes that are signed. Source: RFC 8785."""
        return rfc8785.dumps(
            {
                "approved": self.is_approved,
                "digest": self.digest,
                "key": self.key_id,
                "request": self.request_id,
                "run": run_id,
                "text": self.text,
                "v": 1,
            }
        )


def sign_decision(
    request_id: str, digest: str, is_approved: bool, text: str, run_id: str, key: OperatorKey
) -> Decision:
    """Return a decision signed by an operator.

    Args:
        request_id: The request.
        digest: Hash of the request, which the person's own program has computed from what it showed.
        is_approved: The decision.
        text: Why.
        run_id: Run of the graph.
        key: The operator's key.
    """
    unsigned = Decision(request_id, digest, is_approved, text, key.public.key_id)
    signature = key.sign(PURPOSE, unsigned.statement(run_id))
    return Decision(request_id, digest, is_approved, text, key.public.key_id, signature)


def check_decision(
    decision: Decision, digest: str, asker: str, run_id: str, keyring: Keyring, by: tuple[str, ...] = ()
) -> Operator:
    """Return the operator who made a decision.

    Args:
        decision: As it arrived.
        digest: Hash of the request that the decision names.
        asker: Who asked for it.
        run_id: Run of the graph.
        keyring: Whose signatures count.
        by: Names of the operators whom the rule lets decide; empty for every one who may approve.

    Raises:
        ApprovalRefusedError: If it is about another content, or not signed by an operator who may approve it.
    """
    if decision.digest != digest:
        raise ApprovalRefusedError(
            ApprovalRefusal.WRONG_REQUEST, f"the decision is about another content; valid: hash {digest}"
        )
    operator = keyring.find(decision.key_id)
    if operator is None:
        raise ApprovalRefusedError(
            ApprovalRefusal.UNKNOWN_KEY,
            f"key '{printable(decision.key_id)}' is not in the keyring of this graph",
        )
    if Role.APPROVE not in operator.roles:
        raise ApprovalRefusedError(
            ApprovalRefusal.NO_ROLE, f"the key of {operator.source} may not decide; valid: role 'approve'"
        )
    if by and operator.key.name not in by:
        raise ApprovalRefusedError(
            ApprovalRefusal.NO_ROLE, f"{operator.source} may not decide about this; valid: {', '.join(by)}"
        )
    if operator.source == asker:
        raise ApprovalRefusedError(
            ApprovalRefusal.OWN_REQUEST, f"{operator.source} asked for this; valid: another operator decides"
        )
    if len(decision.text) > MAX_TEXT or not operator.key.is_signature(
        decision.signature, PURPOSE, decision.statement(run_id)
    ):
        raise ApprovalRefusedError(
            ApprovalRefusal.WRONG_SIGNATURE, f"the signature is not that of {operator.source} over this decision"
        )
    return operator
