"""Sections of a step are measured one by one, and summed up with percentiles."""

from __future__ import annotations

import pytest

from strands_robots.learning.profiling.sections import SectionTimes, statistics_of


def test_statistics_have_the_95th_percentile_between_samples() -> None:
    found = statistics_of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.count, found.mean, found.median, found.low, found.high) == (5, 3.0, 3.0, 1.0, 5.0)
    assert found.p95 == pytest.approx(4.8)


def test_statistics_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no times"):
        statistics_of([])


def test_what_raises_is_not_counted_and_memory_is_noted_after_each_section() -> None:
    memory = iter((10, 30, 20))
    waits: list[str] = []
    times = SectionTimes(lambda: waits.append("wait"), lambda: next(memory))
    for name in ("forward", "backward", "forward"):
        with times.section(name):
            pass
    with pytest.raises(KeyError), times.section("forward"):
        raise KeyError("a mistake of ours")
    assert {name: entry.count for name, entry in times.statistics().items()} == {"forward": 2, "backward": 1}
    assert [(name, amount) for _, name, amount in times.timeline] == [
        ("forward", 10),
        ("backward", 30),
        ("forward", 20),
    ]
    assert len(waits) == 7, "the accelerator is waited for at both ends"
