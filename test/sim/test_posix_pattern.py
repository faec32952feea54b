"""Filters of simulation_interfaces are POSIX extended regular expressions."""

from __future__ import annotations

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.posix_pattern import posix_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^[[:alpha:]]+$", "wall", "wall_2"),
        ("^[[:alpha:]_[:digit:]]+$", "wall_2", "wall-2"),
        ("[^[:alnum:]_]", "a-b", "a_b"),
        ("^[]x]$", "]", "y"),
        ("^[\\]$", "\\", "x"),
        ("^cube_(a|b)$", "cube_b", "cube_c"),
        ("[[:space:]]", "a b", "a_b"),
        ("[[:upper:][:punct:]]", "a.b", "ab1"),
        ("", "anything", ""),
    ],
)
def test_pattern_matches_as_posix_says(pattern: str, matching: str, other: str) -> None:
    made = posix_pattern(pattern)
    assert made.search(matching)
    assert not other or not made.search(other)


@pytest.mark.parametrize("pattern", ["[[:letter:]]", "[[.a.]]", "[a", "(a+)+$", "(", "a*" * 4, "x" * 200])
def test_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError):
        posix_pattern(pattern)
