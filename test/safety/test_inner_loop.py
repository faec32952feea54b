"""The compiled inner loop against its specification, the Python classes: the same answers and the same state, byte for byte."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strands_robots.control import inner_loop, limits, spline
from strands_robots.control.spline import MonotoneCubic

from .twin_gates import CONFIGURATIONS, LIMITS, NAMES, ODD, PERIOD, Twins, operations

pytestmark = pytest.mark.skipif(bool(inner_loop.MISSING), reason=f"not compiled: {inner_loop.MISSING}")


def _compare(configuration: dict[str, Any], seed: int, count: int) -> None:
    quiet = ticks = 0
    for part in range(0, count, 1000):
        twins = Twins(**configuration)
        for operation in operations(seed * 1_000_003 + part, min(1000, count - part)):
            twins.apply(operation)
        quiet, ticks = quiet + twins.quiet, ticks + twins.ticks
    assert quiet > 0.2 * ticks, f"only {quiet} of {ticks} ticks were the compiled loop's"


@pytest.mark.parametrize("number", range(len(CONFIGURATIONS)))
def test_random_and_adversarial_inputs_end_in_the_same_bytes(number: int) -> None:
    _compare(CONFIGURATIONS[number], number, 2000)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(len(CONFIGURATIONS)))
def test_a_million_random_and_adversarial_inputs_end_in_the_same_bytes(number: int) -> None:
    _compare(CONFIGURATIONS[number], 100 + number, 200_000)


_NUMBERS = st.one_of(st.floats(-0.05, 0.05), st.sampled_from(ODD), st.floats())
_FOUR = st.tuples(*[_NUMBERS] * 4)
_SMALL = st.tuples(*[st.floats(-0.05, 0.05)] * 4)
_SECONDS = st.one_of(st.just(PERIOD), st.floats(-0.1, 0.7))
_ROWS = st.lists(st.lists(_NUMBERS, min_size=4, max_size=4), min_size=1, max_size=5)
_OPERATIONS = st.one_of(
    st.tuples(st.just("tick"), st.just(PERIOD), st.just(PERIOD), st.just(PERIOD), _SMALL, _SMALL),
    st.tuples(st.just("tick"), _SECONDS, st.floats(0.0, 0.4), st.floats(1e-6, 0.05), _FOUR, _FOUR),
    st.tuples(st.just("beat"), st.booleans(), st.booleans()),
    st.tuples(
        st.just("submit"), st.sampled_from(["policy/a", "teleop/b"]), st.just(NAMES), _ROWS, st.sampled_from([0, 0, 1]),
        st.sampled_from([0.01, 0.03]), st.just(0.0),
    ),
    st.tuples(st.just("stop"), st.booleans()),
    st.tuples(st.just("freeze"), st.booleans()),
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(_OPERATIONS, max_size=30))
def test_any_sequence_ends_in_the_same_bytes(sequence: list[tuple[Any, ...]]) -> None:
    twins = Twins()
    for operation in [("beat", True, True), *sequence]:
        twins.apply(operation)


def test_a_tick_in_which_something_is_wrong_is_left_to_python() -> None:
    twins = Twins()
    twins.apply(("beat", True, True))
    twins.apply(("tick", PERIOD, PERIOD, PERIOD, (0.0,) * 4, (0.0,) * 4))  # the first one after arming is Python's
    assert twins.quiet == 0
    twins.apply(("tick", PERIOD, PERIOD, PERIOD, (0.0,) * 4, (0.0,) * 4))
    assert twins.quiet == 1
    twins.apply(("tick", PERIOD, PERIOD, PERIOD, (9.0, 0.0, 0.0, 0.0), (0.0,) * 4))
    assert twins.quiet == 1 and twins.gates[0].alarm is not None
    twins.apply(("tick", PERIOD, PERIOD, PERIOD, (0.0,) * 4, (0.0,) * 4))
    assert twins.quiet == 1


def test_a_set_point_that_is_kept_is_never_written_to() -> None:
    twins = Twins()
    twins.apply(("beat", True, True))
    twins.apply(("submit", "policy/a", NAMES, [[0.5, -0.5, 1.0, 0.4]], 0, 0.0, 0.0))
    kept = []
    for _ in range(60):
        twins.apply(("beat", True, False))
        twins.apply(("tick", PERIOD, PERIOD, PERIOD, (0.0,) * 4, (0.0,) * 4))
        target = twins.gates[0]._setpoint.target
        kept.append((target, target.copy()))
    assert twins.quiet > 5
    assert all((target == copy).all() for target, copy in kept)
    assert len({copy.tobytes() for _, copy in kept}) > 20


@given(
    st.lists(
        st.lists(st.one_of(st.floats(-3, 3), st.sampled_from(ODD)), min_size=4, max_size=4), min_size=2, max_size=9
    )
)
def test_coefficients_are_numpys(values: list[list[float]]) -> None:
    rows = np.array(values)
    with np.errstate(all="ignore"):
        for mine, other in zip(inner_loop.coefficients(rows) or (), spline.coefficients(rows), strict=True):
            np.testing.assert_array_equal(mine, other)  # NaN is like NaN
            assert (np.signbit(mine) == np.signbit(other))[~np.isnan(mine)].all()


@given(
    st.lists(st.lists(st.floats(-1, 1), min_size=4, max_size=4), min_size=2, max_size=9),
    st.sampled_from([0.001, 0.02, 0.3]), st.sampled_from([0.001, 0.01, 0.02]), st.sampled_from([1e-3, 0.05, 1.0]),
)  # fmt: skip
def test_rates_of_a_chunk_are_judged_as_numpy_judges(
    values: list[list[float]], period: float, dt: float, scale: float
) -> None:
    rows = scale * np.array(values)
    curve, columns, tolerance = MonotoneCubic(rows, period), [0, 1, 2, 3], limits._TOLERANCE
    assert inner_loop.is_smooth(curve, dt, LIMITS, columns, tolerance) == limits._is_smooth_sampled(
        curve, LIMITS, columns, dt
    )
    velocity = np.abs(np.diff(rows, axis=0) / period).max(axis=0)
    column = int(np.argmax(velocity / LIMITS.velocity))
    assert inner_loop.is_slow(rows, period, LIMITS.velocity, tolerance) == (
        not velocity[column] > LIMITS.velocity[column] * tolerance
    )
    assert inner_loop.is_within(rows, LIMITS.lower, LIMITS.upper) == bool(
        ((rows >= LIMITS.lower) & (rows <= LIMITS.upper)).all()
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_value_that_is_not_finite_is_found(value: float) -> None:
    rows = np.zeros((3, 4))
    assert inner_loop.is_finite(rows)
    rows[1, 2] = value
    assert not inner_loop.is_finite(rows)


def test_arrays_of_another_layout_are_left_to_numpy() -> None:
    rows = np.asfortranarray(np.ones((3, 4)))
    assert inner_loop.coefficients(rows) is None
    assert not inner_loop.is_finite(np.ones((3, 4), dtype=np.float32))
    assert not inner_loop.is_within(np.ones((3, 8))[:, ::2], LIMITS.lower, LIMITS.upper)
