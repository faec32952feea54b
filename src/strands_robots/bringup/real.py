"""The graph of a real robot: the options of `strands-robots real` and real.launch.py, and the nodes they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from strands_robots.bringup.graph import Graph, NodeSpec, OnExit
from strands_robots.bringup.nodes import NodeMaker
from strands_robots.bringup.options import (
    GraphOptions,
    as_text,
    describe_option,
    option,
    option_fields,
    resolved,
    values_from_text,
)
from strands_robots.bringup.robots import RobotSpec, parse_robot
from strands_robots.cameras.config import parse_cameras
from strands_robots.errors import ConfigurationError


@dataclass(frozen=True)
class RealOptions(GraphOptions):
    """What a person chooses about a real robot. The robot and how it is reached have no default: nothing moves hardware by itself.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    robot: str = option("", "The robot: a name in config/robots or a .yaml file, or <name>:=<one of these>.")
    port: str = option("", "Serial port of the arm, for example /dev/ttyACM0.")
    arm: str = option("", "Id of the arm, as given to lerobot-calibrate; says which calibration is used.")
    calibration: str = option(
        "", "LeRobot's calibration file; empty for the one that LeRobot keeps for the arm.", is_file=True
    )
    controllers: str = option(
        "",
        "For an arm behind ros2_control, in place of port and arm: its controllers, a name in config/ros2_control or a .yaml file.",
    )
    cameras: str = option(
        "",
        "Its cameras: <camera>=opencv:<device or number> or <camera>=realsense:<serial number>, between semicolons, "
        "or a .yaml file.",
    )
    at_exit: str = option("hold", "What the motors do when the graph ends: hold or off.", ("hold", "off"))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("robot")
        if self.controllers:
            self._refuse_beside_controllers("port", "arm", "calibration")
        else:
            self._require("port")
            if not self.arm and not self.calibration:
                raise ConfigurationError(
                    "neither arm nor calibration is given; valid: arm:=<id>, as given to lerobot-calibrate"
                )
        self.spec()
        parse_cameras(self.cameras)

    def spec(self) -> RobotSpec:
        """Return the robot."""
        robot = parse_robot(self.robot)
        if robot.pose:
            raise ConfigurationError(
                f"robot '{ascii(self.robot)[1:-1]}' has a pose; valid: a real robot stands where it stands"
            )
        return robot

    def _require(self, name: str) -> None:
        if not getattr(self, name):
            raise ConfigurationError(f"no {name} is given; valid: {describe(name)} Real hardware has no default.")

    def _refuse_beside_controllers(self, *names: str) -> None:
        for name in names:
            if getattr(self, name):
                raise ConfigurationError(
                    f"{name} and controllers are given; valid: controllers for an arm behind ros2_control, else {name}"
                )


REAL_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {name: as_text(entry.default) for name, entry in option_fields(RealOptions).items()}
)
"""Arguments of real.launch.py and their defaults; the command has the same."""


def describe(name: str) -> str:
    """Return what an option means."""
    return describe_option(RealOptions, name)


def real_options_from_text(given: Mapping[str, str]) -> RealOptions:
    """Return the options from the texts of a launch file's arguments.

    Raises:
        ConfigurationError: If a text is not valid for its option; the message says what is.
    """
    return RealOptions(**values_from_text(RealOptions, given))


def real_graph(options: RealOptions) -> Graph:
    """Return the graph of a real robot: as a simulation's, with driver_node for sim_node.

    It starts stopped, and stops while nothing is recorded: a real robot moves only after a resume, and never unrecorded.
    """
    robot = options.spec()
    maker = NodeMaker(options, (str(robot),), is_simulated=False)
    moving: list[NodeSpec] = [
        maker.node(
            "driver_node",
            OnExit.END_GRAPH,
            robot=str(robot),
            driver="ros2_control" if options.controllers else "auto",
            port=options.port,
            arm=options.arm,
            calibration=resolved(options.calibration),
            controllers=_file_or_name(options.controllers),
            at_exit=options.at_exit,
            autostart="activate",
            use_sim_time=False,
        )
    ]
    if options.cameras:
        cameras = _file_or_name(options.cameras)
        # Optional: a robot must not stop because a camera's driver crashes.
        moving.append(maker.node("camera_node", OnExit.OPTIONAL, robot=str(robot), cameras=cameras, use_sim_time=False))
    return maker.graph(*moving, safety={"arm_on_start": False, "on_audit_loss": "stop", "robots": (robot.name,)})


def _file_or_name(given: str) -> str:
    """Return what names a file as an absolute path, anything else as it is."""
    return resolved(given) if Path(given).suffix in (".yaml", ".yml") else given
