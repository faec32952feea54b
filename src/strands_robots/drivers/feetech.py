"""SO-100, SO-101 and other arms of STS3215 servos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.drivers.calibration import Calibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.feetech_cycle import FeetechCycle
from strands_robots.drivers.servo_driver import ServoDriver, ServoOptions
from strands_robots.servo_bus.feetech_protocol import StatusBit

FeetechOptions = ServoOptions
"""Options of an arm of Feetech servos."""

_SETTINGS = {"Operating_Mode": 0, "Return_Delay_Time": 0, "P_Coefficient": 16, "I_Coefficient": 0, "D_Coefficient": 32}
_GRIPPER_SETTINGS = {"Max_Torque_Limit": 500, "Protection_Current": 250, "Overload_Torque": 25}
_ALWAYS = {"Maximum_Acceleration": 254, "Acceleration": 254}
"""As lerobot/robots/so_follower/so_follower.py configures them."""


class FeetechDriver(ServoDriver):
    """One arm on a Feetech bus; see `Driver`."""

    error_register = "Status"
    error_bits = StatusBit
    counts_turns = False

    def make_bus(self, models: Mapping[str, str], calibration: Calibration) -> Any:
        """See `ServoDriver`."""
        try:
            from lerobot.motors import Motor, MotorCalibration, MotorNormMode
            from lerobot.motors.feetech import FeetechMotorsBus
        except ImportError as error:
            raise ConfigurationError(
                f"LeRobot with its Feetech extra is not installed ({error}); install it with: pip install 'lerobot[feetech]'"
            ) from error
        joints = calibration.joints
        motors = {name: Motor(joints[name].id, model, MotorNormMode.DEGREES) for name, model in models.items()}
        return FeetechMotorsBus(
            self.options.port, motors, {name: MotorCalibration(**vars(joint)) for name, joint in joints.items()}
        )

    def settings(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """See `ServoDriver`."""
        gripper = () if self.config.gripper is None else self.config.gripper.joints
        return _SETTINGS | (_GRIPPER_SETTINGS if name in gripper else {}), _ALWAYS

    def check_servos(self) -> None:
        """See `ServoDriver`; LeRobot refuses servos of different firmware, whose registers may differ."""
        firmware = {
            name: (self.number("Firmware_Major_Version", name), self.number("Firmware_Minor_Version", name))
            for name in self.names
        }
        if len(set(firmware.values())) > 1:
            versions = ", ".join(f"{name} {major}.{minor}" for name, (major, minor) in firmware.items())
            raise DriverError(f"servos have different firmware: {versions}; valid: one version, by Feetech's own tool")

    def make_cycle(self, descriptor: int, numbers: Sequence[int], models: Mapping[str, str]) -> FeetechCycle:
        """See `ServoDriver`."""
        return FeetechCycle(descriptor, numbers, self.options.read_timeout, self.health.counts)
