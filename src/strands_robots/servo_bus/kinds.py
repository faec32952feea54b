"""Which servos and which protocol an arm has, from its description. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.description.robot_config import RobotConfig
from strands_robots.servo_bus.bus_servo import BusServo, Wire
from strands_robots.servo_bus.dynamixel_registers import MODELS
from strands_robots.servo_bus.dynamixel_servo import DynamixelServo
from strands_robots.servo_bus.dynamixel_wire import dynamixel_wire
from strands_robots.servo_bus.feetech_wire import feetech_wire
from strands_robots.servo_bus.servo import ServoMemory

PROTOCOLS = ("feetech", "dynamixel")
FEETECH = ("sts3215",)
DYNAMIXEL = tuple(MODELS)


@dataclass(frozen=True)
class ServoKind:
    """Number on the bus, and model as LeRobot names it."""

    number: int
    model: str


def servo_kinds(config: RobotConfig, protocol: str = "") -> tuple[str, list[ServoKind]]:
    """Return protocol and servos of a robot, in its joint order.

    Args:
        config: The robot.
        protocol: Protocol that is asked for; empty for the robot's own.

    Raises:
        ConfigurationError: If the robot's description names no servos, others than asked for, or some that cannot be simulated.
    """
    hardware = config.hardware
    if hardware is None or not hardware.servos:
        raise ConfigurationError(
            f"'{config.name}' names no servos (hardware.servos); valid: so100, so101, koch, omx, or a file"
        )
    kinds = [ServoKind(servo.id, servo.model) for servo in hardware.servos.values()]
    models = {kind.model for kind in kinds}
    for known, valid in (("feetech", FEETECH), ("dynamixel", DYNAMIXEL)):
        if models <= set(valid):
            if protocol not in ("", known):
                raise ConfigurationError(f"'{config.name}' has servos of protocol {known}, not '{printable(protocol)}'")
            return known, kinds
    raise ConfigurationError(
        f"servos {', '.join(sorted(models))} of '{config.name}' are not simulated; "
        f"valid: all of {', '.join(FEETECH)}, or all of {', '.join(DYNAMIXEL)}"
    )


def make_servo(kind: ServoKind, mount: int, extent: tuple[int, int], is_calibrated: bool) -> BusServo:
    """Return a simulated servo; see `ServoMemory` for the arguments."""
    if kind.model in FEETECH:
        return ServoMemory(kind.number, mount, extent, is_calibrated)
    return DynamixelServo(kind.number, kind.model, mount, extent, is_calibrated)


def make_wire(protocol: str) -> Wire:
    """Return one of PROTOCOLS."""
    return feetech_wire() if protocol == "feetech" else dynamixel_wire()
