"""A servo bus in a process of its own, and lerobot's calibration for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

from graph import wait_for

from strands_robots.description.robot_config import load_robot
from strands_robots.servo_bus.feetech_registers import TICKS_PER_RADIAN
from strands_robots.servo_bus.process import send_fault

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
MOUNTS = (2047, 1900, 2200, 2047, 2500, 1500)
RANGES = {
    "shoulder_pan": (795, 3299), "shoulder_lift": (909, 3185), "elbow_flex": (945, 3149), "wrist_flex": (966, 3128),
    "wrist_roll": (258, 3899), "gripper": (1933, 3185),
}  # fmt: skip


class SimulatedBus:
    """`strands-robots servo-bus` below a folder; the port is the link `bus`."""

    def __init__(self, folder: Path, mounts: tuple[int, ...] = MOUNTS, *options: str) -> None:
        self.port, self.control = str(folder / "bus"), folder / "control"
        command = [sys.executable, "-m", "strands_robots.cli.entry", "servo-bus", "--link", self.port]
        command += ["--control", str(self.control), "--mounts", ",".join(map(str, mounts)), *options]
        # A session of its own, so that its priority, which it raises, counts beside that of the graph.
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = cast("IO[str]", self._process.stdout).readline()
        assert line.startswith("port: "), line

    def do(self, words: str) -> str:
        return send_fault(self.control, words)

    def joint(self, name: str) -> float:
        """Where a joint really is [rad]."""
        return float(dict(item.split("=") for item in self.do("status").split())[name])

    def torque(self) -> str:
        return dict(item.split("=") for item in self.do("status").split())["torque"]

    def kill(self) -> None:
        """End the process at once; link and socket stay behind."""
        self._process.kill()
        self._process.wait(10.0)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10.0)


def write_dynamixel_calibration(path: Path, robot: str, mounts: tuple[int, ...] = MOUNTS) -> Path:
    """Write the file that lerobot's calibration of a Dynamixel arm would have left; its homing offsets count the other way."""
    config = load_robot(robot)
    hardware = config.hardware
    assert hardware is not None
    entries = {}
    for (name, joint), mount in zip(config.joints.items(), mounts):
        ends = [2047 + round(angle * TICKS_PER_RADIAN) for angle in (joint.lower, joint.upper)]
        entries[name] = {
            "id": hardware.servos[name].id, "drive_mode": 0, "homing_offset": 2047 - mount,
            "range_min": max(ends[0], 0), "range_max": min(ends[1], 4095),
        }  # fmt: skip
    path.write_text(json.dumps(entries))
    return path


def write_calibration(path: Path, mounts: tuple[int, ...] = MOUNTS) -> Path:
    """Write the file that lerobot's calibration of the arm would have left."""
    path.write_text(
        json.dumps(
            {
                joint: {
                    "id": i + 1, "drive_mode": 0, "homing_offset": mounts[i] - 2047,
                    "range_min": RANGES[joint][0], "range_max": RANGES[joint][1],
                }
                for i, joint in enumerate(JOINTS)
            }
        )
    )  # fmt: skip
    return path


__all__ = ["JOINTS", "MOUNTS", "RANGES", "SimulatedBus", "wait_for", "write_calibration", "write_dynamixel_calibration"]
