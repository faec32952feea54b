"""Turns and steps of an agent <-> messages."""

from __future__ import annotations

import time

from strands_robots.action import PromptAgent
from strands_robots.agent.conversation.turn import Step, StepKind, TurnEnd
from strands_robots.agent.tools.tool_answer import clean
from strands_robots.msg import AgentEvent
from strands_robots.ros.messages.stamps import to_time

LONGEST_TEXT = 8192
LONGEST_ANSWER = 65536


def step_to_msg(turn_id: str, sequence: int, step: Step) -> AgentEvent:
    """Return a step as a message."""
    message = AgentEvent(
        turn=turn_id,
        sequence=sequence,
        kind=int(step.kind),
        name=clean(step.name, 128),
        text=fitting(step.text, LONGEST_TEXT),
        request_id=clean(step.request_id, 32),
        is_error=step.is_error,
    )
    message.header.stamp = to_time(time.time())
    return message


def step_from_msg(message: AgentEvent) -> Step | None:
    """Return the step in a message; None for a kind that is not known here."""
    if message.kind not in StepKind._value2member_map_:
        return None
    return Step(StepKind(message.kind), message.name, message.text, message.request_id, message.is_error)


def end_to_result(end: TurnEnd) -> PromptAgent.Result:
    """Return a turn's end as the result of its goal."""
    return PromptAgent.Result(
        success=end.is_answered,
        message=fitting(end.message, LONGEST_ANSWER),
        termination_reason=end.reason,
        tool_calls=end.tool_calls,
        input_tokens=end.input_tokens,
        output_tokens=end.output_tokens,
        elapsed=end.elapsed,
    )


def fitting(text: str, length: int) -> str:
    """Return a text of a model in at most so many bytes of UTF-8, any language, without what cannot be sent."""
    data = text.replace("\x00", " ").encode("utf-8", "replace")
    return text.replace("\x00", " ") if len(data) <= length else data[: length - 3].decode("utf-8", "ignore") + "..."
