"""Streams: the newest sample at an instant, and what became of every one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strands_robots.recording.stream import SECOND, Stream

MS = SECOND // 1000


def filled(stamps: list[int], max_age: int = 100 * MS) -> Stream:
    stream = Stream("topic", max_age)
    stream.begin()
    for number, stamp in enumerate(stamps, start=1):
        stream.push(stamp * MS, stamp, number)
    return stream


def test_sample_after_the_instant_is_never_used() -> None:
    stream = filled([0, 10, 20, 30])
    sample, is_stale = stream.take(29 * MS)
    assert sample is not None and sample.payload == 20 and not is_stale


def test_sample_at_the_instant_is_used() -> None:
    sample, _ = filled([0, 10, 20]).take(20 * MS)
    assert sample is not None and sample.payload == 20


def test_same_sample_in_two_frames_is_repeated_and_an_old_one_stale() -> None:
    stream = filled([0, 10])
    stream.take(10 * MS)
    _, is_stale = stream.take(111 * MS)
    assert is_stale
    assert (stream.count.used, stream.count.repeated, stream.count.stale) == (1, 1, 1)


def test_missing_number_is_lost_and_a_missing_interval_a_gap() -> None:
    stream = filled([0, 10, 20, 30])
    stream.push(60 * MS, 60, 7)
    assert (stream.count.lost, stream.count.gaps) == (2, 2)


def test_publisher_that_starts_again_loses_nothing() -> None:
    stream = filled([0, 10])
    stream.push(20 * MS, 20, 1)
    assert stream.count.lost == 0


def test_sample_for_a_frame_that_was_made_is_late() -> None:
    stream = filled([0, 10])
    stream.take(50 * MS)
    stream.push(40 * MS, 40, 3)
    assert stream.count.late == 1
    sample, _ = stream.take(60 * MS)
    assert sample is not None and sample.payload == 10


def test_stamp_before_the_newest_means_that_time_went_back() -> None:
    stream = filled([1000, 1010])
    stream.push(0, 0, 3)
    assert stream.went_back
    sample, _ = stream.take(5 * MS)
    assert sample is not None and sample.payload == 0


def test_publisher_without_numbers_has_no_losses_only_gaps() -> None:
    stream = Stream("topic", SECOND)
    stream.begin()
    for stamp in (0, 10, 20, 30, 50):
        stream.push(stamp * MS, stamp, 0)
    assert (stream.count.lost, stream.count.gaps) == (0, 1)


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=60, unique=True),
    st.lists(st.integers(0, 1200), min_size=1, max_size=40),
)
def test_frames_hold_the_newest_sample_not_after_them(stamps: list[int], instants: list[int]) -> None:
    stream = filled(sorted(stamps), max_age=50 * MS)
    frames = 0
    for at in sorted(instants):
        sample, is_stale = stream.take(at * MS)
        expected = max((stamp for stamp in stamps if stamp <= at), default=None)
        assert (None if sample is None else sample.payload) == expected
        frames += sample is not None
        assert is_stale == (expected is None or at - expected > 50)
    assert stream.count.used + stream.count.repeated == frames
