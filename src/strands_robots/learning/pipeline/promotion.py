"""Whether a person lets a pipeline promote, publish or overwrite: a rule of the approval policy, and a signed decision.

A request is bound to the hashes of what it is about. A person signs it with

    strands-robots approvals sign FOLDER/requests/<id>.json

which writes the decision beside it. Each decision is for one request of one pipeline, and is used once.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strands_robots.approvals.approval_policy import ApprovalPolicy, RequestClass, Ruling, rule_on
from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.decision import check_decision
from strands_robots.approvals.decision_file import FOLDER, RequestFile, read_decision, write_request
from strands_robots.core.errors import ConfigurationError
from strands_robots.learning.pipeline.journal import Journal, last
from strands_robots.learning.pipeline.stage import WaitingForPersonError
from strands_robots.operators.keyring import Keyring, Role

PROMOTE = ("pipeline/promote", "pipeline/action/Promote")
PUBLISH = ("pipeline/publish", "pipeline/action/Publish")
OVERWRITE = ("pipeline/overwrite", "pipeline/action/Overwrite")


@dataclass(frozen=True)
class Authority:
    """Whose word counts.

    Attributes:
        policy: What needs what.
        sha256: Hash of the policy's file.
        keyring: Whose decisions count.
    """

    policy: ApprovalPolicy
    sha256: str
    keyring: Keyring


def require_approval(
    authority: Authority,
    journal: Journal,
    folder: Path,
    what: tuple[str, str],
    fields: Mapping[str, Any],
    stage_key: str,
) -> dict[str, Any]:
    """Return the journal's record by which a request is allowed.

    Args:
        authority: Whose word counts.
        journal: The pipeline's journal.
        folder: Its folder.
        what: Name and type, as the rules know it.
        fields: What exactly is asked, with its hashes.
        stage_key: Key of the stage that asks; a decision that it has used stays used by it.

    Raises:
        ApprovalRefusedError: If it is forbidden, declined, or the decision does not count.
        WaitingForPersonError: If no person has decided yet.
        ConfigurationError: If there is no operator who could.
    """
    request = canonical_request(*what, fields)
    used = last(journal.records, kind="allowed", digest=request.digest, stage_key=stage_key)
    if used is not None:
        return used
    ruling = rule_on(authority.policy, request.name, request.kind)
    about = {"name": request.name, "digest": request.digest, "fields": dict(fields), "rule": ruling.words,
             "policy_sha256": authority.sha256, "stage_key": stage_key}  # fmt: skip
    if ruling.request_class is RequestClass.FORBIDDEN:
        raise ApprovalRefusedError(
            ApprovalRefusal.FORBIDDEN, f"'{request.name}' is forbidden: {ruling.words}; valid: another approval policy"
        )
    if ruling.request_class is not RequestClass.NEEDS_APPROVAL:
        return journal.append("allowed", **about, decided_by="")
    _require_decider(authority, request.name, ruling)
    asked = _asked(journal, folder, request, ruling, stage_key)
    return _decided(authority, journal, folder, request, ruling, asked, about)


def _require_decider(authority: Authority, name: str, ruling: Ruling) -> None:
    """Raise ConfigurationError when no operator's decision could count; such a request would wait for ever."""
    known = [one for one in authority.keyring.operators if Role.APPROVE in one.roles]
    if not [one for one in known if not ruling.by or one.key.name in ruling.by]:
        wanted = f"one of {', '.join(ruling.by)}" if ruling.by else "an operator"
        raise ConfigurationError(
            f"{name} needs a person's approval ({ruling.words}), and the keyring has none who may give it; valid: a keyring, as "
            f"approvals.keyring, with {wanted} in the role 'approve'"
        )


def _asked(journal: Journal, folder: Path, request: CanonicalRequest, ruling: Ruling, stage_key: str) -> dict[str, Any]:
    """Return the open request for this, made now where there is none."""
    found = last(journal.records, kind="asked", digest=request.digest, stage_key=stage_key)
    is_closed = found is not None and last(journal.records, kind="declined", request_id=found["request_id"]) is not None
    if found is None or is_closed or time.time() >= found["expires"]:
        found = journal.append(
            "asked", request_id=secrets.token_hex(8), digest=request.digest, name=request.name, stage_key=stage_key,
            expires=time.time() + ruling.permit_lifetime,
        )  # fmt: skip
    file = RequestFile(
        found["request_id"], request.name, request.kind, request.fields, f"pipeline/{journal.records[0]['name']}", journal.id,
        ruling.words, found["expires"],
    )  # fmt: skip
    write_request(folder / FOLDER, file)
    return found


def _decided(
    authority: Authority, journal: Journal, folder: Path, request: CanonicalRequest, ruling: Ruling, asked: Mapping[str, Any],
    about: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    path = folder / FOLDER / f"{asked['request_id']}.json"
    decision = read_decision(path)
    if decision is None:
        raise WaitingForPersonError(
            f"{request.name} waits for a person: strands-robots approvals sign {path}, then strands-robots pipeline resume {folder}"
        )
    if decision.request_id != asked["request_id"]:
        raise ApprovalRefusedError(
            ApprovalRefusal.WRONG_REQUEST, f"the decision beside {path} is about another request"
        )
    asker = f"pipeline/{journal.records[0]['name']}"
    operator = check_decision(decision, request.digest, asker, journal.id, authority.keyring, ruling.by)
    signed = {**asdict(decision), "signature": decision.signature.hex()}
    if not decision.is_approved:
        journal.append("declined", request_id=decision.request_id, digest=request.digest, decided_by=operator.source)
        raise ApprovalRefusedError(ApprovalRefusal.DECLINED, f"{request.name} was declined by {operator.source}")
    return journal.append("allowed", **about, decided_by=operator.source, decision=json.loads(json.dumps(signed)))
