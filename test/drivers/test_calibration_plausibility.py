"""A calibration that cannot be one of the arm is refused with both numbers, wherever a calibration is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strands_robots.cli.calibrate import calibrate
from strands_robots.description.robot_config import load_robot
from strands_robots.drivers.arms import make_arm
from strands_robots.drivers.calibration_plausibility import check_plausible, load_plausible
from strands_robots.drivers.driver import DriverError

from .simulated_bus import RANGES, write_calibration, write_dynamixel_calibration

SO101 = load_robot("so101")


def altered(tmp_path: Path, joint: str, low: int, high: int) -> Path:
    path = write_calibration(tmp_path / "mine.json")
    entries = json.loads(path.read_text())
    entries[joint] |= {"range_min": low, "range_max": high}
    path.write_text(json.dumps(entries))
    return path


def test_own_calibrations_are_plausible(tmp_path: Path) -> None:
    load_plausible(write_calibration(tmp_path / "mine.json"), SO101)
    for robot in ("koch", "omx"):
        load_plausible(write_dynamixel_calibration(tmp_path / f"{robot}.json", robot), load_robot(robot))


@pytest.mark.parametrize(
    ("joint", "low", "high"),
    [("wrist_roll", 0, 4095), ("gripper", 2031, 3476), ("shoulder_lift", 612, 2966), ("shoulder_pan", 758, 3292)],
)
def test_what_lerobot_wrote_for_real_arms_is_plausible(tmp_path: Path, joint: str, low: int, high: int) -> None:
    load_plausible(altered(tmp_path, joint, low, high), SO101)


@pytest.mark.parametrize(
    ("joint", "low", "high", "words"),
    [
        ("elbow_flex", 2047, 3149, r"'elbow_flex' travels 1\.69 rad, the model's joint 3\.38 rad \(valid: 2\.5\d to 4\.2\d\)"),
        ("elbow_flex", 1900, 2200, r"travels 0\.46 rad, the model's joint 3\.38"),
        ("shoulder_pan", 0, 4000, r"'shoulder_pan' travels 6\.14 rad, the model's joint 3\.84"),
        ("shoulder_lift", 0, 2276, r"middle of the travel of 'shoulder_lift' is -1\.40 rad .*up to 0\.70"),
        ("gripper", 2000, 2200, r"'gripper' travels 0\.31 rad, the model's joint 1\.92"),
    ],
)  # fmt: skip
def test_travel_or_middle_that_is_far_off_is_refused_with_both_numbers(
    tmp_path: Path, joint: str, low: int, high: int, words: str
) -> None:
    with pytest.raises(DriverError, match=words):
        load_plausible(altered(tmp_path, joint, low, high), SO101)


@pytest.mark.parametrize("kind", ["feetech", "lerobot"])
def test_every_driver_refuses_it_before_it_touches_the_port(tmp_path: Path, kind: str) -> None:
    arm = make_arm(SO101, kind, "/dev/nothing", str(altered(tmp_path, "elbow_flex", 2047, 3149)), "")
    with pytest.raises(DriverError, match="cannot be one of 'so101': 'elbow_flex' travels"):
        arm.connect()


def test_model_whose_zero_is_not_in_the_middle_of_its_travel_is_refused() -> None:
    limits = SO101.joints["elbow_flex"]
    joints = SO101.joints | {"elbow_flex": limits.model_copy(update={"lower": 0.0, "upper": 3.38})}
    one_sided = SO101.model_copy(update={"joints": joints})
    with pytest.raises(DriverError, match=r"would be read as 0\.00 rad, the model's is at 1\.69 rad"):
        check_plausible(RANGES, one_sided, "it")


def test_calibrating_says_that_what_was_recorded_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = altered(tmp_path, "elbow_flex", 2047, 3149)
    monkeypatch.setattr("strands_robots.cli.calibrate.calibrate_command", lambda *arguments: (["true"], path))
    with pytest.raises(DriverError, match="every joint moved from end to end"):
        calibrate(port="/dev/nothing", arm="mine", robot="so101")
