"""What `strands-robots chat` shows of a turn, and that nothing of it can do something to the terminal."""

from __future__ import annotations

import io
import threading

from strands_robots.agent.conversation.chat_view import Printer, TurnLines, plain_say, printable, rich_say
from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.agent.tools.tool_answer import data_answer

STEPS = [
    Step(StepKind.BEGIN, "operator/anna", "pick it"),
    Step(StepKind.TEXT, text="I will "),
    Step(StepKind.TEXT, text="look."),
    Step(StepKind.TOOL_CALL, "look", '{"camera": "so101/wrist"}'),
    Step(StepKind.TOOL_RESULT, "look", '{"data": 1}'),
    Step(StepKind.APPROVAL_WAITING, "move_to", '{"robot": "so101"}', "42"),
    Step(StepKind.APPROVAL_DECIDED, "move_to", "declined", "42", True),
    Step(StepKind.TOOL_RESULT, "move_to", '{"error": "declined"}', is_error=True),
    Step(StepKind.TEXT, text="It was declined."),
    Step(StepKind.END, "answered"),
]


def shown(own: str, steps: list[Step] = STEPS) -> tuple[str, str]:
    answers, rest = io.StringIO(), io.StringIO()
    lines = TurnLines(plain_say(answers, rest), lambda: own)
    for step in steps:
        lines.show("turn", step)
    return answers.getvalue(), rest.getvalue()


def test_answers_are_streamed_and_everything_else_is_beside_them() -> None:
    answers, rest = shown("turn")
    assert answers == "I will look.\nIt was declined.\n"
    assert '[tool] look {"camera": "so101/wrist"}\n  ok: {"data": 1}\n' in rest
    assert "strands-robots approvals approve 42" in rest
    assert "[approval 42] declined\n  failed: " in rest
    assert "pick it" not in rest, "who typed it knows"


def test_turn_of_somebody_else_or_of_an_event_says_who_asked() -> None:
    assert "[operator/anna] pick it" in shown("mine")[1]


def test_turn_of_an_event_does_not_stand_behind_the_persons_cursor() -> None:
    said: list[str] = []
    lines = TurnLines(lambda text, kind: said.append(text), lambda: "", "> ")
    for step in (
        Step(StepKind.BEGIN, "event/stopped", "why?\n{}"),
        Step(StepKind.TEXT, text="So."),
        Step(StepKind.END),
    ):
        lines.show("theirs", step)
    assert "".join(said) == "\n[event/stopped] why?\nSo.\n> "


def test_note_for_the_model_is_not_shown_to_people() -> None:
    text = data_answer({"x": 1}).text
    assert shown("turn", [Step(StepKind.TOOL_RESULT, "look", text)])[1] == '  ok: {"data":{"x":1}}\n'


def test_turn_that_failed_says_why() -> None:
    assert shown("turn", [Step(StepKind.END, "failed", "no server", is_error=True)])[1] == "[failed] no server\n"


def test_nothing_that_is_shown_can_move_the_cursor_or_hide_text() -> None:
    nasty = "a\x1b[2J\x07\r\u202eb\u200b\tc\nd\u00fc"
    assert printable(nasty) == "a[2Jb    c\nd\u00fc"
    assert printable("\u00fc", "ascii") == "\\xfc"


def test_terminal_gets_the_same_words_with_colours() -> None:
    from rich.console import Console

    file = io.StringIO()
    lines = TurnLines(
        rich_say(Console(file=file, force_terminal=True, width=40, color_system="standard")), lambda: "turn"
    )
    for step in STEPS:
        lines.show("turn", step)
    text = file.getvalue()
    assert "\x1b[" in text and "I will look.\n" in text
    assert '[tool] look {"camera": "so101/wrist"}' in text, "not wrapped, so that it can be copied"


def test_printer_shows_in_its_own_thread_and_says_when_a_turn_has_ended() -> None:
    held = threading.Event()

    class Held(TurnLines):
        def show(self, turn_id: str, step: Step) -> None:
            held.wait(5.0)

    printer = Printer(Held(lambda text, kind: None, lambda: ""))
    printer.put("a", Step(StepKind.END))
    assert not printer.wait_for_end("a", 0.05), "the terminal is held, the caller is not"
    held.set()
    assert printer.wait_for_end("a", 5.0)
    printer.close()
