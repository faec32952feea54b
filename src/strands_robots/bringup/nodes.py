"""The nodes that a simulated and a real graph have alike, around the node that moves the robots."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from strands_robots.bringup.agent import agent_node
from strands_robots.bringup.buttons import ButtonSpec, button_node, parse_buttons
from strands_robots.bringup.graph import END_PATIENCE, Graph, NodeSpec, OnExit, ParameterValue
from strands_robots.bringup.graph_options import GraphOptions
from strands_robots.bringup.teleop import parse_teleop, teleop_node
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.ros_home import ros_home

_ENDS = {
    "recorder_node": (0, 6.0),
    "sim_node": (1, 3.0), "driver_node": (1, 6.0),
    "safety_node": (2, 3.0),
    "audit_node": (3, 6.0),
}  # fmt: skip
"""Stage and patience [s] with which nodes end: who commands first, then who moves, who supervises, and who writes it all down."""


RESIDENT_DELAY = 4.0
"""The resident client is started this long after the graph [s], so as not to take the processor from its start."""


class NodeMaker:
    """Makes the nodes of one graph.

    Args:
        options: What was chosen.
        robots: The robots, as nodes take them: "<name>=<robot>".
        is_simulated: Whether ROS time is the world's. Who supervises, writes or shows never uses simulated time: a stop must not
            wait for a world that stands still.
    """

    def __init__(self, options: GraphOptions, robots: tuple[str, ...], is_simulated: bool) -> None:
        self._options, self._robots, self._is_simulated = options, robots, is_simulated
        self._files = (Path(options.params_file).expanduser().resolve(),) if options.params_file else ()
        run = ros_home() / "strands_robots" / "runs" / options.run_id
        self.journal = (run / "process_ends.jsonl").absolute()

    def node(self, name: str, on_exit: OnExit, **parameters: ParameterValue) -> NodeSpec:
        """Return a node with the graph's run and parameter file."""
        own = {"run_id": self._options.run_id, **parameters}
        stage, patience = _ENDS.get(name, (0, END_PATIENCE))
        return NodeSpec(
            name,
            name,
            parameters=own,
            parameter_files=self._files,
            on_exit=on_exit,
            end_stage=stage,
            end_patience=patience,
        )

    def graph(self, *moving: NodeSpec, safety: Mapping[str, ParameterValue]) -> Graph:
        """Return the graph.

        Args:
            moving: The node that moves the robots, and what belongs to it.
            safety: Parameters of safety_node that are not the same for every graph.
        """
        options = self._options
        others = [*self._working(), *self._chosen()]
        others += [button_node(button, options.run_id, self._files) for button in self._buttons()]
        if safety.get("arm_on_start"):
            awaited = ["audit_node", *(node.name for node in others if node.is_ros_node and node.name != "rviz2")]
            safety = {**safety, "start_nodes": tuple(awaited)}
        nodes = [*moving, *self._supervising(safety), *others]
        return Graph(tuple(nodes), namespace=options.namespace, log_level=options.log_level, journal=self.journal)

    def _supervising(self, safety: Mapping[str, ParameterValue]) -> list[NodeSpec]:
        options = self._options
        parameters: dict[str, ParameterValue] = {
            # A folder for each run: two graphs on one machine must not overwrite each other's latch.
            "latch_folder": str(ros_home() / "strands_robots" / "latch" / options.run_id),
            "keyring": _keyring(options),
            "use_sim_time": False,
            **safety,
        }
        buttons = self._buttons()
        if buttons:
            parameters["buttons"] = tuple(button.name for button in buttons)
        return [
            self.node("safety_node", OnExit.RESTART, **parameters),
            # Optional: safety_node says that nothing is recorded, or stops: its on_audit_loss.
            self.node("audit_node", OnExit.OPTIONAL, process_ends=str(self.journal), use_sim_time=False),
        ]

    def _working(self) -> list[NodeSpec]:
        time = {"use_sim_time": self._is_simulated}
        return [
            self.node("policy_node", OnExit.RESTART, **time),
            self.node("motion_node", OnExit.RESTART, robots=self._robots, **time),
        ]

    def _chosen(self) -> list[NodeSpec]:
        """Return the nodes that the options ask for, or do not leave out."""
        options, nodes = self._options, []
        if options.recorder:
            nodes.append(
                self.node("recorder_node", OnExit.RESTART, robots=self._robots, use_sim_time=self._is_simulated)
            )
        leader = parse_teleop(options.teleop)
        if leader is not None:
            nodes.append(teleop_node(leader, self._robots, options.run_id, self._files))
        asks = bool(options.agent) and not self._is_simulated
        if options.approvals or asks:
            nodes.append(self.node("approval_node", OnExit.RESTART, keyring=_keyring(options), use_sim_time=False))
        if options.agent:
            is_free = self._is_simulated and not options.approvals
            nodes.append(agent_node(options.agent, options.run_id, self._files, is_free))
        if options.incidents:
            nodes.append(self.node("incident_node", OnExit.OPTIONAL, use_sim_time=False))
        if options.rviz:
            nodes.append(self.node("gate_marker_node", OnExit.OPTIONAL, robots=self._robots, use_sim_time=False))
            nodes.append(_rviz(self._is_simulated, options.namespace))
        if options.foxglove:
            if importlib.util.find_spec("foxglove") is None:
                raise ConfigurationError("foxglove-sdk is not installed; install it with: pip install foxglove-sdk")
            nodes.append(self.node("foxglove_node", OnExit.OPTIONAL, port=options.foxglove_port, use_sim_time=False))
        if options.console:
            nodes.append(self._console())
        if options.resident:
            nodes.append(_resident(self.journal.parent, options.namespace))
        return nodes

    def _console(self) -> NodeSpec:
        """Return console_node. It is started again when it ends: its pages wait for it, and know it by the run."""
        if importlib.util.find_spec("uvicorn") is None:
            raise ConfigurationError(
                "uvicorn is not installed; install it with: pip install -r requirements/console.txt"
            )
        port = self._options.console_port
        names = ", ".join(button.name for button in self._buttons())
        return self.node(
            "console_node",
            OnExit.RESTART,
            robots=self._robots,
            port=port,
            stop_port=port + 1,
            stop_button=names,
            use_sim_time=False,
        )

    def _buttons(self) -> tuple[ButtonSpec, ...]:
        return parse_buttons(self._options.stop_button, self._options.stop_gpio)


def _keyring(options: GraphOptions) -> str:
    return str(Path(options.keyring).expanduser().absolute()) if options.keyring else ""


def _resident(run: Path, namespace: str) -> NodeSpec:
    """Return the process that commands of this machine ask first, started when the graph is up; nothing depends on it."""
    return NodeSpec(
        sys.executable,
        "resident",
        package="",
        is_ros_node=False,
        on_exit=OnExit.IGNORE,
        start_delay=RESIDENT_DELAY,
        arguments=("-m", "strands_robots.cli.resident.serve", str(run), namespace),
    )


def _rviz(is_simulated: bool, namespace: str) -> NodeSpec:
    from strands_robots.core.graph_scope import SHARED_TOPICS
    from strands_robots.core.share import share_directory

    config = share_directory() / "rviz" / "robot.rviz"
    return NodeSpec(
        "rviz2",
        "rviz2",
        package="rviz2",
        arguments=("-d", str(config)) if config.is_file() else (),
        parameters={"use_sim_time": is_simulated},
        # The nodes of this package move these by themselves (ros/process/main.py).
        remappings=tuple((name, name.lstrip("/")) for name in SHARED_TOPICS) if namespace else (),
        on_exit=OnExit.IGNORE,
    )
