"""Limits as the robot description states them."""

from __future__ import annotations

import math

import pytest

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import load_robot
from strands_robots.description.urdf_limits import limits_from_urdf

URDF = """<robot name="r">
  <joint name="weld" type="fixed"/>
  <joint name="turn" type="revolute"><limit lower="-1.5" upper="2" velocity="3" effort="4"/></joint>
  <joint name="wheel" type="continuous"/>
  <joint name="copy" type="revolute"><limit lower="-1" upper="1" velocity="1" effort="1"/><mimic joint="turn"/></joint>
</robot>"""


def test_moving_joints_have_their_limits() -> None:
    limits = limits_from_urdf(URDF)
    assert limits.names == ("turn", "wheel")
    assert (limits.lower.tolist(), limits.upper.tolist()) == ([-1.5, -math.inf], [2.0, math.inf])
    assert (limits.velocity.tolist(), limits.effort.tolist()) == ([3.0, math.inf], [4.0, math.inf])


def test_limits_of_the_so101_are_those_of_its_configuration() -> None:
    robot = load_robot("so101")
    assert robot.urdf is not None
    limits, configured = limits_from_urdf(robot.urdf.read_text()), robot.limits()
    for name in configured.names:
        assert limits.lower[limits.index[name]] == pytest.approx(configured.lower[configured.index[name]], abs=1e-3)


@pytest.mark.parametrize("text", ["", "<robot/>", "no xml", URDF.replace('"3"', '"fast"')])
def test_description_that_cannot_be_used_is_an_error(text: str) -> None:
    with pytest.raises(ModelError):
        limits_from_urdf(text)
