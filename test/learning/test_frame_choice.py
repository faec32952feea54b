"""Which frames of corrected attempts are trained on, and that LeRobot's dataset and sampler see no others."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.dataset.frame_choice import FrameChoice, choose


def _marks(text: str) -> np.ndarray:
    return np.array([letter == "H" for letter in text])


@pytest.mark.parametrize(
    ("attempt", "choice", "parts"),
    [
        ("PPHHPP", FrameChoice.ALL, [(0, 6)]),
        ("PPHHPP", FrameChoice.CORRECTIONS, [(2, 4)]),
        ("PPHHPP", FrameChoice.WITHOUT_MISTAKES, [(2, 6)]),
        ("PPHHPPHP", FrameChoice.CORRECTIONS, [(2, 4), (6, 7)]),
        ("PPHHPPHP", FrameChoice.WITHOUT_MISTAKES, [(2, 4), (6, 8)]),
        ("HH", FrameChoice.WITHOUT_MISTAKES, [(0, 2)]),
        ("PPP", FrameChoice.WITHOUT_MISTAKES, [(0, 3)]),
        ("PPP", FrameChoice.CORRECTIONS, []),
    ],
)
def test_parts_of_an_attempt_that_are_trained_on(
    attempt: str, choice: FrameChoice, parts: list[tuple[int, int]]
) -> None:
    assert choose(_marks(attempt), choice) == parts
