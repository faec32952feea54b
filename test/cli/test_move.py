"""What `strands-robots move` understands."""

from __future__ import annotations

import pytest

from strands_robots.cli.move import parse_numbers, parse_orientation, parse_targets
from strands_robots.core.errors import ConfigurationError


def test_joints_and_places_are_told_apart() -> None:
    assert parse_targets(["elbow_flex=-0.5", "gripper=1"])[0] == {"elbow_flex": -0.5, "gripper": 1.0}
    assert parse_targets(["0.2", "-0.1", "5e-2"]) == ({}, (0.2, -0.1, 0.05))


@pytest.mark.parametrize("targets", [["0.2"], ["a=1", "0.2"], ["a=x"], ["a=1", "a=2"], ["0.2", "0.1", "z"], ["1"] * 4])
def test_other_targets_are_refused(targets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="valid: '<joint>=<position>' each, or three numbers x y z"):
        parse_targets(targets)


def test_orientations_are_read() -> None:
    assert parse_orientation("", "") == (0, (0.0, 0.0, 0.0, 1.0))
    assert parse_orientation("", "0 1 0 0") == (2, (0.0, 1.0, 0.0, 0.0))
    assert parse_orientation("axis", "0,1,0,0") == (1, (0.0, 1.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("orientation", "quaternion", "message"),
    [
        ("up", "0 0 0 1", "valid: free, axis, full"),
        ("full", "", "full without a quaternion"),
        ("axis", "0 1 0", "valid: four numbers"),
    ],
)
def test_other_orientations_are_refused(orientation: str, quaternion: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_orientation(orientation, quaternion)


def test_numbers_of_an_option_are_read_or_refused() -> None:
    assert parse_numbers("box", "0.1 0,0.2 1 2 3", 6) == (0.1, 0.0, 0.2, 1.0, 2.0, 3.0)
    assert parse_numbers("through", "", 3) == ()
    for text in ("0.1 0.2", "a b c"):
        with pytest.raises(ConfigurationError, match="valid: 3 numbers"):
            parse_numbers("through", text, 3)
