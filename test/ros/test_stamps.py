"""Float seconds and message times say the same."""

from __future__ import annotations

import math

import pytest
from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time


@given(st.integers(min_value=0, max_value=2_000_000), st.integers(min_value=0, max_value=10**9 - 1))
def test_simulated_time_survives_to_the_nanosecond(sec: int, nanosec: int) -> None:
    assert to_time(to_seconds(Time(sec=sec, nanosec=nanosec))) == Time(sec=sec, nanosec=nanosec)


def test_time_just_below_a_second_carries_over() -> None:
    message = to_time(1.9999999999)
    assert (message.sec, message.nanosec) == (2, 0)


def test_negative_duration_has_positive_nanoseconds() -> None:
    message = to_duration(-0.25)
    assert (message.sec, message.nanosec) == (-1, 750_000_000)
    assert to_seconds(message) == -0.25


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 2.0**31])
def test_time_that_does_not_fit_is_an_error(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="valid"):
        to_time(seconds)
