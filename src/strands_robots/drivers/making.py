"""From parameters to a driver and its gate. ROS-free."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from strands_robots.drivers.calibration import default_path
from strands_robots.drivers.driver import Driver
from strands_robots.drivers.feetech import FeetechDriver, FeetechOptions
from strands_robots.errors import ConfigurationError
from strands_robots.robot_config import RobotConfig, load_robot
from strands_robots.safety.gate import Gate, GateConfig
from strands_robots.safety.limits import LimitPolicy
from strands_robots.safety.supervision import Supervision
from strands_robots.types import FloatArray, StopCategory

KINDS = ("feetech",)


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
            raise ConfigurationError(f"robot '{ascii(text)[1:-1]}' given; valid: '<name>=<robot>'")
        return cls(name, load_robot(reference))


def make_driver(robot: RealRobot, kind: str, port: str, calibration: str, arm: str) -> Driver:
    """Return a driver that is not connected yet.

    Args:
        robot: The robot.
        kind: One of KINDS.
        port: Serial port.
        calibration: LeRobot's file; empty for the one that LeRobot keeps for `arm`.
        arm: The arm's id, as given to lerobot-calibrate.
    """
    if kind != "feetech":
        raise ConfigurationError(f"driver '{kind}' is not known; valid: {', '.join(KINDS)}")
    path = Path(calibration).expanduser() if calibration else default_path("so_follower", arm)
    return FeetechDriver(robot.config, FeetechOptions(port, path))


def make_gate(
    robot: RealRobot,
    driver: Driver,
    position: FloatArray,
    period: float,
    category: int,
    policy: str,
    heartbeat_timeout: float,
    lease_timeout: float,
) -> Gate:
    """Return the gate of a connected robot that is at `position` (D,) [rad]; see DriverParameters for the rest."""
    config = robot.config
    gate = GateConfig(
        robot=robot.name,
        session=uuid.uuid4().hex,
        control_period=period,
        stop_category=config.stop_category if category < 0 else StopCategory(category),
        modes=config.control_modes,
        heartbeat_timeout=heartbeat_timeout,
        stall_timeout=max(0.25, 5.0 * period),
        lease_timeout=lease_timeout,
        lease_on_steady_clock=True,
        limit_policy=LimitPolicy(policy),
    )
    chain = None
    if config.supervision.workspace is not None:
        from strands_robots.sim.tool_chain import read_tool_chain
        from strands_robots.sim.world import World
        from strands_robots.sim.world_config import RobotSpec, WorldConfig

        world = World(WorldConfig(robots=(RobotSpec(robot.name, config),)))
        chain = read_tool_chain(world.model, world.robot(robot.name).prefix, config)
    limits = config.limits()
    return Gate(gate, limits, position, Supervision(config.supervision, limits, period, chain, driver.measures))
