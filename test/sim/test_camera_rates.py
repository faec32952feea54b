from __future__ import annotations

import pytest

from strands_robots.sim.render.camera_feed import CameraTally
from strands_robots.sim.render.camera_rates import CameraRates


def test_camera_that_loses_pictures_says_its_real_rate() -> None:
    rates, tally = CameraRates(), CameraTally(30.0, is_watched=True)
    rates.read(10.0, {"wrist": tally}, True)
    tally.drawn, tally.lost, tally.seconds = 12, 18, 0.96
    (rate,) = rates.read(11.0, {"wrist": tally}, True)
    assert rate.is_slow and rate.message == "12.0 pictures a second instead of 30; 18 lost"
    assert rate.values["picture_ms"] == pytest.approx(80.0)


def test_rate_is_one_of_simulated_time() -> None:
    rates, tally = CameraRates(), CameraTally(30.0, is_watched=True)
    rates.read(0.0, {"wrist": tally}, True)
    tally.drawn = 15
    (rate,) = rates.read(0.5, {"wrist": tally}, True)
    assert not rate.is_slow and rate.values["rate"] == pytest.approx(30.0)


@pytest.mark.parametrize(("is_watched", "is_paced"), [(False, True), (True, False)])
def test_nothing_is_owed_to_nobody_nor_in_lockstep(is_watched: bool, is_paced: bool) -> None:
    rates, tally = CameraRates(), CameraTally(30.0, is_watched=is_watched)
    rates.read(0.0, {"wrist": tally}, is_paced)
    tally.lost = 3
    (rate,) = rates.read(1.0, {"wrist": tally}, is_paced)
    assert not rate.is_slow
