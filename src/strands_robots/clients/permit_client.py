"""approval_node as the guard of an agent's requests sees it."""

from __future__ import annotations

import copy
import time

from strands_robots.agent.tools.guard import DeskAnswer
from strands_robots.approvals.approval_request import CanonicalRequest
from strands_robots.approvals.permits import Asker
from strands_robots.clients.approval_client import ask_to_msg, use_to_msg
from strands_robots.clients.client import NoAnswerError
from strands_robots.clients.spun_client import SpunClient, wait_until
from strands_robots.srv import ConsumePermit, RequestApproval

_STATES = {RequestApproval.Response.GRANTED: "granted", RequestApproval.Response.WAITING: "waiting"}
_TIMEOUT = 5.0

DISCOVERY_TIME = 5.0
"""When approval_node was not found for this long after the start, there is none [s]."""


class PermitClient:
    """Asks approval_node. No answer is a refusal, never a permission.

    Args:
        client: The way to the graph.
        asker: Who asks.
    """

    def __init__(self, client: SpunClient, asker: Asker) -> None:
        self._client = client
        self._asker = asker
        self._was_there = False
        self._discovered = time.monotonic() + DISCOVERY_TIME
        self._probe = client.client(RequestApproval, "approvals/request")

    def for_asker(self, asker: Asker) -> PermitClient:
        """Return the same for another asker; what is known of approval_node stays known."""
        made = copy.copy(self)
        made._asker = asker
        return made

    def is_there(self) -> bool:
        """Return whether approval_node is on the graph, or ever was: its death permits nothing.

        Discovery may take some seconds, so a young client waits for it.
        """
        left = self._discovered - time.monotonic()
        self._was_there = self._was_there or wait_until(self._probe.service_is_ready, left)
        return self._was_there

    def ask(self, request: CanonicalRequest) -> DeskAnswer:
        """Ask whether a request may be made."""
        try:
            answer = self._client.call(RequestApproval, "approvals/request", ask_to_msg(request, self._asker), _TIMEOUT)
        except NoAnswerError as error:
            return DeskAnswer("refused", str(error), "no_answer")
        state = _STATES.get(answer.answer, "refused")
        return DeskAnswer(state, answer.message, answer.refusal, answer.request_id, answer.permit_id)

    def use(self, permit_id: str, request: CanonicalRequest) -> DeskAnswer:
        """Use a permit for a request."""
        try:
            answer = self._client.call(
                ConsumePermit, "approvals/consume", use_to_msg(permit_id, request, self._asker), _TIMEOUT
            )
        except NoAnswerError as error:
            return DeskAnswer("refused", str(error), "no_answer")
        return DeskAnswer("granted" if answer.success else "refused", answer.message, answer.refusal)
