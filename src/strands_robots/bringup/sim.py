"""The graph of a simulation: the options of `strands-robots sim` and sim.launch.py, and the nodes they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from strands_robots.bringup.graph import Graph, OnExit, ParameterValue
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
from strands_robots.bringup.robots import BringupRobot, check_robots, parse_robots
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.ros_home import ros_home

MODES = ("realtime", "fast", "lockstep")


@dataclass(frozen=True)
class SimOptions(GraphOptions):
    """What a person may choose about a simulation. The command and the launch file show the descriptions.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    robots: tuple[BringupRobot, ...]
    mode: str = option("realtime", "Pace of the world: realtime, fast or lockstep.", MODES)
    headless: bool = option(True, "Without a window; false opens the viewer of MuJoCo, which needs a screen.")
    cameras: bool = option(True, "Publish the cameras.")
    real_time_factor: float = option(1.0, "Simulated seconds for each second, in mode realtime.")
    camera_rate: float = option(30.0, "Pictures of each camera [Hz].")
    seed: int = option(0, "Seed of the world's random streams.")
    scene: str = option("", "MJCF file of the scene around the robots; empty for a floor.", is_file=True)
    timestep: float = option(0.002, "Physics timestep [s].")
    control_period: float = option(0.01, "Time between two control ticks [s].")
    output_folder: str = option(
        "", "Folder for pictures and other files; empty for strands_robots/output in $ROS_HOME or ~/.ros."
    )
    arm_on_start: bool = option(True, "Arm the robots at the start of the graph.")
    evaluation: bool = option(
        False, "Start evaluation_node: the action server evaluate, which counts how often a policy does a task."
    )

    def __post_init__(self) -> None:
        check_robots(self.robots)
        super().__post_init__()
        for name in ("real_time_factor", "camera_rate", "timestep", "control_period"):
            if not 0.0 < getattr(self, name) < 1e4:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: above 0 and below 10000")


_LAUNCHED = (
    "mode", "headless", "cameras", "rviz", "foxglove", "foxglove_port", "incidents", "agent", "teleop", "params_file", "namespace",
    "log_level", "stop_button", "stop_gpio", "evaluation", "console", "console_port",
)  # fmt: skip

LAUNCH_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "robot": "so101",
        "robots": "",
        **{name: as_text(option_fields(SimOptions)[name].default) for name in _LAUNCHED},
    }
)
"""Arguments of sim.launch.py and their defaults; the command has the same, and more."""

_ROBOT_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "robot": (
            "The robot: a name in config/robots, a .yaml, .xml (MJCF) or .urdf file, a robot of an installed collection as "
            "robot_descriptions:<name> or example_robot_data:<name>, or <name>:=<one of these>."
        ),
        "robots": (
            "Several robots, each as robot, optionally with @<x>,<y>,<z>,<yaw>, between blanks, commas or semicolons; "
            "wins over robot."
        ),
    }
)


def describe(name: str) -> str:
    """Return what an option of SimOptions, or the argument `robot` or `robots`, means."""
    return _ROBOT_ARGUMENTS.get(name) or describe_option(SimOptions, name)


def options_from_text(given: Mapping[str, str]) -> SimOptions:
    """Return the options from the texts of a launch file's arguments.

    Args:
        given: Text by name: `robot`, `robots` and any field of SimOptions.

    Raises:
        ConfigurationError: If a text is not valid for its option; the message says what is.
    """
    robots = parse_robots(given.get("robot", ""), given.get("robots", ""))
    return SimOptions(robots, **values_from_text(SimOptions, given, _ROBOT_ARGUMENTS))


def sim_graph(options: SimOptions) -> Graph:
    """Return the graph of a simulation, without the environment (see `environment.prepare`)."""
    robots = tuple(str(robot) for robot in options.robots)
    maker = NodeMaker(options, robots, is_simulated=True)
    world = maker.node("sim_node", OnExit.END_GRAPH, robots=robots, **_world_parameters(options))
    # Optional: its worlds are its own, and nothing of this graph needs it.
    evaluation = [maker.node("evaluation_node", OnExit.OPTIONAL, use_sim_time=False)] if options.evaluation else []
    return maker.graph(world, *evaluation, safety={"arm_on_start": options.arm_on_start})


def _world_parameters(options: SimOptions) -> dict[str, ParameterValue]:
    output = (
        Path(options.output_folder).expanduser() if options.output_folder else ros_home() / "strands_robots" / "output"
    )
    same = ("mode", "real_time_factor", "headless", "cameras", "camera_rate", "seed", "timestep", "control_period")
    return {
        **{name: getattr(options, name) for name in same},
        "scene": resolved(options.scene),
        "output_folder": str(output.resolve()),
    }
