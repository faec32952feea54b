"""The keys of `record`: what a terminal sends, at once or in pieces, and what is asked for."""

from __future__ import annotations

import os
import pty
import sys
import time
from pathlib import Path

import pytest

from strands_robots.clients.record_wishes import SPLIT, KeyParser, Pause, Wish, Wishes
from strands_robots.live.record_keys import reading_keys


def pressed(text: str, gap: float = 0.0) -> list[Wish]:
    """Return what characters come to, with so much time between them."""
    parser, now, found = KeyParser(), 0.0, []
    for character in text:
        now += gap
        found.append(parser.press(character, now))
    found.append(parser.poll(now + 1.0))
    return [wish for wish in found if wish is not None]


@pytest.mark.parametrize("gap", [0.0, 0.05])
@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("\x1b[C", [Wish.NEXT]),
        ("\x1bOC", [Wish.NEXT]),
        ("\x1b[D", [Wish.AGAIN]),
        ("\x1b", [Wish.STOP]),
        ("\x1b\x1b", [Wish.STOP, Wish.STOP]),
        ("\x1b[A\x1b[B", []),
        ("\x1b[1;2C", [Wish.NEXT]),
        ("n", [Wish.NEXT]),
        ("R", [Wish.AGAIN]),
        ("q", [Wish.STOP]),
        ("\x1b[Dxn", [Wish.AGAIN, Wish.NEXT]),
        ("xyz \n", []),
    ],
)
def test_characters_of_a_terminal_are_wishes(text: str, wishes: list[Wish], gap: float) -> None:
    assert pressed(text, gap) == wishes


def test_escape_that_stays_alone_counts_before_what_comes_after() -> None:
    assert pressed("\x1bn", SPLIT * 2)[0] is Wish.STOP


def test_stop_stays_whatever_is_pressed_after_it_and_is_taken_once() -> None:
    wishes = Wishes()
    wishes.ask(Wish.STOP)
    wishes.ask(Wish.NEXT)
    assert wishes.pending is Wish.STOP and wishes.take() is Wish.STOP and wishes.take() is None


def test_keys_of_a_terminal_arrive_and_it_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    ours, theirs = pty.openpty()
    told: list[str] = []
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(theirs)
        wishes = Wishes()
        with reading_keys(wishes, told.append):
            os.write(ours, b"\x1b[D")
            end = time.monotonic() + 5.0
            while wishes.pending is None and time.monotonic() < end:
                time.sleep(0.001)
            assert wishes.take() is Wish.AGAIN
        assert termios.tcgetattr(theirs) == before and "right arrow" in told[0]
    os.close(ours)


def test_without_a_terminal_nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("n")
    with (tmp_path / "keys").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        told: list[str] = []
        with reading_keys(Wishes(), told.append):
            pass
        assert not told and stream.read() == "n"


def test_a_pause_counts_down_is_held_with_the_time_that_was_left_and_goes_on() -> None:
    clock = [10.0]
    pause = Pause(lambda: clock[0])
    assert pause.left is None and pause.is_over
    pause.begin(5.0)
    clock[0] += 2.0
    pause.toggle()
    clock[0] += 100.0
    assert pause.left == 3.0 and pause.is_held and not pause.is_over
    pause.toggle()
    clock[0] += 2.9
    assert not pause.is_over
    clock[0] += 0.2
    assert pause.left == 0.0 and pause.is_over
    pause.end()
    pause.toggle()
    assert not pause.is_over, "a pause that was held before it began stays held"
    pause.begin(0.0)
    clock[0] += 1.0
    assert not pause.is_over
    pause.end()
    assert pause.left is None and pause.is_over


def test_the_key_p_holds_the_pause_and_is_no_wish_of_an_episode() -> None:
    wishes = Wishes()
    wishes.press("p")
    assert wishes.pending is None and wishes.pause.is_held
    wishes.ask(Wish.PAUSE)
    assert not wishes.pause.is_held
