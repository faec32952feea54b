"""A person's side of a conversation: what is shown, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from strands_robots.agent.conversation.turn import Step, StepKind, TurnEnd
from strands_robots.cli.chat import Chat
from strands_robots.core.errors import ConfigurationError

ANSWERED = TurnEnd("answered", "It is there.", 3, 100, 20, 1.5)


class FakeAgent:
    """A client whose turn has given steps and ends in a given way; `ends` are what each look at it finds."""

    def __init__(self, steps: list[Step], ends: list[Any], is_there: bool = True) -> None:
        self._steps, self._ends, self._is_there = steps, ends, is_there
        self.cancelled = 0
        self.put: Callable[[str, Step], None] = lambda turn_id, step: None

    def send(self, prompt: str, source: str, session: str, take_over: bool, turn_id: str) -> Any:
        self.sent = (prompt, session, take_over)
        for step in self._steps:
            self.put(turn_id, step)
        return SimpleNamespace()

    def end(self, goal: Any, timeout: float) -> TurnEnd | None:
        end = self._ends.pop(0)
        if isinstance(end, BaseException):
            raise end
        return end

    def is_there(self) -> bool:
        return self._is_there

    def cancel(self, goal: Any) -> None:
        self.cancelled += 1

    def close(self) -> None:
        pass


def talk(agent: FakeAgent, prompt: str = "where is it?", take_over: bool = False) -> tuple[int, str]:
    shown: list[str] = []

    def client(put: Any) -> Any:
        agent.put = put
        return agent

    chat = Chat(client, lambda text, kind: shown.append(text), "main", take_over)
    try:
        code = chat.ask(prompt)
    finally:
        chat.close()
    return code, "".join(shown)


def test_answer_is_streamed_once_with_what_it_took() -> None:
    agent = FakeAgent(
        [Step(StepKind.TEXT, text="It is "), Step(StepKind.TEXT, text="there."), Step(StepKind.END)], [None, ANSWERED]
    )
    assert talk(agent, take_over=True) == (0, "It is there.\n(1.5 s, 3 tool calls, 100 + 20 tokens)\n")
    assert agent.sent == ("where is it?", "main", True)


def test_busy_agent_is_told_and_is_no_success() -> None:
    end = TurnEnd("busy", "a turn of 'operator/ben' runs")
    assert talk(FakeAgent([], [end])) == (1, "[busy] a turn of 'operator/ben' runs\n(0.0 s, 0 tool calls)\n")


def test_answer_whose_steps_were_lost_is_shown_from_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.cli.chat.END_SHOWN", 0.05)
    code, text = talk(FakeAgent([], [ANSWERED]))
    assert code == 0 and text.startswith("It is there.\n")


def test_ctrl_c_cancels_the_turn_and_waits_for_its_end() -> None:
    ended = Step(StepKind.END, "cancelled", "cancelled by whoever asked", is_error=True)
    agent = FakeAgent([ended], [None, KeyboardInterrupt(), TurnEnd("cancelled", "cancelled by whoever asked")])
    code, text = talk(agent)
    assert (code, agent.cancelled) == (130, 1)
    assert "[cancelled] cancelled by whoever asked\n" in text


def test_agent_that_is_gone_is_no_wait_without_end() -> None:
    with pytest.raises(ConfigurationError, match="agent_node is gone"):
        talk(FakeAgent([], [None], is_there=False))


def test_agent_that_does_not_confirm_is_told_with_the_way_to_stop() -> None:
    with pytest.raises(ConfigurationError, match="strands-robots estop stops"):
        talk(FakeAgent([], [KeyboardInterrupt(), None]))
