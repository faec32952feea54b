"""Turns of an agent with a scripted model: one at a time, cancelled, decided by people, kept in files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("strands", reason="strands-agents is not installed")

from graph import wait_for

from strands_robots.agent.conversation.agent_config import AgentConfig
from strands_robots.agent.conversation.conversations import Conversations, check_session, drop_pictures
from strands_robots.agent.conversation.turn import Step, StepKind, Turn, TurnEnd
from strands_robots.agent.conversation.turns import TurnRunner
from strands_robots.agent.tools.endpoint import Tool
from strands_robots.agent.tools.tool_answer import Picture, ToolAnswer, approval_answer, data_answer
from strands_robots.core.errors import ConfigurationError

from .scripted_agent import ScriptedAgent

ANY = {"type": "object"}


class FakeTools:
    """Tools of which one waits for a goal, one for a person, and one has a picture."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.goal_ended = threading.Event()
        self.is_moving = threading.Event()
        self.approved: set[str] = set()
        self.asks = 0

    def refresh(self) -> None:
        pass

    def shown(self) -> list[Tool]:
        names = ("move_to", "start_set_gripper", "look", "describe_robot")
        return [Tool(name, name, ANY, lambda given: data_answer({})) for name in names]

    def run(self, name: str, arguments: Any) -> ToolAnswer:
        self.calls.append((name, arguments))
        if name == "move_to":
            self.is_moving.set()
            self.goal_ended.wait(20.0)
            return data_answer({"state": "cancelled"}, is_error=True)
        if name == "start_set_gripper" and "7" not in self.approved:
            self.asks += 1
            return approval_answer("7", "a person decides")
        if name == "look":
            return data_answer({"width": 1}, (Picture(b"jpeg", "jpeg"),))
        return data_answer({"ok": True})

    def cancel_goals(self) -> int:
        self.goal_ended.set()
        return 0


class Bench:
    """A runner with everything that it tells."""

    def __init__(self, folder: Path, tools: Any = None, **config: Any) -> None:
        self.tools = tools or FakeTools()
        self.decisions: dict[str, str] = {}
        self.steps: list[tuple[str, Step]] = []
        settings = AgentConfig.model_validate({"version": 1, **config})
        conversations = Conversations(settings, ScriptedAgent(), self.tools, folder)
        self.runner = TurnRunner(
            conversations, self.tools, lambda number: self.decisions.get(number, ""), settings.limits,
            lambda turn, step: self.steps.append((turn.source, step)),
        )  # fmt: skip

    def begin(self, prompt: str, session: str = "main", source: str = "operator/anna", take_over: bool = False) -> Any:
        turn, ends = Turn(prompt, source, session), list[TurnEnd]()
        busy = self.runner.begin(turn, ends.append, take_over)
        return turn, ends, busy

    def ask(self, prompt: str, session: str = "main") -> TurnEnd:
        _, ends, busy = self.begin(prompt, session)
        assert not busy
        return wait_for(lambda: ends, 20.0, "the end of the turn")[0]

    def kinds(self) -> list[StepKind]:
        return [step.kind for _, step in self.steps]

    def has(self, kind: StepKind) -> Callable[[], bool]:
        return lambda: kind in self.kinds()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def bench(**config: Any) -> Bench:
        made.append(Bench(tmp_path / "talks", **config))
        return made[-1]

    yield bench
    for entry in made:
        entry.runner.close()


def test_turn_tells_its_steps_in_order_and_ends_with_the_answer(make: Callable[..., Bench]) -> None:
    bench = make()
    end = bench.ask("look")
    assert (end.reason, end.message, end.tool_calls, end.input_tokens) == ("answered", "done.", 1, 14)
    kinds = [kind for kind in bench.kinds() if kind is not StepKind.TEXT]
    assert kinds == [StepKind.BEGIN, StepKind.TOOL_CALL, StepKind.TOOL_RESULT, StepKind.END]
    said = "".join(step.text for _, step in bench.steps if step.kind is StepKind.TEXT)
    assert said == "Step 1: look. done."
    call = next(step for _, step in bench.steps if step.kind is StepKind.TOOL_CALL)
    assert (call.name, call.text) == ("look", '{"camera": "so101/wrist", "width": 96}')


def test_second_prompt_is_refused_and_names_the_first(make: Callable[..., Bench]) -> None:
    bench = make()
    _, ends, _ = bench.begin("slow")
    assert bench.tools.is_moving.wait(10.0)
    _, _, busy = bench.begin("look", source="operator/ben")
    assert "'operator/anna'" in busy and "'slow'" in busy
    bench.tools.goal_ended.set()
    assert wait_for(lambda: ends, 10.0)


def test_take_over_cancels_the_first_turn_and_its_goals_then_begins(make: Callable[..., Bench]) -> None:
    bench = make()
    _, first, _ = bench.begin("slow")
    assert bench.tools.is_moving.wait(10.0)
    _, second, busy = bench.begin("hello", source="operator/ben", take_over=True)
    assert not busy
    assert wait_for(lambda: second, 10.0)[0].is_answered
    assert (first[0].reason, first[0].message) == ("cancelled", "operator/ben takes over")


def test_cancelled_turn_cancels_its_goals_and_the_conversation_knows_how_they_ended(make: Callable[..., Bench]) -> None:
    bench = make()
    turn, ends, _ = bench.begin("slow")
    assert bench.tools.is_moving.wait(10.0)
    assert bench.runner.cancel(turn.turn_id, "by the person")
    assert wait_for(lambda: ends, 10.0)[0].reason == "cancelled"
    assert bench.tools.goal_ended.is_set()
    assert not bench.runner.cancel(turn.turn_id, "again"), "it is over"
    assert bench.ask("hello").is_answered
    with bench.runner._conversations.opened("main", []) as agent:
        texts = [part["text"] for message in agent.messages for block in message["content"]
                 for part in block.get("toolResult", {}).get("content", []) if "text" in part]  # fmt: skip
    assert any("cancelled" in text for text in texts)


def test_model_that_speaks_is_cancelled_amid_its_sentence(make: Callable[..., Bench]) -> None:
    bench = make()
    turn, ends, _ = bench.begin("write")
    wait_for(bench.has(StepKind.TEXT), 10.0)
    bench.runner.cancel(turn.turn_id, "enough")
    assert wait_for(lambda: ends, 5.0)[0].reason == "cancelled"


def test_model_that_hangs_is_left_and_the_next_turn_works(make: Callable[..., Bench]) -> None:
    bench = make()
    turn, ends, _ = bench.begin("hang")
    wait_for(bench.has(StepKind.BEGIN), 10.0)
    bench.runner.cancel(turn.turn_id, "no answer")
    assert wait_for(lambda: ends, 10.0)[0].reason == "cancelled"
    assert bench.ask("hello").is_answered


def test_model_that_fails_ends_the_turn_in_words_and_not_the_agent(make: Callable[..., Bench]) -> None:
    bench = make()
    end = bench.ask("fail")
    assert (end.reason, end.message) == ("failed", "ConnectionError: the server of the model is not there")
    assert bench.steps[-1][1].is_error
    assert bench.ask("hello").is_answered


def test_turn_that_takes_too_many_steps_or_too_long_ends(make: Callable[..., Bench]) -> None:
    end = make(limits={"steps": 5}).ask("many", "steps")
    assert (end.reason, end.tool_calls) == ("limit", 5)
    end = make(limits={"time": 0.5}).ask("slow", "time")
    assert end.reason == "limit" and "longer than 0.5 s" in end.message


def test_call_waits_for_a_person_and_goes_on_when_approved(make: Callable[..., Bench]) -> None:
    bench = make()
    _, ends, _ = bench.begin("grip")
    wait_for(bench.has(StepKind.APPROVAL_WAITING), 10.0)
    bench.decisions["7"] = "pending"
    assert not ends
    bench.tools.approved.add("7")
    bench.decisions["7"] = "approved"
    assert wait_for(lambda: ends, 10.0)[0].message == "done."
    waiting, decided = (step for _, step in bench.steps if step.kind in (5, 6))
    assert (waiting.name, waiting.request_id) == ("start_set_gripper", "7")
    assert (decided.text, decided.is_error) == ("approved", False)
    assert bench.kinds().count(StepKind.TOOL_CALL) == 1, "one call, though its tool ran twice"


def test_call_that_waits_is_cancelled_and_the_next_turn_does_not_make_it(make: Callable[..., Bench]) -> None:
    bench = make()
    turn, ends, _ = bench.begin("grip")
    wait_for(bench.has(StepKind.APPROVAL_WAITING), 10.0)
    bench.runner.cancel(turn.turn_id, "never mind")
    assert wait_for(lambda: ends, 10.0)[0].reason == "cancelled"
    asks, bench.tools.approved = bench.tools.asks, {"7"}
    assert bench.ask("hello").message == "done."
    assert bench.tools.asks == asks and [name for name, _ in bench.tools.calls].count("start_set_gripper") == asks


def test_nobody_decides_in_time_and_the_model_is_told(make: Callable[..., Bench]) -> None:
    bench = make(limits={"approval_wait": 0.2})
    assert "approval_required" in bench.ask("grip").message


def test_turn_that_waited_for_a_person_goes_on_in_the_next_process(make: Callable[..., Bench]) -> None:
    first = make()
    first.begin("grip")
    wait_for(first.has(StepKind.APPROVAL_WAITING), 10.0)
    first.runner.close()
    second = make()
    assert second.ask("", "other").reason == "refused", "nothing waits there"
    second.tools.approved.add("7")
    end = second.ask("")
    assert (end.reason, end.message) == ("answered", "done.")
    assert [name for name, _ in second.tools.calls] == ["start_set_gripper"]


def test_new_prompt_after_a_restart_gives_up_what_waited(make: Callable[..., Bench]) -> None:
    first = make()
    first.begin("grip")
    wait_for(first.has(StepKind.APPROVAL_WAITING), 10.0)
    first.runner.close()
    second = make()
    second.tools.approved.add("7")
    assert second.ask("hello").message == "done."
    assert second.tools.calls == []


def test_conversation_is_resumed_by_another_process_and_others_are_separate(make: Callable[..., Bench]) -> None:
    first = make()
    first.ask("hello one")
    first.runner.close()
    second = make()
    assert second.ask("recall").message == "0: hello one; 1: recall; "
    assert second.ask("recall", "other").message == "0: recall; "


def test_conversation_of_another_process_is_refused(make: Callable[..., Bench]) -> None:
    first, second = make(), make()
    _, ends, _ = first.begin("slow")
    assert first.tools.is_moving.wait(10.0)
    end = second.ask("hello")
    assert end.reason == "refused" and "in use by another process" in end.message
    first.tools.goal_ended.set()
    assert wait_for(lambda: ends, 10.0)


@pytest.mark.parametrize("keep", ["window", "summary"])
def test_context_stays_small(make: Callable[..., Bench], keep: str) -> None:
    bench = make(conversation={"keep": keep, "messages": 8})
    for number in range(12):
        assert bench.ask(f"hello {number}").is_answered
    with bench.runner._conversations.opened("main", []) as agent:
        assert len(agent.messages) <= 10
        assert agent.messages[0]["role"] == "user"
    if keep == "window":
        assert "hello 0;" not in bench.ask("recall").message


def test_only_the_last_pictures_are_shown_to_the_model_also_after_a_restart(make: Callable[..., Bench]) -> None:
    first = make(conversation={"pictures": 1})
    for _ in range(3):
        first.ask("look")
    assert first.ask("pictures").message == "1 pictures"
    first.runner.close()
    assert make(conversation={"pictures": 1}).ask("pictures").message == "1 pictures"


def test_words_stand_in_the_place_of_an_old_picture() -> None:
    parts = [{"image": {}}, {"text": "x"}, {"image": {}}]
    messages = [{"role": "user", "content": [{"toolResult": {"content": parts}}]}]
    assert drop_pictures(messages, 1) == 1
    assert [next(iter(part)) for part in parts] == ["text", "text", "image"]


@pytest.mark.parametrize("name", ["../x", "a b", "x" * 65, "caf\u00e9"])
def test_conversation_with_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits"):
        check_session(name)
