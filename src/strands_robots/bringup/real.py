"""The graph of a real robot: the options of `strands-robots real` and real.launch.py, and the nodes they ask for."""

from __future__ import annotations

import dataclasses
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
from strands_robots.bringup.robots import RobotSpec, parse_robot
from strands_robots.bringup.sim import LOG_LEVELS, ros_home
from strands_robots.errors import ConfigurationError, UnknownNameError

_ROS_NAMESPACE = re.compile(r"/?([A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*)?/?")


def _option(description: str, default: Any = "", choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"description": description, "choices": choices})


@dataclass(frozen=True)
class RealOptions:
    """What a person chooses about a real robot. The robot and its port have no default: nothing moves hardware by itself.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    robot: str = _option("The robot: a name in config/robots or a .yaml file, or <name>:=<one of these>.")
    port: str = _option("Serial port of the arm, for example /dev/ttyACM0.")
    arm: str = _option("Id of the arm, as given to lerobot-calibrate; says which calibration is used.")
    calibration: str = _option("LeRobot's calibration file; empty for the one that LeRobot keeps for the arm.")
    at_exit: str = _option("What the servos do when the graph ends: hold or off.", "hold", ("hold", "off"))
    params_file: str = _option("ROS parameter file for every node; what it says wins over everything else.")
    namespace: str = _option("Namespace of the whole graph.")
    log_level: str = _option("Level of every node's log.", "info", LOG_LEVELS)
    keyring: str = _option("Keyring of the operators who may resume and approve; empty: resumes are not signed.")
    recorder: bool = _option("Start recorder_node, which records LeRobot datasets.", False)
    agent: str = _option(f"{agents.DESCRIPTION} approval_node starts with it: a person decides about what moves the arm.")
    incidents: bool = _option("Start incident_node, which writes the last 30 s before a stop as an MCAP file.", True)
    stop_button: str = _option("Input device whose keys stop the graph, as for strands-robots sim.")
    stop_gpio: str = _option("The same for GPIO lines.")
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        for name in ("robot", "port"):
            if not getattr(self, name):
                raise ConfigurationError(f"no {name} is given; valid: {describe(name)} Real hardware has no default.")
        if not self.arm and not self.calibration:
            raise ConfigurationError(
                "neither arm nor calibration is given; valid: arm:=<id>, as given to lerobot-calibrate"
            )
        self.spec()
        parse_buttons(self.stop_button, self.stop_gpio)
        agents.check_agent(self.agent)
        for entry in dataclasses.fields(self):
            choices = entry.metadata.get("choices", ())
            if choices and getattr(self, entry.name) not in choices:
                raise UnknownNameError(entry.name, getattr(self, entry.name), choices)
        if not _ROS_NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(
                f"namespace '{ascii(self.namespace)[1:-1]}' cannot be used on ROS; valid: names of letters, digits and _ joined by /"
            )
        for name in ("params_file", "keyring", "calibration"):
            path = getattr(self, name)
            if path and not Path(path).expanduser().is_file():
                raise ConfigurationError(f"{name} '{ascii(path)[1:-1]}' does not exist; valid: the path of a file")

    def spec(self) -> RobotSpec:
        """Return the robot."""
        robot = parse_robot(self.robot)
        if robot.pose:
            raise ConfigurationError(
                f"robot '{ascii(self.robot)[1:-1]}' has a pose; valid: a real robot stands where it stands"
            )
        return robot


REAL_ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        entry.name: str(entry.default).lower() if isinstance(entry.default, bool) else str(entry.default)
        for entry in dataclasses.fields(RealOptions)
        if entry.metadata
    }
)
"""Arguments of real.launch.py and their defaults; the command has the same."""


def describe(name: str) -> str:
    """Return what an option means."""
    return next(str(entry.metadata["description"]) for entry in dataclasses.fields(RealOptions) if entry.name == name)


def real_options_from_text(given: Mapping[str, str]) -> RealOptions:
    """Return the options from the texts of a launch file's arguments.

    Raises:
        ConfigurationError: If a text is not valid for its option; the message says what is.
    """
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in REAL_ARGUMENTS:
            raise UnknownNameError("argument", name, REAL_ARGUMENTS)
        values[name] = text
        if name in ("recorder", "incidents"):
            if text.lower() not in ("true", "false"):
                raise ConfigurationError(f"{name} is '{ascii(text)[1:-1]}'; valid: true or false")
            values[name] = text.lower() == "true"
    return RealOptions(**values)


def real_graph(options: RealOptions) -> Graph:
    """Return the graph of a real robot: as a simulation's, with driver_node for sim_node.

    It starts stopped, and stops while nothing is recorded: a real robot moves only after a resume, and never unrecorded.
    """
    files = (Path(options.params_file).expanduser().resolve(),) if options.params_file else ()
    robot = options.spec()
    run: dict[str, ParameterValue] = {"run_id": options.run_id, "use_sim_time": False}
    driver: dict[str, ParameterValue] = {
        "robot": str(robot),
        "port": options.port,
        "arm": options.arm,
        "calibration": str(Path(options.calibration).expanduser().resolve()) if options.calibration else "",
        "at_exit": options.at_exit,
        "autostart": "activate",
    }
    buttons = parse_buttons(options.stop_button, options.stop_gpio)
    safety: dict[str, ParameterValue] = {
        "arm_on_start": False,
        "on_audit_loss": "stop",
        "robots": (robot.name,),
        "latch_folder": str(ros_home() / "strands_robots" / "latch" / options.run_id),
        "keyring": str(Path(options.keyring).expanduser().absolute()) if options.keyring else "",
    }
    if buttons:
        safety["buttons"] = tuple(button.name for button in buttons)
    journal = (ros_home() / "strands_robots" / "runs" / options.run_id / "process_ends.jsonl").absolute()

    def node(name: str, on_exit: OnExit, **parameters: ParameterValue) -> NodeSpec:
        return NodeSpec(name, name, parameters={**run, **parameters}, parameter_files=files, on_exit=on_exit)

    nodes = [
        node("driver_node", OnExit.END_GRAPH, **driver),
        node("safety_node", OnExit.RESTART, **safety),
        node("audit_node", OnExit.OPTIONAL, process_ends=str(journal)),
        node("policy_node", OnExit.RESTART),
        node("motion_node", OnExit.RESTART, robots=(str(robot),)),
    ]
    nodes += [button_node(button, options.run_id, files) for button in buttons]
    if options.recorder:
        nodes.append(node("recorder_node", OnExit.RESTART, robots=(str(robot),)))
    if options.agent:
        nodes.append(node("approval_node", OnExit.RESTART, keyring=safety["keyring"]))
        nodes.append(agents.agent_node(options.agent, options.run_id, files, is_free=False))
    if options.incidents:
        nodes.append(node("incident_node", OnExit.OPTIONAL))
    return Graph(tuple(nodes), namespace=options.namespace, log_level=options.log_level, journal=journal)
