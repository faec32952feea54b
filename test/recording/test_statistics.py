"""Statistics that LeRobot computes in single precision are taken for right, and others are not."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.dataset.statistics import describe, statistics_problems


def single_precision_std(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation as RunningQuantileStats of lerobot/datasets/compute_stats.py (0.6.1) computes it."""
    rows = values.astype(np.float32)
    mean, squares = np.mean(rows, axis=0), np.mean(rows**2, axis=0)
    spread: np.ndarray = np.sqrt(np.maximum(0, squares - mean**2))
    return spread


@pytest.mark.parametrize("size", [0.23, 1.7, 95.3])
@pytest.mark.parametrize("length", [98, 3000])
def test_joint_that_stands_still_has_the_spread_of_rounding(size: float, length: int) -> None:
    values = np.full((length, 2), [size, -size])
    stored = {**describe(values), "std": single_precision_std(values)}
    assert not statistics_problems(stored, values)


def test_spread_of_other_data_is_found() -> None:
    values = np.full((98, 1), 0.23)
    assert statistics_problems({**describe(values), "std": np.array([0.01])}, values)
