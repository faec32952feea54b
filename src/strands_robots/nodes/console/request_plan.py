"""The way that a request of an agent would take, before a person decides about it: planned now, or the very plan that it names."""

from __future__ import annotations

import json
from typing import Any

from strands_robots.action import PlanMotion

from strands_robots.approvals.approval_request import CanonicalRequest
from strands_robots.clients.approval_client import find_request, read_state
from strands_robots.clients.client import GraphClient
from strands_robots.clients.plan_client import get_plan, plan_goal
from strands_robots.console.orders import PlanRequest
from strands_robots.console.port import Answer
from strands_robots.core.errors import ConfigurationError
from strands_robots.planning.planner import DEFAULT_PLANNER
from strands_robots.ros.messages.message_values import fill_message

KINDS = ("strands_robots/action/MoveTo", "strands_robots/action/PlanMotion")
"""Requests whose fields say where to; PlanMotion's are MoveTo's."""

EXECUTE = "strands_robots/action/ExecutePlan"
"""A request to play a plan that motion_node keeps."""

_NOT_PLANNED = ("source", "lockstep")


def planned_request(client: GraphClient, order: PlanRequest, source: str) -> Answer:
    """Plan what a request asks for, from where the robot is now; or read the plan that it asks to play.

    Raises:
        ConfigurationError: If it does not wait any more, is another one than the page showed, or says no target.
        NoAnswerError: If approval_node or motion_node is not there.
    """
    request = find_request(read_state(client), order.request_id)[1]
    if request.digest != order.digest:
        raise ConfigurationError("the request is not the one that the page showed; valid: read it again, then decide")
    if request.kind == EXECUTE:
        return _kept(client, json.loads(request.fields))
    goal, is_scene = _goal(request, source)
    answer = plan_answer(plan_goal(client, goal))
    if is_scene or not answer.is_done:
        return answer
    words = (
        f"{answer.message}. The request names no planner: move_to itself takes the short way of the joints, looks at the robot and its "
        "ground only, and is refused where it would touch them"
    )
    return Answer(True, words, answer.details)


def plan_answer(result: Any) -> Answer:
    """Return what a page shows of PlanMotion's result."""
    if not result.success:
        return Answer(False, f"{result.termination_reason}: {result.message}")
    return _shown(result.plan, result.message)


def _kept(client: GraphClient, fields: dict[str, Any]) -> Answer:
    answer = get_plan(client, str(fields.get("robot", "")), str(fields.get("digest", "")))
    if not answer.success:
        return Answer(False, f"{answer.message}. It would be refused")
    named, moved = [str(fields.get("robot", "")), *map(str, fields.get("others", []))], _robots(answer.plan)
    if named != moved:
        return Answer(
            False, f"the request names {', '.join(named)}, and the plan moves {', '.join(moved)}. It would be refused"
        )
    return _shown(answer.plan, f"{answer.message}. This is the plan itself: nothing else is played")


def _shown(plan: Any, message: str) -> Answer:
    """Return a plan for a page: its robots, its rows [rad] or [m], their times [s], and its digest.

    Joints of a plan for several robots are named "<robot>/<joint>".
    """
    names = list(plan.joint_names)
    values = list(plan.way_points)
    rows = [values[i : i + len(names)] for i in range(0, len(values), len(names))]
    details = {
        "digest": plan.digest,
        "robots": _robots(plan),
        "names": names,
        "rows": rows,
        "times": list(plan.times),
        "duration": plan.duration,
    }
    return Answer(True, f"{message}; {plan.duration:.1f} s with {plan.planner}", details)


def _robots(plan: Any) -> list[str]:
    """Return the names of all robots that a plan moves, the first first."""
    return list(plan.robots) or [plan.robot]


def _goal(request: CanonicalRequest, source: str) -> tuple[Any, bool]:
    """Return the goal of PlanMotion, and whether the request itself is planned through the scene."""
    if request.kind not in KINDS:
        valid = ", ".join((*KINDS, EXECUTE))
        raise ConfigurationError(f"a request of {request.kind} says no target to plan to; valid: {valid}")
    fields = {name: value for name, value in json.loads(request.fields).items() if name not in _NOT_PLANNED}
    goal = fill_message(PlanMotion.Goal(), fields)
    goal.source = source
    is_scene = bool(goal.planning.planner)
    goal.planning.planner = goal.planning.planner or DEFAULT_PLANNER
    return goal, is_scene
