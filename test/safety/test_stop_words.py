"""The words of a stop: whatever was given, they are clipped and short, and nothing is refused."""

from __future__ import annotations

import pytest

from strands_robots.safety.stop_words import REASON_LENGTH, clipped, read_stop_words, stop_words


class Loud:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a hand", "a hand"),
        (None, ""),
        (5, "5"),
        ("tab\there\n", r"tab\there\n"),
        ("\ud800", r"\ud800"),
        ("Hände", r"H\xe4nde"),
        (b"bytes", "b'bytes'"),
        ({"why": "it burns"}, "{'why': 'it burns'}"),
    ],
)
def test_any_reason_becomes_printable(given: object, said: str) -> None:
    assert stop_words("operator/anna", given).reason == said


def test_megabyte_is_cut_and_says_so() -> None:
    reason = stop_words("operator/anna", "x" * 1_000_000).reason
    assert len(reason) == REASON_LENGTH and reason.endswith("...")


def test_object_whose_words_raise_has_words() -> None:
    assert "Loud" in clipped(Loud(), 100)


def test_deeply_nested_reason_has_words() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    assert stop_words("a", nested).reason


def test_words_survive_the_datagram() -> None:
    words = stop_words("operator/anna", 'a "hand"\u2028')
    assert read_stop_words(words.to_bytes()) == words


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b"null", b'{"source": 5, "reason": [1]}', b"[" * 100_000, b"{"]
)
def test_datagram_that_cannot_be_read_has_words(data: bytes) -> None:
    words = read_stop_words(data)
    assert words.source and words.source.isascii() and words.reason.isprintable()
