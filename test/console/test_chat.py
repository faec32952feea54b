"""What the console keeps of a conversation with an agent."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")

from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.console.chat import MOST_STEPS, Conversation

from .test_reads import served


def test_of_a_long_turn_the_newest_steps_are_kept_and_the_others_counted() -> None:
    conversation = Conversation()
    conversation.begin("helper", "Go on")
    for number in range(MOST_STEPS + 2):
        conversation.take(Step(StepKind.TOOL_CALL, f"tool {number}", "{}", "", False))
    conversation.take(Step(StepKind.APPROVAL_WAITING, "move_to", "{}", "r1", False))
    (turn,) = served(*conversation.routes()).get("/chat").json()["turns"]
    assert len(turn["steps"]) == MOST_STEPS and turn["left_out"] == 3
    assert turn["steps"][-1]["kind"] == "APPROVAL_WAITING", "a person must see what waits for a decision"


def test_pieces_of_one_text_become_one() -> None:
    conversation = Conversation()
    conversation.begin("helper", "Hello")
    for piece in ("Good ", "day"):
        conversation.take(Step(StepKind.TEXT, "", piece, "", False))
    conversation.end("answered", "")
    (turn,) = served(*conversation.routes()).get("/chat").json()["turns"]
    assert [step["text"] for step in turn["steps"]] == ["Good day"] and turn["is_over"]
