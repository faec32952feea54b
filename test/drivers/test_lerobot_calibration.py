"""LeRobot's calibration step by step: what it prints is followed, impossible travels are refused, and nothing is written then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.drivers.calibration_process import ArmCalibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.lerobot_calibration import (
    CalibrationReading,
    CalibrationStep,
    Travel,
    check_travels,
    judged,
)

from .simulated_bus import RANGES, SimulatedBus

SO101 = load_robot("so101")
TABLE = (
    "\n-------------------------------------------\nNAME            |    MIN |    POS |    MAX\n"
    "shoulder_pan    |   2047 |   {pan} |   2300\nelbow_flex      |   1900 |   2047 |   2047\n\x1b[5A"
)
"""As lerobot/motors/motors_bus.py prints it."""


def test_output_cut_anywhere_gives_the_steps_and_the_travels() -> None:
    text = (
        "INFO 2026-01-01 x.py:1 device\nMove so101_follower to the middle of its range of motion and press ENTER...."
        + "Move all joints except 'wrist_roll' sequentially\nRecording positions. Press ENTER to stop...\n"
        + TABLE.format(pan=2100) + TABLE.format(pan=2150)
    )  # fmt: skip
    for size in (1, 7, len(text)):
        reading, steps = CalibrationReading(), []
        for i in range(0, len(text), size):
            reading.feed(text[i : i + size])
            if not steps or steps[-1] is not reading.step:
                steps.append(reading.step)
        assert steps[-1] is CalibrationStep.RANGES and (size > 7 or CalibrationStep.MIDDLE in steps)
        assert reading.travels == {"shoulder_pan": Travel(2047, 2150, 2300, 50), "elbow_flex": Travel(1900, 2047, 2047)}
    reading.feed("\x1b[0mCalibration saved to /a/b.json\n")
    assert reading.step is CalibrationStep.SAVED


@pytest.mark.parametrize(
    ("travel", "state", "words"),
    [
        (Travel(2047, 2047, 2047), "short", ""),
        (Travel(945, 2000, 3149), "whole", ""),
        (Travel(400, 2000, 3400), "impossible", r"travels 4\.60 rad, the model's joint 3\.38 rad; valid: up to 4\.22"),
        (Travel(150, 2000, 2047), "impossible", "was at -2.91 rad from the homing pose"),
        (Travel(0, 4000, 4095, 3900), "impossible", "turned by 5.98 rad between two readings"),
    ],
)
def test_a_travel_is_short_whole_or_impossible(travel: Travel, state: str, words: str) -> None:
    import re

    (verdict,) = judged({"elbow_flex": travel}, SO101, True)
    assert verdict.state == state and re.search(words, verdict.words)


def test_a_leaders_handle_and_an_unknown_joint_are_not_judged() -> None:
    found = judged({"gripper": Travel(0, 10, 3000), "extra": Travel(0, 1, 2)}, SO101, False)
    assert [one.state for one in found] == ["whole", "whole"]


def test_travels_that_lerobot_would_take_and_the_model_not_are_refused() -> None:
    good = {name: Travel(low, low, high) for name, (low, high) in RANGES.items() if name != "wrist_roll"}
    check_travels(good, SO101, True)
    with pytest.raises(DriverError, match="was not moved; valid: every joint"):
        check_travels({**good, "elbow_flex": Travel(2047, 2047, 2047)}, SO101, True)
    with pytest.raises(DriverError, match=r"'elbow_flex' travels 1\.69 rad"):
        check_travels({**good, "elbow_flex": Travel(2047, 2047, 3149)}, SO101, True)
    with pytest.raises(DriverError, match="no joint"):
        check_travels({}, SO101, True)


class Hand:
    """A person beside a simulated arm without torque, who turns its joints."""

    def __init__(self, bus: SimulatedBus) -> None:
        self.bus = bus
        for joint in SO101.joints:
            bus.do(f"stall {joint}")  # Held by hand: it does not fall.
            bus.do(f"place {joint} 0.0")

    def turn(self, calibration: ArmCalibration, joint: str, *ends: float) -> None:
        """Turn a joint to each of these [rad] and back, as slowly as LeRobot reads it."""
        at = 0.0
        for end in (*(0.999 * end for end in ends), 0.0):
            count = max(int(abs(end - at) / 0.8), 1)
            for i in range(count):
                place = at + (i + 1) / count * (end - at)
                self.bus.do(f"place {joint} {place:.4f}")
                wait_for(lambda place=place: abs(read(calibration, joint) - place) < 0.05, 20.0, f"{joint} at {place}")
            at = end


def read(calibration: ArmCalibration, joint: str) -> float:
    """Return where LeRobot last read a joint, from the homing pose [rad]."""
    return next(one["position"] for one in calibration.words()["joints"] if one["joint"] == joint)


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    pytest.importorskip("lerobot", reason="LeRobot is not installed: make setup-learning")
    pytest.importorskip("scservo_sdk", reason="LeRobot's Feetech SDK is not installed")
    monkeypatch.setenv("HF_LEROBOT_CALIBRATION", str(tmp_path / "calibration"))
    bus = SimulatedBus(tmp_path, (2047, 1900, 2200, 2047, 2500, 1500), "--no-calibrated", "--no-holds")
    yield Hand(bus)
    bus.close()


def at(calibration: ArmCalibration, step: str) -> dict[str, Any]:
    """Wait for a step and return what the page shows then."""
    wait_for(lambda: calibration.words()["step"] == step or calibration.is_over, 90.0, step)
    words = calibration.words()
    assert words["step"] == step, words
    return words


@pytest.mark.learning
def test_lerobots_calibration_is_gone_through_and_refused_until_it_can_be(hand: Hand, tmp_path: Path) -> None:
    calibration = ArmCalibration("so101", "", hand.bus.port, "mine")
    with pytest.raises(ConfigurationError, match="'save' counts at 'ranges', and it is at 'starting'"):
        calibration.answer("save")
    at(calibration, "middle")
    assert set(hand.bus.torque()) == {"0"}, "nothing can move the arm"
    with pytest.raises(DriverError, match="busy"):
        ArmCalibration("so101", "", hand.bus.port, "mine")
    calibration.answer("middle")
    at(calibration, "ranges")
    limits = SO101.limits()
    ends = {name: (limits.lower[i], limits.upper[i]) for name, i in limits.index.items()}
    hand.turn(calibration, "elbow_flex", ends["elbow_flex"][1])
    with pytest.raises(DriverError, match="was not moved"):
        calibration.answer("save")
    for joint in ("shoulder_pan", "shoulder_lift", "wrist_flex", "gripper"):
        hand.turn(calibration, joint, *ends[joint])
    states = {joint["joint"]: joint["state"] for joint in calibration.words()["joints"]}
    assert states["shoulder_pan"] == "whole" and states["elbow_flex"] == "short"
    with pytest.raises(DriverError, match="'elbow_flex' travels"):
        calibration.answer("save")
    assert not Path(calibration.words()["path"]).exists() and not calibration.is_over, "nothing was written"
    hand.turn(calibration, "elbow_flex", *ends["elbow_flex"])
    wait_for(lambda: all(joint["state"] == "whole" for joint in calibration.words()["joints"]), 10.0, "whole travels")
    assert set(hand.bus.torque()) == {"0"}
    calibration.answer("save")
    wait_for(lambda: calibration.is_over, 30.0, "the end")
    words = calibration.words()
    assert words["step"] == "saved" and not words["failure"], words
    written = json.loads(Path(words["path"]).read_text())
    assert abs(written["elbow_flex"]["range_min"] - RANGES["elbow_flex"][0]) < 40 and set(written) == set(SO101.joints)


@pytest.mark.learning
def test_a_cancelled_one_lets_go_of_the_port_and_says_what_the_servos_know(hand: Hand) -> None:
    calibration = ArmCalibration("so101", "", hand.bus.port, "mine")
    at(calibration, "middle")
    calibration.answer("middle")
    at(calibration, "ranges")
    limits = SO101.limits()
    column = limits.index["elbow_flex"]
    hand.bus.do(f"place elbow_flex {limits.upper[column]:.4f}")  # In no time, as a sensor that passed its end.
    hand.bus.do(f"place elbow_flex {limits.lower[column]:.4f}")
    wait_for(lambda: any("between two readings" in joint["words"] for joint in calibration.words()["joints"]), 10.0)
    with pytest.raises(DriverError, match="between two readings"):
        calibration.answer("save")
    calibration.cancel()
    wait_for(lambda: calibration.is_over, 15.0, "the end")
    assert "count from a new zero" in calibration.words()["failure"]
    again = ArmCalibration("so101", "", hand.bus.port, "mine")
    at(again, "middle")
    again.close()
    wait_for(lambda: again.is_over, 10.0)
