"""Marked poses: what is compared, what drift is, and files that cannot be used."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.drivers.calibrate_command import calibrate_command
from strands_robots.drivers.calibration import Calibration, load_calibration
from strands_robots.drivers.calibration_marks import (
    compare,
    load_marks,
    make_mark,
    marks_path,
    save_marks,
    shaft_angles,
)
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.servo_units import servo_units

from .simulated_bus import MOUNTS, write_calibration, write_dynamixel_calibration

SO101 = load_robot("so101")
POSE = {name: 0.1 * i for i, name in enumerate(SO101.joints)}


@pytest.fixture
def calibration(tmp_path: Path) -> Calibration:
    return load_calibration(write_calibration(tmp_path / "mine.json"), tuple(SO101.joints))


def test_pose_that_is_the_same_has_not_drifted(calibration: Calibration) -> None:
    mark = make_mark(SO101, calibration, POSE)
    drifts = compare(mark, mark, 2.0)
    assert [drift.joint for drift in drifts] == list(SO101.joints)
    assert all(drift.is_fine and drift.position == drift.shaft == 0.0 for drift in drifts)


def test_joint_that_stands_elsewhere_is_named_with_its_degrees(calibration: Calibration) -> None:
    mark = make_mark(SO101, calibration, POSE)
    now = make_mark(SO101, calibration, {**POSE, "elbow_flex": POSE["elbow_flex"] + math.radians(5.0)})
    drifted = [drift for drift in compare(mark, now, 2.0) if not drift.is_fine]
    assert [drift.joint for drift in drifted] == ["elbow_flex"]
    assert drifted[0].position == pytest.approx(5.0)


def test_arm_that_was_calibrated_anew_is_found_though_it_reaches_the_pose(
    calibration: Calibration, tmp_path: Path
) -> None:
    mark = make_mark(SO101, calibration, POSE)
    steps = round(4.0 / 360.0 * 4096)
    other = write_calibration(tmp_path / "new.json", (*MOUNTS[:3], MOUNTS[3] + steps, *MOUNTS[4:]))
    now = make_mark(SO101, load_calibration(other, tuple(SO101.joints)), POSE)
    drifted = [drift for drift in compare(mark, now, 2.0) if not drift.is_fine]
    assert [drift.joint for drift in drifted] == ["wrist_flex"]
    assert drifted[0].position == 0.0 and drifted[0].shaft == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("robot", ["so101", "koch", "omx"])
def test_shaft_angle_is_what_the_sensor_says_at_zero(robot: str, tmp_path: Path) -> None:
    config = load_robot(robot)
    write = write_calibration if robot == "so101" else lambda path: write_dynamixel_calibration(path, robot)
    calibration = load_calibration(write(tmp_path / "mine.json"), tuple(config.joints))
    angles = shaft_angles(config, calibration, dict.fromkeys(config.joints, 0.0))
    for mount, (name, angle) in zip(MOUNTS, angles.items()):
        limits = config.joints[name]
        if name == "gripper" or abs(limits.lower + limits.upper) > 1e-3 or min(limits.lower, -limits.upper) < -3.0:
            continue  # Its zero is not the middle of its range.
        assert angle == pytest.approx(mount * 360.0 / 4096.0, abs=1.0), name


def test_gripper_whose_travel_was_not_recorded_is_measured_as_an_angle(tmp_path: Path) -> None:
    config = load_robot("omx")
    path = write_dynamixel_calibration(tmp_path / "factory.json", "omx")
    given = json.loads(path.read_text())
    for entry in given.values():
        entry.update(homing_offset=0, range_min=0, range_max=4095)
    path.write_text(json.dumps(given))
    scale, offset = servo_units(config, load_calibration(path, tuple(config.joints)), False)
    gripper = list(config.joints).index("gripper")
    assert scale[gripper] * 2047.5 + offset[gripper] == pytest.approx(0.0)
    assert scale[gripper] * 4096 == pytest.approx(2.0 * math.pi, rel=1e-3)


def test_marks_are_kept_beside_the_calibration(calibration: Calibration) -> None:
    mark = make_mark(SO101, calibration, POSE)
    path = save_marks(calibration.path, {"rest": mark})
    assert path == marks_path(calibration.path) and path.parent == calibration.path.parent
    assert load_marks(calibration.path, tuple(SO101.joints)) == {"rest": mark}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "marks": {}}', '{"version": 1, "marks": {"a": {"positions": {}}}}']
)
def test_file_of_marks_that_cannot_be_used_is_refused(calibration: Calibration, text: str) -> None:
    marks_path(calibration.path).write_text(text)
    with pytest.raises(DriverError, match=r"valid: a file of version 1"):
        load_marks(calibration.path, tuple(SO101.joints))


def test_marks_that_are_not_finite_are_refused(calibration: Calibration) -> None:
    save_marks(calibration.path, {"rest": make_mark(SO101, calibration, {**POSE, "gripper": math.nan})})
    with pytest.raises(DriverError, match="not finite"):
        load_marks(calibration.path, tuple(SO101.joints))


@pytest.fixture
def port() -> str:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    return name if master >= 0 else ""


def test_lerobots_command_gets_validated_words_and_no_shell(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_LEROBOT_CALIBRATION", str(tmp_path))
    command, path = calibrate_command("koch", "", port, "my_arm")
    assert command == [
        sys.executable, "-m", "lerobot.scripts.lerobot_calibrate",
        "--robot.type=koch_follower", f"--robot.port={port}", "--robot.id=my_arm",
    ]  # fmt: skip
    assert path == tmp_path / "robots" / "koch_follower" / "my_arm.json"
    command, path = calibrate_command("", "so101_leader", port, "lead")
    assert command[3] == "--teleop.type=so101_leader" and path is None


@pytest.mark.parametrize(
    ("robot", "leader", "arm", "error", "words"),
    [
        ("so101", "so101_leader", "a", ConfigurationError, "exactly one"),
        ("", "", "a", ConfigurationError, "exactly one"),
        ("so101", "", "a; rm -rf /", ConfigurationError, "a letter or digit"),
        ("so101", "", "../a", ConfigurationError, "a letter or digit"),
        ("", "--config_path=x", "a", ConfigurationError, "LeRobot's name"),
        ("nothing", "", "a", UnknownNameError, "valid: "),
        ("panda", "", "a", ConfigurationError, "no robot of LeRobot"),
    ],
)
def test_words_that_cannot_be_used_run_nothing(
    port: str, robot: str, leader: str, arm: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        calibrate_command(robot, leader, port, arm)


def test_port_that_is_not_there_runs_nothing() -> None:
    with pytest.raises(DriverError, match="does not exist; found: "):
        calibrate_command("so101", "", "/dev/nothing", "a")


def test_every_arm_of_lerobot_here_names_its_servos_in_order() -> None:
    for name in ("so100", "so101", "koch", "omx"):
        config: RobotConfig = load_robot(name)
        assert config.hardware is not None and list(config.hardware.servos) == list(config.joints)
        assert len({servo.id for servo in config.hardware.servos.values()}) == len(config.joints)
