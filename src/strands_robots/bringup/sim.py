"""The graph of a simulation: the options of `strands-robots sim` and sim.launch.py, and the nodes they ask for."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from strands_robots.bringup import agent as agents
from strands_robots.bringup.buttons import button_node, parse_buttons
from strands_robots.bringup.graph import Graph, NodeSpec, OnExit, ParameterValue
from strands_robots.bringup.robots import RobotSpec, check_robots, parse_robots
from strands_robots.errors import ConfigurationError, UnknownNameError

MODES = ("realtime", "fast", "lockstep")
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


_ROS_NAMESPACE = re.compile(r"/?([A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*)?/?")


def ros_home() -> Path:
    """Return the folder of ROS's own files: $ROS_HOME, else ~/.ros."""
    return Path(os.environ.get("ROS_HOME", "") or "~/.ros").expanduser()


def _option(default: Any, description: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"description": description, "choices": choices})


@dataclass(frozen=True)
class SimOptions:
    """What a person may choose about a simulation. The command and the launch file show the descriptions.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    robots: tuple[RobotSpec, ...]
    mode: str = _option("realtime", "Pace of the world: realtime, fast or lockstep.", MODES)
    headless: bool = _option(True, "Without a window; false opens the viewer of MuJoCo, which needs a screen.")
    cameras: bool = _option(True, "Publish the cameras.")
    rviz: bool = _option(False, "Start RViz as well; needs a ROS installation with rviz2.")
    foxglove: bool = _option(False, "Serve the graph to Foxglove on this machine; needs foxglove-sdk.")
    foxglove_port: int = _option(8765, "Port of 127.0.0.1 for Foxglove; 0 for a free one, which the log names.")
    params_file: str = _option("", "ROS parameter file for every node; what it says wins over everything else.")
    namespace: str = _option("", "Namespace of the whole graph.")
    log_level: str = _option("info", "Level of every node's log: debug, info, warn, error or fatal.", LOG_LEVELS)
    real_time_factor: float = _option(1.0, "Simulated seconds for each second, in mode realtime.")
    camera_rate: float = _option(30.0, "Pictures of each camera [Hz].")
    seed: int = _option(0, "Seed of the world's random streams.")
    scene: str = _option("", "MJCF file of the scene around the robots; empty for a floor.")
    timestep: float = _option(0.002, "Physics timestep [s].")
    control_period: float = _option(0.01, "Time between two control ticks [s].")
    output_folder: str = _option(
        "", "Folder for pictures and other files; empty for strands_robots/output in $ROS_HOME or ~/.ros."
    )
    arm_on_start: bool = _option(True, "Arm the robots at the start of the graph.")
    keyring: str = _option("", "Keyring of the operators who may resume and approve; empty: resumes are not signed.")
    recorder: bool = _option(False, "Start recorder_node, which records LeRobot datasets; needs make setup-learning.")
    evaluation: bool = _option(False, "Start evaluation_node, the action server evaluate, which counts how often a policy succeeds.")
    approvals: bool = _option(False, "Start approval_node, where people decide about requests of agents.")
    agent: str = _option("", agents.DESCRIPTION)
    incidents: bool = _option(True, "Start incident_node, which writes the last 30 s before a stop as an MCAP file.")
    stop_button: str = _option(
        "",
        "Input device whose keys stop the graph: /dev/input/event<number> or its name, as <name>=<device> when there "
        "are several, between semicolons. The graph then starts stopped, and is stopped while the button is not read.",
    )
    stop_gpio: str = _option(
        "", "The same for GPIO lines: gpiochip<number>:<line>, closed at rest unless a parameter file says otherwise."
    )
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        check_robots(self.robots)
        parse_buttons(self.stop_button, self.stop_gpio)
        agents.check_agent(self.agent)
        for entry in dataclasses.fields(self):
            choices = entry.metadata.get("choices", ())
            if choices and getattr(self, entry.name) not in choices:
                raise UnknownNameError(entry.name, getattr(self, entry.name), choices)
        for name in ("real_time_factor", "camera_rate", "timestep", "control_period"):
            if not 0.0 < getattr(self, name) < 1e4:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: above 0 and below 10000")
        if not 0 <= self.foxglove_port <= 65535:
            raise ConfigurationError(f"foxglove_port is {self.foxglove_port}; valid: 0 to 65535")
        if not _ROS_NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(
                f"namespace '{ascii(self.namespace)[1:-1]}' cannot be used on ROS; "
                "valid: names of letters, digits and _ joined by /"
            )
        for name in ("params_file", "scene", "keyring"):
            path = getattr(self, name)
            if path and not Path(path).expanduser().is_file():
                raise ConfigurationError(
                    f"{name} '{ascii(path)[1:-1]}' does not exist; valid: the path of a file, or nothing"
                )


LAUNCH_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "robot": "so101",
        "robots": "",
        "mode": "realtime",
        "headless": "true",
        "cameras": "true",
        "rviz": "false",
        "foxglove": "false",
        "foxglove_port": "8765",
        "incidents": "true",
        "agent": "",
        "evaluation": "false",
        "params_file": "",
        "namespace": "",
        "log_level": "info",
        "stop_button": "",
        "stop_gpio": "",
    }
)
"""Arguments of sim.launch.py and their defaults; the command has the same."""

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
    output = (
        Path(options.output_folder).expanduser() if options.output_folder else ros_home() / "strands_robots" / "output"
    )
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
    buttons = parse_buttons(options.stop_button, options.stop_gpio)
    safety: dict[str, ParameterValue] = {
        "arm_on_start": options.arm_on_start,
        # A folder for each run: two graphs on one machine must not overwrite each other's latch.
        "latch_folder": str(ros_home() / "strands_robots" / "latch" / options.run_id),
        "keyring": str(Path(options.keyring).expanduser().absolute()) if options.keyring else "",
        "use_sim_time": False,
    }
    if buttons:
        safety["buttons"] = tuple(button.name for button in buttons)
    run: dict[str, ParameterValue] = {"run_id": options.run_id}
    journal = (ros_home() / "strands_robots" / "runs" / options.run_id / "process_ends.jsonl").absolute()
    nodes = [
        NodeSpec("sim_node", "sim_node", parameters={**run, **sim}, parameter_files=files, on_exit=OnExit.END_GRAPH),
        NodeSpec(
            "safety_node", "safety_node", parameters={**run, **safety}, parameter_files=files, on_exit=OnExit.RESTART
        ),
        NodeSpec(
            "audit_node",
            "audit_node",
            parameters={**run, "process_ends": str(journal), "use_sim_time": False},
            parameter_files=files,
            on_exit=OnExit.OPTIONAL,  # safety_node says that nothing is recorded, or stops: its on_audit_loss.
        ),
        NodeSpec(
            "policy_node",
            "policy_node",
            parameters={**run, "use_sim_time": True},
            parameter_files=files,
            on_exit=OnExit.RESTART,
        ),
        NodeSpec(
            "motion_node",
            "motion_node",
            parameters={**run, "robots": sim["robots"], "use_sim_time": True},
            parameter_files=files,
            on_exit=OnExit.RESTART,
        ),
    ]
    nodes += [button_node(button, options.run_id, files) for button in buttons]
    if options.recorder:
        nodes.append(
            NodeSpec(
                "recorder_node",
                "recorder_node",
                parameters={**run, "robots": sim["robots"], "use_sim_time": True},
                parameter_files=files,
                on_exit=OnExit.RESTART,
            )
        )
    if options.evaluation:
        nodes.append(
            NodeSpec(
                "evaluation_node",
                "evaluation_node",
                parameters={**run, "use_sim_time": False},
                parameter_files=files,
                on_exit=OnExit.OPTIONAL,
            )
        )
    if options.approvals:
        approvals = {name: safety[name] for name in ("keyring", "use_sim_time")}
        nodes.append(
            NodeSpec(
                "approval_node",
                "approval_node",
                parameters={**run, **approvals},
                parameter_files=files,
                on_exit=OnExit.RESTART,
            )
        )
    if options.agent:
        nodes.append(agents.agent_node(options.agent, options.run_id, files, is_free=not options.approvals))
    if options.incidents:
        nodes.append(
            NodeSpec(
                "incident_node",
                "incident_node",
                parameters={**run, "use_sim_time": False},
                parameter_files=files,
                on_exit=OnExit.OPTIONAL,
            )
        )
    if options.rviz:
        nodes += [_gate_markers(options, files, sim["robots"]), _rviz()]
    if options.foxglove:
        nodes.append(_foxglove(options, files))
    return Graph(tuple(nodes), namespace=options.namespace, log_level=options.log_level, journal=journal)


def _foxglove(options: SimOptions, files: tuple[Path, ...]) -> NodeSpec:
    if importlib.util.find_spec("foxglove") is None:
        raise ConfigurationError("foxglove-sdk is not installed; install it with: pip install foxglove-sdk")
    return NodeSpec(
        "foxglove_node",
        "foxglove_node",
        parameters={"run_id": options.run_id, "port": options.foxglove_port, "use_sim_time": False},
        parameter_files=files,
        on_exit=OnExit.OPTIONAL,
    )


def _gate_markers(options: SimOptions, files: tuple[Path, ...], robots: ParameterValue) -> NodeSpec:
    return NodeSpec(
        "gate_marker_node",
        "gate_marker_node",
        parameters={"run_id": options.run_id, "robots": robots, "use_sim_time": False},
        parameter_files=files,
        on_exit=OnExit.OPTIONAL,
    )


def _rviz() -> NodeSpec:
    from strands_robots.share import share_directory

    config = share_directory() / "rviz" / "robot.rviz"
    return NodeSpec(
        "rviz2",
        "rviz2",
        package="rviz2",
        arguments=("-d", str(config)) if config.is_file() else (),
        parameters={"use_sim_time": True},
        on_exit=OnExit.IGNORE,
    )
