"""Answers for an agent, made of what the graph said."""

from __future__ import annotations

from typing import Any

from strands_robots.agent.tools.guard import Admission
from strands_robots.agent.tools.tool_answer import ToolAnswer, approval_answer, data_answer, error_answer
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.clients.agent_pictures import pictures_in
from strands_robots.clients.client import NoAnswerError
from strands_robots.control.latch_advice import latch_advice
from strands_robots.core.errors import MotionError, StrandsRobotsError
from strands_robots.ros.calls.service_verdict import says_done
from strands_robots.ros.messages.message_values import plain_values

LONGEST_LIST = 2000
"""Longest list of a message that is kept for a model, which is shown a part of it and reads the rest page by page."""


def response_answer(response: Any, name: str) -> ToolAnswer:
    """Return the answer of a service or a goal: its values, and its pictures as pictures."""
    pictures = tuple(pictures_in(response))
    values = plain_values(response, LONGEST_LIST)
    return data_answer(values, pictures, is_error=not says_done(response), name=name)


def not_admitted(admission: Admission) -> ToolAnswer:
    """Return what a model is told about a request that may not be made now."""
    if admission.kind == "approval_required":
        return approval_answer(admission.request_id, admission.message)
    return error_answer(admission.kind, admission.message)


def failure_answer(error: StrandsRobotsError) -> ToolAnswer:
    """Return what a model is told about an error."""
    if isinstance(error, NoAnswerError):
        return error_answer("no_answer", str(error))
    if isinstance(error, MotionError):
        return error_answer(error.reason, str(error))
    if isinstance(error, ApprovalRefusedError):
        return error_answer(error.refusal.value, str(error))
    return error_answer("invalid_arguments", str(error))


def joint_values(message: Any) -> dict[str, Any]:
    """Return the positions of a JointState by joint [rad] or [m]."""
    return {"joints": dict(zip(message.name, (float(value) for value in message.position)))}


def gate_values(message: Any) -> dict[str, Any]:
    """Return whether a robot is stopped, why, and what a person can do."""
    state = {"stopped": message.latched, "why_stopped": message.latch_reason, "at_rest": message.at_rest}
    return {**state, "what_to_do": latch_advice(message.latch_reason)} if message.latched else state
