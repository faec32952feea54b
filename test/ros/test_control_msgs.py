"""Our own control_msgs, where none is installed: the same types on the wire as ros2_control's."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "ros_interfaces" / "control_msgs"

UPSTREAM = {
    "action/FollowJointTrajectory.action": "dd1412800707688a",
    "action/GripperCommand.action": "4223eb1cb87eca3f",
    "action/ParallelGripperCommand.action": "f98434b5b8c2ecfb",
    "msg/GripperCommand.msg": "66d49c6c522f66c3",
    "msg/JointComponentTolerance.msg": "fa79588f623ec59a",
    "msg/JointTolerance.msg": "c8e83c214f64f31b",
    "msg/JointTrajectoryControllerState.msg": "5b556b87661f51b5",
}
"""SHA-256, first 16 digits, of the fields of ros-controls/control_msgs, branch jazzy, commit f901df2662f2, without comments and spaces."""


@pytest.mark.parametrize("name", UPSTREAM)
def test_fields_types_and_order_are_those_of_ros2_control(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]
    bare = "\n".join(re.sub(r"\s*=\s*", "=", re.sub(r"\s+", " ", line)) for line in lines if line)
    assert hashlib.sha256(bare.encode()).hexdigest()[:16] == UPSTREAM[name]


def test_there_is_nothing_else() -> None:
    assert {f"{path.parent.name}/{path.name}" for path in FOLDER.glob("*/*")} == set(UPSTREAM)
