"""The leader of a graph: how a person writes it, and its node."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.bringup.graph import NodeSpec, OnExit, ParameterValue
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.names import is_graph_name
from strands_robots.core.text import printable

DESCRIPTION = (
    "Leader that teleoperates a robot: joy, or a type of lerobot-teleoperate with its options, as "
    "so101_leader,port=/dev/ttyACM1,id=my_leader; robot=<name> where there are several. The keyboard has a command of its own: "
    "strands-robots teleop keyboard."
)


@dataclass(frozen=True)
class TeleopSpec:
    """One leader.

    Attributes:
        leader: Its kind.
        robot: Name of the robot that follows; empty for the only one.
        options: Options of LeRobot's type.
    """

    leader: str
    robot: str = ""
    options: dict[str, str] = field(default_factory=dict)


def parse_teleop(text: str) -> TeleopSpec | None:
    """Return the leader that a person wrote as "<leader>,<option>=<value>,..."; None for no text.

    Raises:
        ConfigurationError: If it cannot be read, or is the keyboard.
    """
    if not text.strip():
        return None
    leader, *pairs = (part.strip() for part in text.split(","))
    leader = leader.replace("-", "_")
    options = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if not is_graph_name(leader) or len(options) != len(pairs):
        raise ConfigurationError(f"teleop '{printable(text)}' cannot be read; valid: <leader>,<option>=<value>,...")
    if leader == "keyboard":
        raise ConfigurationError(
            "teleop is keyboard, which needs a terminal of its own; valid: strands-robots teleop keyboard in a second shell"
        )
    return TeleopSpec(leader, options.pop("robot", ""), options)


def teleop_node(spec: TeleopSpec, robots: Sequence[str], run_id: str, files: tuple[Path, ...] = ()) -> NodeSpec:
    """Return the node of a leader. Without it the robot holds, so that the graph goes on when it ends.

    Args:
        spec: The leader.
        robots: The graph's robots, as nodes take them: "<name>=<robot>".
        run_id: Run of the graph.
        files: ROS parameter files.

    Raises:
        ConfigurationError: If the robot is not in the graph, or there are several and none is named.
    """
    known = {text.partition("=")[0]: text for text in robots}
    if not spec.robot and len(known) > 1:
        raise ConfigurationError(f"teleop names no robot; valid: {spec.leader},robot=<one of {', '.join(known)}>")
    name = spec.robot or next(iter(known))
    if name not in known:
        raise UnknownNameError("robot", name, known)
    parameters: dict[str, ParameterValue] = {
        "run_id": run_id,
        "robot": known[name],
        "leader": spec.leader,
        "leader_options": json.dumps(spec.options) if spec.options else "",
        "use_sim_time": False,
    }
    return NodeSpec("teleop_node", "teleop_node", parameters=parameters, parameter_files=files, on_exit=OnExit.OPTIONAL)
