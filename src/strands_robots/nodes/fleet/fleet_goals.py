"""Goals that operators tell over the fleet: filled in, permitted by approval_node's rules, sent, and owned by the operator's heartbeat."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from strands_robots.action import MoveTo, RunPolicy

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.guard import DeskAnswer
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.approvals.permits import Asker
from strands_robots.clients.agent_goals import AgentGoals, SentGoal
from strands_robots.clients.goal_check import GoalCheck
from strands_robots.clients.permit_client import PermitClient
from strands_robots.clients.spun_client import SpunClient
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.fleet.bodies import Result, Tell
from strands_robots.ros.messages.approval_messages import fields_of
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.message_values import fill_message

MOST = 4
"""Tells that wait or run at once; more are refused."""

PERMIT_POLL = 0.5
"""Between two questions whether a person has decided [s]."""

GOAL_POLL = 0.05
"""How soon a goal's end, or its owner's, is noticed [s]."""

_KINDS: dict[str, Any] = {"run_policy": RunPolicy, "move_to": MoveTo}
Say = Callable[[Result], None]


class _ToldError(StrandsRobotsError):
    """A tell ends here, with one word for why."""

    def __init__(self, refusal: str, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


@dataclass
class _Told:
    """A tell on its way. `is_over` ends it from outside: its operator is gone, or the node closes."""

    tell: Tell
    source: str
    say: Say
    is_over: threading.Event = field(default_factory=threading.Event)


class FleetGoals:
    """Takes tells; each has a thread of its own, so that none waits for another. May be used by several threads.

    A tell that a person has to approve waits for the decision; the permit is bound to exactly its goal. The goal carries
    beats of this node, so it also ends when the node does.

    Args:
        client: The way to the graph.
        session: This start of the fleet's node; permits are valid for it only.
    """

    def __init__(self, client: SpunClient, session: str) -> None:
        self._client, self._session = client, session
        self._goals, self._check = AgentGoals(client), GoalCheck(client)
        self._desk = PermitClient(client, Asker("fleet/nobody", session))
        self._lock = threading.Lock()
        self._told: list[_Told] = []

    def tell(self, tell: Tell, source: str, say: Say) -> None:
        """Begin a tell of an operator ("fleet/<name>") and say what becomes of it; returns at once."""
        told = _Told(tell, source, say)
        with self._lock:
            has_room = len(self._told) < MOST
            if has_room:
                self._told.append(told)
        if not has_room:
            text = f"{MOST} tells wait or run; valid: when one of them has ended"
            say(Result(request=tell.request, state="refused", refusal="too_many", message=text))
            return
        threading.Thread(target=self._run, args=(told,), name="fleet tell", daemon=True).start()

    def owner_is_gone(self, source: str) -> None:
        """End what an operator has told: goals are cancelled, and what waits for a person is not sent."""
        with self._lock:
            for told in self._told:
                if told.source == source:
                    told.is_over.set()

    def close(self) -> None:
        """End every tell, and cancel the goals that run."""
        with self._lock:
            for told in self._told:
                told.is_over.set()
        self._goals.cancel_all(0.3)

    def _run(self, told: _Told) -> None:
        request = told.tell.request
        try:
            told.say(self._done(told))
        except _ToldError as error:
            state = "refused" if error.refusal != "owner_gone" else "done"
            text = clip(str(error), 512)
            told.say(
                Result.model_validate({"request": request, "state": state, "refusal": error.refusal, "message": text})
            )
        except StrandsRobotsError as error:
            text = clip(str(error), 512)
            told.say(Result(request=request, state="refused", refusal="refused_by_graph", message=text))
        finally:
            with self._lock:
                self._told.remove(told)

    def _done(self, told: _Told) -> Result:
        kind = _KINDS[told.tell.action]
        endpoint = Endpoint(
            f"{self._client.node.get_namespace().strip('/')}/{told.tell.action}".strip("/"),
            f"strands_robots/action/{kind.__name__}",
        )
        goal = self._filled(kind, told)
        self._permit(told, endpoint, goal)
        if told.is_over.is_set():
            raise _ToldError("owner_gone", "the operator was not heard any more; the goal was not sent")
        sent = self._goals.send(endpoint, kind, goal)
        told.say(Result(request=told.tell.request, state="running", message="the goal runs"))
        return self._end(told, sent)

    def _filled(self, kind: Any, told: _Told) -> Any:
        """Return the goal. Who asks is filled in here, of the lowest class: a tell takes a robot from nothing else."""
        try:
            fields = json.loads(told.tell.fields)
        except (ValueError, RecursionError) as error:
            raise _ToldError("malformed", f"the fields are no JSON: {error}") from error
        if not isinstance(fields, dict) or "source" in fields:
            raise _ToldError("malformed", "the fields are no object, or name 'source', which is filled in here")
        goal = kind.Goal()
        if hasattr(goal, "source"):
            fields["source"] = f"agent/{told.source.replace('/', '_')}"
        try:
            return fill_message(goal, fields)
        except StrandsRobotsError as error:
            raise _ToldError("malformed", str(error)) from error

    def _permit(self, told: _Told, endpoint: Endpoint, goal: Any) -> None:
        """Return once exactly this goal may be sent."""
        try:
            request = canonical_request(endpoint.name, endpoint.kind, fields_of(goal))
        except ApprovalRefusedError as error:
            raise _ToldError(error.refusal.value, str(error)) from error
        desk = self._desk.for_asker(Asker(told.source, self._session))
        if not desk.is_there():
            raise _ToldError(
                "nobody_decides", "approval_node is not on the graph; valid: a graph started with --approvals"
            )
        self._check.check(endpoint.kind, goal)
        answer = desk.ask(request)
        if answer.state == "granted" and told.tell.needs_person:
            raise _ToldError("needs_person", "a person has to approve it, and this graph's policy asks none")
        if answer.state == "waiting":
            answer = self._decided(told, desk, request, answer)
        if answer.state != "granted":
            raise _ToldError(clip(answer.refusal or "refused", 32), answer.message)

    def _decided(self, told: _Told, desk: PermitClient, request: CanonicalRequest, asked: DeskAnswer) -> DeskAnswer:
        text = f"request {asked.request_id} waits for a person at the robot's graph"
        told.say(Result(request=told.tell.request, state="waiting", message=text))
        while True:
            if told.is_over.wait(PERMIT_POLL):
                raise _ToldError("owner_gone", "the operator was not heard any more; the goal was not sent")
            answer = desk.use(asked.permit_id, request)
            if answer.state == "granted" or answer.refusal not in ("pending", "no_answer"):
                break
        return answer

    def _end(self, told: _Told, sent: SentGoal) -> Result:
        is_cancelled = False
        while not sent.ended.wait(GOAL_POLL):
            if told.is_over.is_set() and not is_cancelled:
                is_cancelled = True
                self._goals.abandon(sent)
        result = sent.result
        words = f"{getattr(result, 'termination_reason', sent.state)}: {getattr(result, 'message', '')}"
        return Result(
            request=told.tell.request,
            state="done",
            refusal="owner_gone" if is_cancelled else "",
            message=clip(words, 512),
            success=sent.state == "succeeded" and bool(getattr(result, "success", False)),
        )
