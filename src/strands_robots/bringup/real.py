"""The graph of a real robot: the options of `strands-robots real` and real.launch.py, and the nodes they ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from strands_robots.bringup.graph import Graph, NodeSpec, OnExit
from strands_robots.bringup.graph_options import (
    GraphOptions,
    as_text,
    describe_option,
    option,
    option_fields,
    resolved,
    values_from_text,
)
from strands_robots.bringup.nodes import NodeMaker
from strands_robots.bringup.robots import BringupRobot, check_robots, parse_robot
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable


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
    second: str = option(
        "",
        "A second arm in the same graph, for a pair: <name>:=<robot>,<port>,<arm's id or calibration file>.",
    )
    controllers: str = option(
        "",
        "For an arm behind ros2_control, in place of port and arm: its controllers, a name in config/ros2_control or a .yaml file.",
    )
    wait: float = option(
        30.0,
        "Longest wait at the start for controllers and states of an arm behind ros2_control [s]; the log says what for.",
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
        if not 0.1 <= self.wait <= 3600.0:
            raise ConfigurationError(f"wait is {self.wait:g} s; valid: 0.1 to 3600")
        if self.controllers:
            self._refuse_beside_controllers("port", "arm", "calibration")
        else:
            self._require("port")
            if not self.arm and not self.calibration:
                raise ConfigurationError(
                    "neither arm nor calibration is given; valid: arm:=<id>, as given to lerobot-calibrate"
                )
        self.spec()
        if self.cameras:
            from strands_robots.description.camera_config import parse_cameras

            parse_cameras(self.cameras)
        self.second_arm()

    def spec(self) -> BringupRobot:
        """Return the robot."""
        robot = parse_robot(self.robot)
        if robot.pose:
            raise ConfigurationError(f"robot '{printable(self.robot)}' has a pose; valid: a real robot without a pose")
        return robot

    def second_arm(self) -> tuple[BringupRobot, str, str] | None:
        """Return the second arm, its port, and its id or calibration file; None when there is none."""
        if not self.second:
            return None
        parts = [part.strip() for part in self.second.split(",")]
        if len(parts) != 3 or not all(parts):
            raise ConfigurationError(
                f"second '{printable(self.second)}' cannot be read; valid: <name>:=<robot>,<port>,<arm's id or calibration file>"
            )
        robot, port, arm = parse_robot(parts[0]), parts[1], parts[2]
        check_robots((self.spec(), robot))
        if robot.pose or port == self.port:
            raise ConfigurationError(f"second '{printable(self.second)}' given; valid: a port of its own, and no pose")
        return robot, port, arm

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
    robot, second = options.spec(), options.second_arm()
    robots = (robot,) if second is None else (robot, second[0])
    maker = NodeMaker(options, tuple(map(str, robots)), is_simulated=False)
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
            wait=options.wait,
            at_exit=options.at_exit,
            autostart="activate",
            use_sim_time=False,
        )
    ]
    if second is not None:
        moving.append(_second_driver(maker, *second, options.at_exit))
    if options.cameras:
        cameras = _file_or_name(options.cameras)
        # Optional: a robot must not stop because a camera's driver crashes.
        moving.append(maker.node("camera_node", OnExit.OPTIONAL, robot=str(robot), cameras=cameras, use_sim_time=False))
    return maker.graph(
        *moving, safety={"arm_on_start": False, "on_audit_loss": "stop", "robots": tuple(r.name for r in robots)}
    )


def _second_driver(maker: NodeMaker, robot: BringupRobot, port: str, arm: str, at_exit: str) -> NodeSpec:
    """Return the driver of a second arm: a process of its own, so that one arm's fault is not the other's."""
    is_file = arm.endswith(".json")
    spec = maker.node(
        "driver_node", OnExit.END_GRAPH, robot=str(robot), driver="auto", port=port, arm="" if is_file else arm,
        calibration=resolved(arm) if is_file else "", at_exit=at_exit, autostart="activate", use_sim_time=False,
    )  # fmt: skip
    return dataclasses.replace(spec, name=f"driver_{robot.name}")


def _file_or_name(given: str) -> str:
    """Return what names a file as an absolute path, anything else as it is."""
    return resolved(given) if Path(given).suffix in (".yaml", ".yml") else given
