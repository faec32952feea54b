"""Which frames of a leader are used, and that the others are counted and named."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.teleop.frame import BEYOND, BadFrameError, BadInput, FrameCheck, InputFrame, TeleopMode

from .arm import LIMITS, NAMES

ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)


def follow(stamp: float = 1.0, **positions: float) -> InputFrame:
    return InputFrame(stamp, TeleopMode.FOLLOW, positions=positions)


def refused(check: FrameCheck, frame: InputFrame, now: float) -> BadFrameError:
    with pytest.raises(BadFrameError) as caught:
        check.check(frame, now)
    return caught.value


@given(st.dictionaries(st.sampled_from([*NAMES, "tail", ""]), ANY, max_size=4), ANY, st.tuples(ANY, ANY, ANY), ANY)
def test_frame_that_passes_is_finite_known_and_in_range(
    positions: dict[str, float], rate: float, linear: tuple[float, float, float], gripper: float
) -> None:
    check = FrameCheck(LIMITS, 0.25)
    mode = TeleopMode.FOLLOW if positions else TeleopMode.TOOL
    frame = InputFrame(1.0, mode, True, positions, {"elbow_flex": rate}, linear, (0.0, 0.0, 0.0), gripper)
    try:
        check.check(frame, 1.0)
    except BadFrameError as error:
        assert check.good == 0 and check.bad[error.reason] == 1 and "valid" in str(error)
        return
    assert all(math.isfinite(value) for value in (*positions.values(), rate, *linear, gripper))
    assert all(abs(value) <= 1.0 + 1e-6 for value in (rate, *linear, gripper))
    for name, value in positions.items():
        column = LIMITS.index[name]
        assert LIMITS.lower[column] - BEYOND <= value <= LIMITS.upper[column] + BEYOND


@pytest.mark.parametrize(("fields", "reason", "words"), [
    ({"positions": {"shoulder_pan": math.nan}}, BadInput.NOT_FINITE, "'shoulder_pan' is nan"),
    ({"positions": {"tail": 0.0}}, BadInput.UNKNOWN_JOINT, "valid: shoulder_pan, shoulder_lift"),
    ({"positions": {}}, BadInput.UNKNOWN_JOINT, "no joint is given"),
    ({"positions": {"elbow_flex": 3.0}}, BadInput.OUT_OF_RANGE, "calibrated"),
    ({"mode": TeleopMode.TOOL, "linear": (2.0, 0.0, 0.0)}, BadInput.OUT_OF_RANGE, "-1 to 1"),
    ({"stamp": 0.5}, BadInput.TIME, "0.500 s old"),
    ({"stamp": 1.5}, BadInput.TIME, "valid: 0 to"),
])  # fmt: skip
def test_bad_frame_is_named(fields: dict[str, Any], reason: BadInput, words: str) -> None:
    given_fields = {"stamp": 1.0, "mode": TeleopMode.FOLLOW, "positions": {"elbow_flex": 0.0}, **fields}
    error = refused(FrameCheck(LIMITS, 0.25), InputFrame(**given_fields), 1.0)
    assert error.reason is reason and words in str(error)


def test_leaders_joint_that_jumps_is_refused_until_it_is_back_or_engaged_anew() -> None:
    check = FrameCheck(LIMITS, 0.25)
    check.check(follow(1.00, elbow_flex=0.0), 1.0)
    check.check(follow(1.02, elbow_flex=0.2), 1.02)
    assert refused(check, follow(1.04, elbow_flex=1.2), 1.04).reason is BadInput.JUMP
    assert refused(check, follow(1.24, elbow_flex=1.2), 1.24).reason is BadInput.JUMP
    check.check(follow(1.26, elbow_flex=0.25), 1.26)
    check.restart()
    check.check(follow(1.28, elbow_flex=1.2), 1.28)
    assert check.good == 4 and check.bad[BadInput.JUMP] == 2


def test_frame_that_is_older_than_the_last_one_is_refused() -> None:
    check = FrameCheck(LIMITS, 0.25)
    check.check(follow(1.1, elbow_flex=0.0), 1.1)
    assert refused(check, follow(1.0, elbow_flex=0.0), 1.1).reason is BadInput.TIME
