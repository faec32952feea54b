"""Resume as a client: ask for a challenge, sign it, send it back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.clients.client import GraphClient
from strands_robots.operators.operator_key import OperatorKey
from strands_robots.safety.resume import PURPOSE, ResumeRefusal, ResumeRequest
from strands_robots.srv import GetResumeChallenge, ResumeGraph

FIND_TIME = 8.0
"""How long a service is looked for [s]; Fast DDS may take 3 s to find it, more on a busy machine."""


@dataclass(frozen=True)
class ResumeReport:
    """What a resume achieved.

    Attributes:
        is_armed: The robots are armed.
        stop_id: The stop that was meant.
        arm_epoch: The new epoch.
        message: safety_node's words.
        refusal: Name of the reason why not; empty when armed.
    """

    is_armed: bool
    stop_id: int
    arm_epoch: int
    message: str
    refusal: str = ""

    @property
    def is_waiting_for_second(self) -> bool:
        """True when another operator has to sign as well."""
        return self.refusal == ResumeRefusal.SECOND_OPERATOR_MISSING.value


def resume_graph(
    client: GraphClient, source: str, reason: str, stop_id: int | None, get_key: Callable[[], OperatorKey]
) -> ResumeReport:
    """Clear a stop and return what safety_node said.

    Args:
        client: Client of the graph.
        source: Who asks, where nothing is signed; else the operator of the key.
        reason: Why it is safe.
        stop_id: The stop that is meant; None takes the latched one.
        get_key: Called for the operator's key when safety_node asks for a signature.

    Raises:
        NoAnswerError: If safety_node is not there.
    """
    question = GetResumeChallenge.Request(source=source)
    given = client.call(GetResumeChallenge, "safety/resume_challenge", question, timeout=5.0, find_timeout=FIND_TIME)
    request = ResumeRequest(source, reason, given.stop_id if stop_id is None else stop_id)
    if given.signature_needed:
        request = sign_resume(request, given.challenge, given.run_id, given.session, get_key())
    response = client.call(ResumeGraph, "safety/resume", resume_to_msg(request), timeout=5.0, find_timeout=FIND_TIME)
    return ResumeReport(response.success, request.stop_id, response.arm_epoch, response.message, response.refusal)


def sign_resume(request: ResumeRequest, challenge: str, run_id: str, session: str, key: OperatorKey) -> ResumeRequest:
    """Return the request with the challenge of safety_node, signed by the operator, who becomes its source."""
    named = dataclasses.replace(
        request, source=f"operator/{key.name}", challenge=challenge, key_id=key.public.key_id, signature=b""
    )
    return dataclasses.replace(named, signature=key.sign(PURPOSE, named.statement(run_id, session)))


def resume_to_msg(request: ResumeRequest) -> ResumeGraph.Request:
    """Return the request as a message."""
    return ResumeGraph.Request(
        source=request.source,
        reason=request.reason,
        stop_id=request.stop_id,
        challenge=request.challenge,
        key_id=request.key_id,
        signature=list(request.signature),
    )
