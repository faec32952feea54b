"""Koch, OMX and other arms of XL330 and XL430 servos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.drivers.calibration import Calibration
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.dynamixel_cycle import DynamixelCycle
from strands_robots.drivers.servo_driver import ServoDriver
from strands_robots.servo_bus.dynamixel_registers import MODELS, HardwareError, OperatingMode

_ELBOW = {"Position_P_Gain": 1500, "Position_I_Gain": 0, "Position_D_Gain": 600}
"""As lerobot/robots/koch_follower/koch_follower.py and omx_follower.py configure them."""


class DynamixelDriver(ServoDriver):
    """One arm on a Dynamixel bus; see `Driver`.

    Every joint has a temperature sensor; those with an XL430 have no current sensor, and their current is not supervised.
    A servo that has shut itself down gives no torque until its supply was off; the connection is refused until then.
    """

    error_register = "Hardware_Error_Status"
    error_bits = HardwareError
    counts_turns = True

    def make_bus(self, models: Mapping[str, str], calibration: Calibration) -> Any:
        """See `ServoDriver`."""
        unknown = sorted(set(models.values()) - set(MODELS))
        if unknown:
            raise DriverError(
                f"servos {', '.join(unknown)} of '{self.config.name}' are not known; valid: {', '.join(MODELS)}"
            )
        try:
            from lerobot.motors import Motor, MotorCalibration, MotorNormMode
            from lerobot.motors.dynamixel import DynamixelMotorsBus

            joints = calibration.joints
            motors = {name: Motor(joints[name].id, model, MotorNormMode.DEGREES) for name, model in models.items()}
            return DynamixelMotorsBus(
                self.options.port, motors, {name: MotorCalibration(**vars(joint)) for name, joint in joints.items()}
            )
        except ImportError as error:
            raise ConfigurationError(
                f"LeRobot with its Dynamixel extra is not installed ({error}); "
                "install it with: pip install 'lerobot[dynamixel]'"
            ) from error

    def settings(self, name: str) -> tuple[dict[str, int], dict[str, int]]:
        """See `ServoDriver`."""
        gripper = () if self.config.gripper is None else self.config.gripper.joints
        mode = OperatingMode.CURRENT_POSITION if name in gripper else OperatingMode.EXTENDED_POSITION
        return {"Return_Delay_Time": 0, "Operating_Mode": int(mode)}, _ELBOW if name == "elbow_flex" else {}

    def check_servos(self) -> None:
        """See `ServoDriver`; protocol 2.0 is the same in every firmware."""

    def make_cycle(self, descriptor: int, numbers: Sequence[int], models: Mapping[str, str]) -> DynamixelCycle:
        """See `ServoDriver`."""
        kinds = [MODELS[models[name]] for name in self.names]
        return DynamixelCycle(descriptor, numbers, kinds, self.options.read_timeout, self.health.counts)
