"""From words to a leader and what it moves. ROS-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.teleop.frame import TeleopMode
from strands_robots.teleop.joystick import JoystickConfig, JoystickLeader
from strands_robots.teleop.keyboard import KeyboardLeader, Order
from strands_robots.teleop.leader import Leader
from strands_robots.teleop.mover import Mover, ToolMover
from strands_robots.teleop.teleop_options import TeleopOptions

KEYBOARD, JOYSTICK = "keyboard", "joy"


def free_joints(config: RobotConfig) -> tuple[str, ...]:
    """Return the robot's joints without its gripper's, in order."""
    gripper = () if config.gripper is None else config.gripper.joints
    return tuple(name for name in config.joints if name not in gripper)


def make_leader(
    kind: str,
    options: Mapping[str, Any],
    joints: Mapping[str, str],
    config: RobotConfig,
    mode: TeleopMode,
    joystick: JoystickConfig,
    order: Callable[[Order], None],
) -> Leader:
    """Return a leader, not connected.

    Args:
        kind: "keyboard", "joy" or one of LeRobot's types.
        options: Of LeRobot's type.
        joints: Robot's joint by the leader's, where they differ.
        config: The robot.
        mode: JOINTS or TOOL, for keyboard and joystick.
        joystick: Which axis and button means what.
        order: Takes what is asked for besides motion.

    Raises:
        ConfigurationError: If it is not known, or its options are not.
    """
    if kind in (KEYBOARD, JOYSTICK) and (options or joints):
        raise ConfigurationError(f"leader '{kind}' takes no leader_options and leader_joints; valid: none")
    if kind == KEYBOARD:
        return KeyboardLeader(free_joints(config), mode, order)
    if kind == JOYSTICK:
        return JoystickLeader(free_joints(config), mode, joystick, lambda: order(Order.STOP))
    from strands_robots.teleop.lerobot_leader import LeRobotLeader

    return LeRobotLeader(kind, options, config, joints)


def make_mover(name: str, config: RobotConfig, options: TeleopOptions) -> Mover:
    """Return what turns frames into goals; without a tool frame only joints move."""
    tool: ToolMover | None = None
    if config.tool_frame:
        from strands_robots.teleop import tool_motion

        tool = tool_motion.ToolMotion(config, name, options.frame)
    return Mover(config, options, tool)


def parse_options(text: str) -> dict[str, Any]:
    """Return the options of LeRobot's type from YAML or JSON.

    Raises:
        ConfigurationError: If it is no mapping.
    """
    try:
        data = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"leader_options cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigurationError(
            f"leader_options are '{printable(text)}'; valid: a mapping, as {{port: /dev/ttyACM1, id: my_leader}}"
        )
    return data


def parse_joints(texts: Sequence[str]) -> dict[str, str]:
    """Return the robot's joint by the leader's of "<leader's>=<robot's>" each.

    Raises:
        ConfigurationError: If one cannot be read.
    """
    pairs = [text.partition("=") for text in texts]
    for text, (leader, _, robot) in zip(texts, pairs):
        if not leader or not robot:
            raise ConfigurationError(f"leader_joints has '{printable(text)}'; valid: <leader's joint>=<robot's joint>")
    return {leader: robot for leader, _, robot in pairs}
