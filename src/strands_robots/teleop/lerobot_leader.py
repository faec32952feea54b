"""LeRobot's teleoperators, unmodified, as leaders: arms by their motors' units, gamepads and keyboards by their deltas. No ROS.

LeRobot is imported when a leader is made. Which numbers an arm gives is asked of its motors: degrees, -100 to 100 or 0 to 100
of the calibrated range.
"""

from __future__ import annotations

import importlib
import inspect
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import config_names
from strands_robots.core.text import printable
from strands_robots.description.lerobot_units import DEGREE, POSITION, JointCodec, JointUnit
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.drivers.calibration_plausibility import check_plausible
from strands_robots.drivers.driver import DriverError
from strands_robots.teleop.frame import BadFrameError, BadInput, InputFrame, TeleopMode, Vector
from strands_robots.teleop.leader import LeaderError

MODULES = {
    "so101_leader": "so_leader", "so100_leader": "so_leader", "koch_leader": "koch_leader", "omx_leader": "omx_leader",
    "gamepad": "gamepad", "keyboard_ee": "keyboard",
}  # fmt: skip
"""Kinds of leaders, as LeRobot's --teleop.type names them, and where its package has them. Others are looked for below their name."""

_DELTAS = ("delta_x", "delta_y", "delta_z")
_FAILURES = (OSError, RuntimeError, termios.error)
"""What LeRobot's buses raise when a device does not answer: ConnectionError and DeviceNotConnectedError are OSErrors."""


class LeRobotLeader:
    """One of LeRobot's teleoperators.

    Args:
        kind: LeRobot's name of it, as "so101_leader".
        options: Fields of its configuration, as {"port": "/dev/ttyACM1", "id": "my_leader"}.
        robot: The robot that follows.
        joints: Robot's joint by the leader's, where they differ.

    Attributes:
        name: The kind.
        has_dead_man: True for gamepads and keyboards: LeRobot's intervention event is held.

    Raises:
        ConfigurationError: If LeRobot or the kind is not there, an option is not known, or a joint is not the robot's.
    """

    def __init__(
        self, kind: str, options: Mapping[str, Any], robot: RobotConfig, joints: Mapping[str, str] | None = None
    ) -> None:
        self.name = kind
        self.has_dead_man = kind in ("gamepad", "keyboard_ee")
        self._options = dict(options)
        self._joints = dict(joints or {})
        self._device: Any = None
        self._codec = arm_codec(make_device(kind, options), robot, self._joints)

    def connect(self) -> None:
        """Make LeRobot's object and connect it; never calibrates.

        Raises:
            LeaderError: If it cannot be reached, or its calibration is not that of the arm.
        """
        device = make_device(self.name, self._options)
        self._device = device
        takes_calibrate = "calibrate" in inspect.signature(device.connect).parameters
        try:
            if takes_calibrate:
                device.connect(calibrate=False)
                is_calibrated = device.is_calibrated
            else:
                device.connect()
                is_calibrated = True
        except _FAILURES as error:
            raise LeaderError(f"cannot be connected: {_words(error)}") from error
        if not device.is_connected or getattr(getattr(device, "gamepad", None), "running", True) is False:
            raise LeaderError("LeRobot found no such device; valid: plug it in")
        if not is_calibrated:
            raise LeaderError(
                f"is not calibrated as its file says; valid: lerobot-calibrate --teleop.type={self.name} and the same port and id"
            )
        if self._codec is not None:
            _check_travels(self.name, device)

    def read(self) -> InputFrame:
        """Return what LeRobot's get_action says.

        Raises:
            LeaderError: If the device does not answer.
            BadFrameError: If the answer is not one of joints or deltas.
        """
        device = self._device
        if device is None:
            raise LeaderError("is not connected")
        try:
            action = device.get_action()
            is_held = self.has_dead_man and bool(_events(device).get("is_intervention"))
        except _FAILURES as error:
            raise LeaderError(f"does not answer: {_words(error)}") from error
        stamp = time.monotonic()
        if self._codec is not None:
            return InputFrame(stamp, TeleopMode.FOLLOW, positions=joint_positions(action, self._codec, self._joints))
        linear = tuple(float(action.get(name, 0.0)) for name in _DELTAS)
        gripper = float(action.get("gripper", 1.0)) - 1.0  # LeRobot: 0 closes, 1 stays, 2 opens
        moved: Vector = (linear[0], linear[1], linear[2])
        return InputFrame(stamp, TeleopMode.TOOL, is_held, linear=moved, gripper=gripper)

    def close(self) -> None:
        """Disconnect."""
        device, self._device = self._device, None
        if device is None or not device.is_connected:
            return
        try:
            device.disconnect()
        except _FAILURES:
            return  # It is gone already.


def _check_travels(kind: str, device: Any) -> None:
    """Refuse a calibration that cannot be the leader's: an so101_leader's joints travel as an so101's, but for its handle."""
    model, calibration = kind.removesuffix("_leader"), getattr(device, "calibration", None) or {}
    if model not in config_names("robots"):
        return
    config = load_robot(model)
    if set(calibration) != set(config.joints):
        return
    ranges = {name: (motor.range_min, motor.range_max) for name, motor in calibration.items()}
    try:
        check_plausible(ranges, config, "its calibration", has_gripper=False)
    except DriverError as error:
        device.disconnect()
        raise LeaderError(str(error)) from error


def make_device(kind: str, options: Mapping[str, Any]) -> Any:
    """Return LeRobot's teleoperator, not connected.

    Raises:
        ConfigurationError: If LeRobot or the kind is not there, or an option is not known.
    """
    try:
        from lerobot.teleoperators.config import TeleoperatorConfig
        from lerobot.teleoperators.utils import make_teleoperator_from_config
    except ImportError as error:
        raise ConfigurationError(f"leader '{kind}' needs LeRobot ({error}); valid: make setup-learning") from error
    try:
        importlib.import_module(f"lerobot.teleoperators.{MODULES.get(kind, kind)}")
        config_class = TeleoperatorConfig.get_choice_class(kind)
    except (ImportError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"leader '{printable(kind)}' cannot be used ({_words(error)}); valid: keyboard, joy, {', '.join(MODULES)}, "
            "or another type of lerobot-teleoperate"
        ) from error
    known = [name for name in inspect.signature(config_class).parameters if name != "self"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigurationError(f"leader '{kind}' has no option {', '.join(unknown)}; valid: {', '.join(known)}")
    given = {key: Path(value) if key == "calibration_dir" else value for key, value in options.items()}
    try:
        return make_teleoperator_from_config(config_class(**given))
    except (ImportError, TypeError, ValueError) as error:
        raise ConfigurationError(f"leader '{kind}' cannot be made: {_words(error)}") from error


def arm_codec(device: Any, robot: RobotConfig, joints: Mapping[str, str]) -> JointCodec | None:
    """Return what an arm's numbers are, or None for a device without motors.

    Args:
        device: LeRobot's teleoperator.
        robot: The robot that follows; its limits are what the leader's calibrated range becomes.
        joints: Robot's joint by the leader's, where they differ.

    Raises:
        ConfigurationError: If the leader has a joint that the robot does not have.
    """
    motors = getattr(getattr(device, "bus", None), "motors", None)
    if motors is None:
        return None
    units = []
    for leader, motor in motors.items():
        name = joints.get(leader, leader)
        if name not in robot.joints:
            raise ConfigurationError(
                f"the leader's joint '{leader}' is none of '{robot.name}'; valid: leader_joints with <leader's>=<robot's> of "
                f"{', '.join(robot.joints)}"
            )
        units.append(joint_unit(name, str(getattr(motor.norm_mode, "value", motor.norm_mode)), robot))
    return JointCodec(units)


def joint_unit(joint: str, norm_mode: str, robot: RobotConfig) -> JointUnit:
    """Return what a leader's number means for a joint of the robot.

    Args:
        joint: The robot's joint.
        norm_mode: LeRobot's MotorNormMode: "degrees", "range_m100_100" or "range_0_100".
        robot: The robot.

    Raises:
        ConfigurationError: If the mode is not known.
    """
    limits, gripper = robot.joints[joint], robot.gripper
    if norm_mode == "degrees":
        return JointUnit(joint, "deg", DEGREE)
    if norm_mode == "range_0_100":
        # LeRobot's 0 is closed and 100 is open.
        low, high = (
            (limits.lower, limits.upper)
            if gripper is None or joint not in gripper.joints
            else (gripper.closed, gripper.open)
        )
        return JointUnit(joint, "range_0_100", (high - low) / 100.0, low)
    if norm_mode == "range_m100_100":
        return JointUnit(
            joint, "range_m100_100", (limits.upper - limits.lower) / 200.0, (limits.upper + limits.lower) / 2.0
        )
    raise ConfigurationError(
        f"the leader gives joint '{joint}' as '{printable(norm_mode)}'; valid: degrees, range_m100_100, range_0_100"
    )


def joint_positions(action: Mapping[str, Any], codec: JointCodec, joints: Mapping[str, str]) -> dict[str, float]:
    """Return an arm's action as the robot's joint positions [rad] or [m].

    Args:
        action: LeRobot's, "<joint>.pos" to number.
        codec: What the numbers are.
        joints: Robot's joint by the leader's, where they differ.

    Raises:
        BadFrameError: If a joint is missing, unknown or no number.
    """
    named = {_robot_key(key, joints): value for key, value in action.items()}
    if set(named) != set(codec.keys):
        raise BadFrameError(
            BadInput.UNKNOWN_JOINT,
            f"the leader gave {', '.join(map(str, action)) or 'nothing'}; valid: {', '.join(codec.keys)}",
        )
    try:
        numbers = np.array([float(named[key]) for key in codec.keys])
    except (TypeError, ValueError) as error:
        raise BadFrameError(BadInput.NOT_FINITE, f"the leader gave no numbers: {error}") from error
    return dict(zip(codec.names, codec.to_si(numbers).tolist()))


def _robot_key(key: str, joints: Mapping[str, str]) -> str:
    name = str(key).removesuffix(POSITION)
    return joints.get(name, name) + POSITION


def _events(device: Any) -> dict[str, Any]:
    return {getattr(key, "value", str(key)): value for key, value in device.get_teleop_events().items()}


def _words(error: Exception) -> str:
    return printable(str(error).strip() or type(error).__name__).replace("\\n", " ")[:400]
