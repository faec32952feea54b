"""A connection that fails for any reason leaves the port free for the next try."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from strands_robots.drivers.driver import DriverError

from .simulated_bus import SimulatedBus, write_calibration

pytest.importorskip("lerobot.motors.feetech")
from strands_robots.drivers.feetech import FeetechDriver

from .driven_arm import DrivenArm


@pytest.mark.parametrize("error", [IndexError("list index out of range"), KeyError("a mistake of ours")])
def test_any_error_while_connecting_releases_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calibration = write_calibration(tmp_path / "mine.json")

    def fail(self: FeetechDriver) -> None:
        raise error

    with contextlib.closing(SimulatedBus(tmp_path)) as bus:
        with monkeypatch.context() as patched:
            patched.setattr(FeetechDriver, "check_servos", fail)
            with pytest.raises((DriverError, KeyError), match=str(error.args[0])):
                DrivenArm(bus.port, calibration)
        arm = DrivenArm(bus.port, calibration)
        arm.close()
