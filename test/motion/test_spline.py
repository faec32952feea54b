"""The interpolation between rows: through every row, never outside two neighbours, without a velocity step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strands_robots.control.spline import MonotoneCubic, monotone_slopes

rows_strategy = arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.floats(-5, 5, width=32)
)


@given(rows=rows_strategy)
def test_curve_passes_every_row_and_stays_between_neighbours(rows: np.ndarray) -> None:
    curve = MonotoneCubic(rows, 0.1)
    for k, row in enumerate(rows):
        assert np.array_equal(curve.at(k * 0.1), row)
    times = np.linspace(0.0, 0.1 * (len(rows) - 1), 57)
    values = curve.sample(times)
    k = np.minimum((times / 0.1).astype(int), len(rows) - 1)
    after = np.minimum(k + 1, len(rows) - 1)
    tolerance = 1e-9 * (1.0 + np.abs(rows).max())
    assert (values >= np.minimum(rows[k], rows[after]) - tolerance).all()
    assert (values <= np.maximum(rows[k], rows[after]) + tolerance).all()


@given(rows=rows_strategy, time=st.floats(-1.0, 3.0))
def test_single_and_vectorised_evaluation_agree(rows: np.ndarray, time: float) -> None:
    curve = MonotoneCubic(rows, 0.1)
    if time >= 0.0:
        assert np.allclose(curve.at(time), curve.sample(np.array([time]))[0], atol=1e-4)


def test_smooth_path_is_followed_closely() -> None:
    times = np.arange(31) / 30.0
    curve = MonotoneCubic(np.sin(times)[:, None], 1 / 30)
    fine = np.linspace(0.0, 1.0, 301)
    assert np.abs(curve.sample(fine)[:, 0] - np.sin(fine)).max() < 2e-5


def test_step_does_not_overshoot() -> None:
    curve = MonotoneCubic(np.array([[0.0], [0.0], [1.0], [1.0]]), 0.1)
    values = curve.sample(np.linspace(0.0, 0.3, 100))
    assert values.min() == 0.0 and values.max() == 1.0


def test_slope_is_zero_at_an_extreme() -> None:
    assert monotone_slopes(np.array([[0.0], [1.0], [0.5]]))[1, 0] == 0.0
