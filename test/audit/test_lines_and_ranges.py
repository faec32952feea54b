"""Splitting a file into lines in bounded memory, and ranges of missing records."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strands_robots.audit.log.lines import LogLine, read_lines, read_lines_backwards
from strands_robots.audit.log.ranges import Ranges
from strands_robots.audit.log.record import MAX_LINE

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"", b"\n\n"])), st.integers(1, 5))
def test_lines_do_not_depend_on_how_the_file_comes(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    lines = list(read_lines(pieces))
    assert b"".join(line.data + b"\n" * line.has_newline for line in lines) == data
    assert all(data[line.offset :].startswith(line.data) for line in lines)
    assert [line.is_complete for line in lines] == [line.has_newline for line in lines]


def test_too_long_line_is_cut_and_the_next_is_whole() -> None:
    pieces = [b"x" * 50_000] * 10 + [b"x\nnext\n"]
    lines = list(read_lines(pieces))
    assert [(line.is_complete, line.has_newline) for line in lines] == [(False, True), (True, True)]
    assert len(lines[0].data) <= MAX_LINE
    assert lines[1] == LogLine(b"next", 500_002, True, True)


def test_longest_line_is_whole_and_one_byte_more_is_not() -> None:
    lines = list(read_lines([b"x" * MAX_LINE + b"\n" + b"y" * (MAX_LINE + 1) + b"\n"]))
    assert [(len(line.data), line.is_complete) for line in lines] == [(MAX_LINE, True), (MAX_LINE, False)]


def test_what_is_left_of_a_line_that_was_cut_is_not_taken_for_a_whole_one() -> None:
    lines = list(read_lines([b"x" * (2 * MAX_LINE + 1), b"\nnext\n"]))
    assert [line.is_complete for line in lines] == [False, True]
    assert lines[1] == LogLine(b"next", 2 * MAX_LINE + 2, True, True)


def test_end_without_newline_is_not_complete() -> None:
    assert list(read_lines([b"whole\nto", b"rn"])) == [
        LogLine(b"whole", 0, True, True),
        LogLine(b"torn", 6, False, False),
    ]


@SLOW
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 5))))
def test_ranges_are_what_a_set_is(steps: list[tuple[bool, int, int]]) -> None:
    ranges, numbers = Ranges(), set[int]()
    for is_adding, first, length in steps:
        if is_adding:
            ranges.add(first, first + length)
            numbers |= set(range(first, first + length + 1))
        else:
            assert ranges.remove(first) == (first in numbers)
            numbers.discard(first)
        assert {number for low, high in ranges for number in range(low, high + 1)} == numbers
        assert ranges.covers(first, first + length) == (set(range(first, first + length + 1)) <= numbers)


@SLOW
@given(
    st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")), max_size=20),
    st.binary(max_size=9),
    st.integers(1, 17),
)
def test_lines_backwards_are_the_complete_lines_reversed(lines: list[bytes], torn: bytes, piece: int) -> None:
    data = b"".join(line + b"\n" for line in lines) + torn.replace(b"\n", b"")
    starts = range(0, len(data), piece)
    pieces = [data[start : start + piece] for start in reversed(starts)]
    assert list(read_lines_backwards(pieces)) == [line.data for line in read_lines([data]) if line.is_complete][::-1]


def test_line_that_is_too_long_is_left_out_backwards() -> None:
    data = b"first\n" + b"x" * (3 * MAX_LINE) + b"\nlast\n"
    pieces = [data[start : start + 1000] for start in reversed(range(0, len(data), 1000))]
    assert list(read_lines_backwards(pieces)) == [b"last", b"first"]
