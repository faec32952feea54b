"""LeRobot's numbers and names against the robot's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.core.errors import ConfigurationError, ShapeError, UnknownNameError
from strands_robots.dataset.schema import schema_from_json
from strands_robots.description.lerobot_units import JointCodec, JointUnit, Units, linear_joints, robot_codec
from strands_robots.description.robot_config import load_robot

from .made import JOINTS, LIMITS, make_schema

CODEC = robot_codec(load_robot("so101"))


def test_joints_are_degrees_and_the_gripper_goes_from_0_closed_to_100_open() -> None:
    position = np.zeros(len(JOINTS))
    position[0], position[-1] = math.pi / 2, LIMITS.upper[-1]
    numbers = CODEC.by_key(position)
    assert numbers["shoulder_pan.pos"] == pytest.approx(90.0) and numbers["gripper.pos"] == pytest.approx(100.0)
    position[-1] = LIMITS.lower[-1]
    assert CODEC.by_key(position)["gripper.pos"] == pytest.approx(0.0)


@given(st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6))
def test_numbers_come_back_as_they_went(position: list[float]) -> None:
    there = CODEC.to_lerobot(np.array(position))
    np.testing.assert_allclose(CODEC.to_si(there), position, atol=1e-12)
    np.testing.assert_allclose(
        CODEC.velocity_to_si(CODEC.velocity_to_lerobot(np.array(position))), position, atol=1e-12
    )
    names, values = CODEC.from_keys(CODEC.by_key(np.array(position)))
    assert names == JOINTS
    np.testing.assert_allclose(values, position, atol=1e-12)


def test_some_keys_give_those_joints_in_the_robots_order() -> None:
    names, values = CODEC.from_keys({"gripper.pos": 0.0, "shoulder_pan.pos": 180.0})
    assert names == ("shoulder_pan", "gripper")
    assert values[0] == pytest.approx(math.pi)


def test_wrong_keys_and_shapes_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown joint key 'elbow.pos'"):
        CODEC.from_keys({"elbow.pos": 1.0})
    with pytest.raises(ShapeError, match=r"valid: \(..., 6\)"):
        CODEC.to_lerobot(np.zeros(5))
    with pytest.raises(ConfigurationError, match="scale not 0"):
        JointUnit("a", "deg", 0.0)
    with pytest.raises(ConfigurationError, match="each once"):
        JointCodec([JointUnit("a", "rad", 1.0), JointUnit("a", "rad", 1.0)])


def test_si_units_leave_numbers_as_they_are_and_linear_joints_are_metres() -> None:
    codec = robot_codec(load_robot("so101"), Units.SI, linear=("gripper",))
    assert [unit.unit for unit in codec.units] == ["rad"] * 5 + ["m"]
    np.testing.assert_array_equal(codec.to_lerobot(np.arange(6.0)), np.arange(6.0))
    urdf = '<robot name="r"><joint name="a" type="prismatic"/><joint name="b" type="revolute"/></robot>'
    assert linear_joints(urdf) == ("a",) and linear_joints("no urdf") == ()


def test_schema_is_stored_and_read_back_whole() -> None:
    schema = make_schema(cameras=2, robots=("left", "right"), with_velocity=True, with_outcome=True)
    again = schema_from_json(schema.to_json())
    assert again.to_json() == schema.to_json()
    assert again.features() == schema.features()
    with pytest.raises(ConfigurationError, match="not complete"):
        schema_from_json({"format": 1})
