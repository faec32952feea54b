"""The tally: the first of a kind are told, a flood is counted."""

from __future__ import annotations

from strands_robots.control.tally import Tally


def test_flood_is_counted_for_each_kind() -> None:
    tally = Tally(most=2)
    assert [tally.is_told("replayed") for _ in range(5)] == [True, True, False, False, False]
    assert tally.is_told("expired")
    assert tally.take() == {"replayed": 3}
    assert tally.take() == {}
    assert tally.is_told("replayed")
