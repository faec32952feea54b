"""The graph of a simulation: options of `strands-robots sim` and `ros2 launch strands_robots sim.launch.py`, and the nodes they ask for."""

from __future__ import annotations

import dataclasses
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from strands_robots.bringup.graph import Graph, NodeSpec, OnExit, ParameterValue
from strands_robots.errors import ConfigurationError, UnknownNameError

MODES = ("realtime", "fast", "lockstep")
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
MODEL_FILES = (".yaml", ".yml", ".xml", ".urdf")

_ROS_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_POSE = re.compile(rf"{_NUMBER}(,{_NUMBER}){{2,3}}")
_BETWEEN_ROBOTS = re.compile(r"[;\s]+|,(?![-+.\d])")
"""Between two robots; a comma before a number belongs to a pose."""

_ROS_NAMESPACE = re.compile(r"/?([A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*)?/?")


@dataclass(frozen=True)
class RobotSpec:
    """One robot of the graph.

    Attributes:
        name: Name on the graph, its namespace.
        model: Name in config/robots, or a path to a .yaml, .xml (MJCF) or .urdf file.
        pose: Where its base stands in the world, "x,y,z" or "x,y,z,yaw" [m, rad]; empty for sim_node's choice.
    """

    name: str
    model: str
    pose: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.model}" + (f"@{self.pose}" if self.pose else "")


def parse_robot(text: str) -> RobotSpec:
    """Return the robot that a person wrote as "<name>:=<model>@<x>,<y>,<z>,<yaw>"; "=" does for ":=", and only the model is needed.

    Raises:
        ConfigurationError: If the name is no name of ROS or there is no model; says what is valid.
        UnknownNameError: If the model is neither a known robot nor an existing file.
    """
    given, at, pose = text.strip().partition("@")
    if at and not _POSE.fullmatch(pose):
        raise ConfigurationError(f"pose '{ascii(pose)[1:-1]}' cannot be read; valid: <x>,<y>,<z> or <x>,<y>,<z>,<yaw> in m and rad")
    name, separator, model = given.partition(":=" if ":=" in given else "=")
    if not separator:
        model = given
        name = re.sub(r"[^a-z0-9_]", "_", Path(model).stem.lower()) if is_file(model) else model
    if not model:
        raise ConfigurationError(f"robot '{ascii(given)[1:-1]}' names no model; valid: a robot, or <name>:=<robot or path of a file>")
    if not _ROS_NAME.fullmatch(name):
        raise ConfigurationError(
            f"robot name '{ascii(name)[1:-1]}' cannot be used on ROS; valid: lower-case letters, digits and _, a letter first, at most 64"
        )
    return RobotSpec(name, _known_model(model), pose)


def is_file(model: str) -> bool:
    """Return whether a model is meant as a path and not as the name of a robot."""
    return "/" in model or model.endswith(MODEL_FILES)


def _known_model(model: str) -> str:
    from strands_robots.robot_config import robot_names

    if is_file(model):
        path = Path(model).expanduser()
        if not model.endswith(MODEL_FILES) or not path.is_file():
            raise ConfigurationError(f"robot file '{ascii(model)[1:-1]}' cannot be used; valid: an existing file {', '.join(MODEL_FILES)}")
        return str(path.resolve())
    names = robot_names()
    if model not in names:
        raise UnknownNameError("robot", model, names)
    return model


def parse_robots(robot: str, robots: str) -> tuple[RobotSpec, ...]:
    """Return the robots of the arguments `robot` (one) and `robots` (several, see `describe("robots")`); `robots` wins when both are given.

    Raises:
        ConfigurationError: If one cannot be read, two have the same name, or there is none.
    """
    texts = [text for text in _BETWEEN_ROBOTS.split(robots) if text] or ([robot] if robot.strip() else [])
    return check_robots(parse_robot(text) for text in texts)


def check_robots(given: Iterable[RobotSpec]) -> tuple[RobotSpec, ...]:
    """Return the robots after a check that there is one and that no name comes twice."""
    robots = tuple(given)
    names = [robot.name for robot in robots]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not robots or twice:
        problem = f"robot names {', '.join(twice)} are given twice" if twice else "no robot is given"
        raise ConfigurationError(f"{problem}; valid: one or more <name>:=<model>, every name once")
    return robots


def ros_home() -> Path:
    """Return the folder of ROS's own files: $ROS_HOME, else ~/.ros."""
    return Path(os.environ.get("ROS_HOME", "") or "~/.ros").expanduser()


def _option(default: Any, description: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"description": description, "choices": choices})


@dataclass(frozen=True)
class SimOptions:
    """What a person may choose about a simulation. The descriptions are those that the command and the launch file show.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    robots: tuple[RobotSpec, ...]
    mode: str = _option("realtime", "Pace of the world: realtime, fast or lockstep.", MODES)
    headless: bool = _option(True, "Without a window; false opens the viewer of MuJoCo, which needs a screen.")
    cameras: bool = _option(True, "Publish the cameras.")
    rviz: bool = _option(False, "Start RViz as well; needs a ROS installation with rviz2.")
    params_file: str = _option("", "ROS parameter file for every node; what it says wins over everything else.")
    namespace: str = _option("", "Namespace of the whole graph.")
    log_level: str = _option("info", "Level of every node's log: debug, info, warn, error or fatal.", LOG_LEVELS)
    real_time_factor: float = _option(1.0, "Simulated seconds for each second, in mode realtime.")
    camera_rate: float = _option(30.0, "Pictures of each camera [Hz].")
    seed: int = _option(0, "Seed of the world's random streams.")
    scene: str = _option("", "MJCF file of the scene around the robots; empty for a floor.")
    timestep: float = _option(0.002, "Physics timestep [s].")
    control_period: float = _option(0.01, "Time between two control ticks [s].")
    output_folder: str = _option("", "Folder for pictures and other files; empty for strands_robots/output in $ROS_HOME or ~/.ros.")
    arm_on_start: bool = _option(True, "Arm the robots at the start of the graph.")
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        check_robots(self.robots)
        for entry in dataclasses.fields(self):
            choices = entry.metadata.get("choices", ())
            if choices and getattr(self, entry.name) not in choices:
                raise UnknownNameError(entry.name, getattr(self, entry.name), choices)
        for name in ("real_time_factor", "camera_rate", "timestep", "control_period"):
            if not 0.0 < getattr(self, name) < 1e4:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: above 0 and below 10000")
        if not _ROS_NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(f"namespace '{ascii(self.namespace)[1:-1]}' cannot be used on ROS; valid: names of letters, digits and _ "
                                     "joined by /")
        for name in ("params_file", "scene"):
            path = getattr(self, name)
            if path and not Path(path).expanduser().is_file():
                raise ConfigurationError(f"{name} '{ascii(path)[1:-1]}' does not exist; valid: the path of a file, or nothing")


LAUNCH_ARGUMENTS: Mapping[str, str] = MappingProxyType({
    "robot": "so101", "robots": "", "mode": "realtime", "headless": "true", "cameras": "true", "rviz": "false", "params_file": "",
    "namespace": "", "log_level": "info",
})
"""Arguments of sim.launch.py and their defaults; the command has the same."""

_ROBOT_ARGUMENTS: Mapping[str, str] = MappingProxyType({
    "robot": "The robot: a name in config/robots, a path to a .yaml, .xml (MJCF) or .urdf file, or <name>:=<one of these>.",
    "robots": "Several robots, each as robot, optionally with @<x>,<y>,<z>,<yaw>, between blanks, commas or semicolons; wins over robot.",
})


def describe(name: str) -> str:
    """Return what an option of SimOptions, or the argument `robot` or `robots`, means."""
    if name in _ROBOT_ARGUMENTS:
        return _ROBOT_ARGUMENTS[name]
    return next(str(entry.metadata["description"]) for entry in dataclasses.fields(SimOptions) if entry.name == name)


def options_from_text(given: Mapping[str, str]) -> SimOptions:
    """Return the options from the texts of a launch file's arguments.

    Args:
        given: Text by name: `robot`, `robots` and any field of SimOptions.

    Raises:
        ConfigurationError: If a text is not valid for its option; the message says what is.
    """
    values: dict[str, Any] = {"robots": parse_robots(given.get("robot", ""), given.get("robots", ""))}
    defaults = {entry.name: entry.default for entry in dataclasses.fields(SimOptions)}
    for name, text in given.items():
        if name in ("robot", "robots"):
            continue
        if name not in defaults:
            raise UnknownNameError("argument", name, ["robot", *defaults])
        values[name] = _from_text(name, text, type(defaults[name]))
    return SimOptions(**values)


def _from_text(name: str, text: str, kind: type) -> bool | int | float | str:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ConfigurationError(f"{name} is '{ascii(text)[1:-1]}'; valid: true or false")
        return text.lower() == "true"
    try:
        return kind(text)  # type: ignore[no-any-return]
    except ValueError:
        raise ConfigurationError(f"{name} is '{ascii(text)[1:-1]}'; valid: a number ({kind.__name__})") from None


def sim_graph(options: SimOptions) -> Graph:
    """Return the graph of a simulation, without the environment (see `environment.prepare`).

    safety_node never uses simulated time: a stop must not wait for a world that stands still.
    """
    output = Path(options.output_folder).expanduser() if options.output_folder else ros_home() / "strands_robots" / "output"
    files = (Path(options.params_file).expanduser().resolve(),) if options.params_file else ()
    sim: dict[str, ParameterValue] = {
        "robots": tuple(str(robot) for robot in options.robots),
        "mode": options.mode,
        "real_time_factor": options.real_time_factor,
        "headless": options.headless,
        "cameras": options.cameras,
        "camera_rate": options.camera_rate,
        "seed": options.seed,
        "scene": str(Path(options.scene).expanduser().resolve()) if options.scene else "",
        "output_folder": str(output.resolve()),
        "timestep": options.timestep,
        "control_period": options.control_period,
    }
    safety: dict[str, ParameterValue] = {
        "arm_on_start": options.arm_on_start,
        # A folder for each run: two graphs on one machine must not overwrite each other's latch.
        "latch_folder": str(ros_home() / "strands_robots" / "latch" / options.run_id),
        "use_sim_time": False,
    }
    run: dict[str, ParameterValue] = {"run_id": options.run_id}
    nodes = [
        NodeSpec("sim_node", "sim_node", parameters={**run, **sim}, parameter_files=files, on_exit=OnExit.END_GRAPH),
        NodeSpec("safety_node", "safety_node", parameters={**run, **safety}, parameter_files=files, on_exit=OnExit.RESTART),
        NodeSpec("audit_node", "audit_node", parameters={**run, "use_sim_time": False}, parameter_files=files, on_exit=OnExit.RESTART),
        NodeSpec("policy_node", "policy_node", parameters={**run, "use_sim_time": True}, parameter_files=files, on_exit=OnExit.RESTART),
        NodeSpec(
            "motion_node", "motion_node", parameters={**run, "robots": sim["robots"], "use_sim_time": True}, parameter_files=files,
            on_exit=OnExit.RESTART,
        ),
    ]
    if options.rviz:
        nodes.append(_rviz())
    return Graph(tuple(nodes), namespace=options.namespace, log_level=options.log_level)


def _rviz() -> NodeSpec:
    from strands_robots.robot_config import share_directory

    config = share_directory() / "rviz" / "robot.rviz"
    return NodeSpec(
        "rviz2", "rviz2", package="rviz2", arguments=("-d", str(config)) if config.is_file() else (),
        parameters={"use_sim_time": True}, on_exit=OnExit.IGNORE,
    )
