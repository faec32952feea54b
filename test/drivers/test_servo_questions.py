"""An answer that comes too late is never taken for the answer of the next question, whose register it does not name."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from strands_robots.description.robot_config import load_robot

from .simulated_bus import SimulatedBus, write_calibration

pytest.importorskip("lerobot.motors.feetech")
from strands_robots.drivers.feetech import FeetechDriver, FeetechOptions

REGISTERS = {"Firmware_Major_Version": 3, "Firmware_Minor_Version": 10, "Operating_Mode": 0, "ID": 1}


def test_late_answer_is_not_taken_for_that_of_the_next_question(tmp_path: Path) -> None:
    with contextlib.closing(SimulatedBus(tmp_path)) as bus:
        driver = FeetechDriver(
            load_robot("so101"), FeetechOptions(port=bus.port, calibration=write_calibration(tmp_path / "mine.json"))
        )
        driver.connect()
        try:
            for late in (0.07, 0.12):
                bus.do(f"delay {late}")
                healed = threading.Timer(0.02, bus.do, ("delay 0",))
                healed.start()
                found = [{key: driver.number(key, "shoulder_pan") for key in REGISTERS} for _ in range(50)]
                healed.join()
                assert found == [REGISTERS] * 50
        finally:
            driver.disconnect()
