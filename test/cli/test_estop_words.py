"""What is written after `strands-robots estop` is read so that nothing of it keeps a stop from being made."""

from __future__ import annotations

import pytest

from strands_robots.cli.estop_words import REASON, EstopWords, read_estop


def test_nothing_is_the_stop_of_the_domain() -> None:
    assert read_estop([]) == EstopWords(REASON, 5.0, None, False, ())


def test_options_are_taken_in_both_forms() -> None:
    words = read_estop(["--reason", "a hand", "--wait=2", "--namespace", "cell", "--all"])
    assert words == EstopWords("a hand", 2.0, "cell", True, ())


def test_plain_words_are_the_reason() -> None:
    assert read_estop(["it", "burns"]).reason == "it burns"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--reson", "x"], "--reson is no option"),
        (["--wait", "soon"], "--wait is 'soon'"),
        (["--wait", "100"], "9 s is used"),
        (["--wait", "nan"], "5 s is used"),
        (["--reason"], "--reason has no value"),
        (["--namespace", "--all"], "--namespace has no value"),
    ],
)
def test_word_that_cannot_be_used_is_complained_about_and_refuses_nothing(words: list[str], complaint: str) -> None:
    read = read_estop(words)
    assert complaint in " ".join(read.complaints)
    assert 0.5 <= read.wait <= 9.0


def test_arguments_say_the_same_again() -> None:
    words = EstopWords("--all of it", 2.0, "a", True)
    assert read_estop(words.arguments()) == words
