"""What LeRobot calls a robot in `robot_type`: datasets of one robot must agree in it before LeRobot merges or goes on with them. No I/O.

LeRobot writes the class's `name`, not the type on its command line: `--robot.type=so101_follower` makes datasets of "so_follower".
Source: lerobot/scripts/lerobot_record.py and `name` in lerobot/robots/*/*.py, lerobot 0.6.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strands_robots.description.lerobot_units import POSITION, Units
from strands_robots.description.robot_config import RobotConfig

SO = "so_follower"
TWO_SO = "bi_so_follower"

NAMES = {"so100_follower": SO, "so101_follower": SO}
"""Name of the class by type on the command line, where the two differ."""

_SO_JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")

_FORMER = {"so100": SO, "so101": SO, "so100_follower": SO, "so101_follower": SO}
"""What earlier versions of this package, and of LeRobot, wrote."""

_PLUGIN = "strands"
"""What the plug-in of this package wrote, whatever the robot was."""


def lerobot_name(config: RobotConfig) -> str:
    """Return what lerobot-record writes for a robot; the robot's own name where LeRobot does not know it."""
    if config.hardware is None:
        return config.name
    return NAMES.get(config.hardware.lerobot, config.hardware.lerobot)


def robot_type(robots: Mapping[str, RobotConfig], units: Units = Units.LEROBOT) -> str:
    """Return the robot_type of a dataset.

    Args:
        robots: The robots by name on the graph, in the order of the vectors.
        units: What the numbers are. LeRobot knows no units: a dataset in SI gets a type of its own, so that LeRobot refuses to
            merge radians with degrees.
    """
    if units is Units.SI:
        return "+".join(f"{config.name}_si" for config in robots.values())
    names = [lerobot_name(config) for config in robots.values()]
    if names == [SO, SO] and list(robots) == ["left", "right"]:
        return TWO_SO  # LeRobot's pair of arms names its joints in the same way.
    return "+".join(names)


def current_type(given: str, names: Sequence[str]) -> str:
    """Return the robot_type that is written today for one that an earlier version wrote.

    Args:
        given: As in the dataset.
        names: Names of the elements of its action.
    """
    is_so = list(names) == [joint + POSITION for joint in _SO_JOINTS]
    if given in _FORMER and is_so:
        return _FORMER[given]
    if given == _PLUGIN and is_so:
        return SO
    if given in ("so101+so101", "so100+so100") and list(names[:1]) == ["left_shoulder_pan.pos"]:
        return TWO_SO
    return given
