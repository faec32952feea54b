"""From parameters to a driver and its gate. ROS-free."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.limits import LimitPolicy
from strands_robots.control.supervision import Supervision
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.core.types import StopCategory
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.drivers.arms import ARM_KINDS, make_arm
from strands_robots.drivers.controllers import ControlledRobot, load_controllers
from strands_robots.drivers.driver import Driver
from strands_robots.drivers.patience import Patience
from strands_robots.drivers.ros2_control import FIRST_STATES, ControllerLink, Ros2ControlDriver

ROS2_CONTROL = "ros2_control"
KINDS = (*ARM_KINDS, ROS2_CONTROL)

FOLLOW_TIME = 0.25
"""Where a robot's description supervises no tracking, a joint may be behind its set-point by what it moves in this time [s]."""

MakeLink = Callable[[ControlledRobot], ControllerLink]
"""Makes the messages of a robot behind ros2_control."""


@dataclass(frozen=True)
class RealRobot:
    """One real robot.

    Attributes:
        name: On the graph.
        config: Its description.
    """

    name: str
    config: RobotConfig

    @classmethod
    def parse(cls, text: str) -> RealRobot:
        """Return the robot of "<name>=<robot>".

        Raises:
            ConfigurationError: If it cannot be read or the robot is not known.
        """
        name, separator, reference = text.partition("=")
        if not separator or not name or not reference:
            raise ConfigurationError(f"robot '{printable(text)}' given; valid: '<name>=<robot>'")
        return cls(name, load_robot(reference))


@dataclass(frozen=True)
class RobotConnection:
    """How a real robot is reached.

    Attributes:
        driver: One of KINDS.
        port: Serial port of a robot on a servo bus.
        calibration: LeRobot's file; empty for the one that LeRobot keeps for `arm`.
        arm: The arm's id, as given to lerobot-calibrate.
        controllers: Controllers of a robot behind ros2_control: a name in config/ros2_control or a YAML file.
        stop_category: 0, 1 or 2; -1 takes the robot's own.
        silence: A drive that has not answered for this long is lost [s]; 0 takes the driver's own.
        wait: Longest wait for the controllers and states of a robot behind ros2_control [s].
        say: Takes what is waited for, in words.
    """

    driver: str = "auto"
    port: str = ""
    calibration: str = ""
    arm: str = ""
    controllers: str = ""
    stop_category: int = -1
    silence: float = 0.0
    wait: float = FIRST_STATES
    say: Callable[[str], None] = lambda text: None


def make_driver(robot: RealRobot, given: RobotConnection, make_link: MakeLink) -> Driver:
    """Return a driver that is not connected yet.

    Args:
        robot: The robot.
        given: How it is reached.
        make_link: Makes the messages of a robot behind ros2_control.

    Raises:
        ConfigurationError: If the robot cannot be reached so.
    """
    if given.driver == ROS2_CONTROL or (given.driver == "auto" and given.controllers):
        return _ros2_control(robot, given, make_link)
    return make_arm(robot.config, given.driver, given.port, given.calibration, given.arm, given.silence)


def make_gate(
    robot: RealRobot,
    driver: Driver,
    position: FloatArray,
    period: float,
    category: int,
    policy: str,
    heartbeat_timeout: float,
    stall_timeout: float,
    lease_timeout: float,
) -> Gate:
    """Return the gate of a connected robot that is at `position` (D,) [rad]; see DriverParameters for the rest."""
    config = robot.config
    gate = GateConfig(
        robot=robot.name,
        session=uuid.uuid4().hex,
        control_period=period,
        stop_category=_category(config, category),
        modes=config.control_modes,
        heartbeat_timeout=heartbeat_timeout,
        stall_timeout=max(stall_timeout, 5.0 * period),
        lease_timeout=lease_timeout,
        lease_on_steady_clock=True,
        handover_speed=config.handover_speed,
        follow_time=FOLLOW_TIME,
        sag_time=driver.sag_time,
        limit_policy=LimitPolicy(policy),
    )
    chain = None
    if config.supervision.workspace is not None:
        from strands_robots.control.model_tool_chain import read_tool_chain
        from strands_robots.description.model_file import compile_model
        from strands_robots.description.robot_model import load_robot_model

        model = load_robot_model(config.model_copy(update={"cameras": {}}), robot.name)
        chain = read_tool_chain(compile_model(model.spec, model.path, f"robot '{robot.name}'"), "", config)
    limits = config.limits()
    return Gate(gate, limits, position, Supervision(config.supervision, limits, period, chain, driver.measures))


def _ros2_control(robot: RealRobot, given: RobotConnection, make_link: MakeLink) -> Driver:
    controllers = load_controllers(given.controllers, tuple(robot.config.joints))
    category = _category(robot.config, given.stop_category)
    if category is not StopCategory.CONTROLLED_AND_HOLD and not controllers.config.switch:
        raise ConfigurationError(
            f"stop category {category.value} takes the torque, which only a controller_manager can; valid: stop_category 2, or "
            "`switch: true` in the controllers' file"
        )
    velocity = robot.config.limits().velocity
    return Ros2ControlDriver(controllers, make_link(controllers), velocity, lambda: Patience(given.wait, given.say))


def _category(config: RobotConfig, given: int) -> StopCategory:
    return config.stop_category if given < 0 else StopCategory(given)
