"""The words in which a graph is described: its nodes, and what the end of one means.

Used by launch files and by the command alike.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ParameterValue = bool | int | float | str | tuple[str, ...]

REFUSED_CONFIGURATION = 2
"""Exit code of a node that refuses its parameters, keys or files; to start it again does not help."""

RESTART_DELAYS = (0.5, 1.0, 2.0)
"""Waits before the first, second and third restart of a node [s]; after these the graph ends."""

END_PATIENCE = 1.4
"""Time that a process has to end after SIGINT [s]."""


class OnExit(enum.Enum):
    """What the end of a process means for the graph.

    RESTART starts it again, and ends the graph when that does not help. OPTIONAL starts it again too, but then the
    graph goes on without it: another node says that it is missing (docs/adr/0006).
    """

    RESTART = "restart"
    OPTIONAL = "optional"
    END_GRAPH = "end_graph"
    IGNORE = "ignore"


@dataclass(frozen=True)
class NodeSpec:
    """One process of a graph.

    Attributes:
        executable: Name in lib/<package>; an absolute path where `package` is empty.
        name: Node name; also the prefix of its output.
        package: ROS package.
        namespace: Namespace of the node, relative to the graph's; empty for the graph's own.
        parameters: Parameters by name.
        parameter_files: ROS parameter files, applied after `parameters`: what they say wins.
        remappings: Pairs (from, to).
        arguments: Arguments that are none of ROS.
        is_ros_node: False for a program that takes no --ros-args.
        on_exit: What its end means.
        restart_delays: Wait before each restart [s]; their number is the limit of restarts.
        start_delay: Wait before the first start [s].
        end_stage: When it is ended: a process of a higher stage only when all of a lower one have ended.
        end_patience: Time that its end may take after SIGINT [s].
    """

    executable: str
    name: str
    package: str = "strands_robots"
    namespace: str = ""
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    parameter_files: tuple[Path, ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    is_ros_node: bool = True
    on_exit: OnExit = OnExit.END_GRAPH
    restart_delays: tuple[float, ...] = RESTART_DELAYS
    start_delay: float = 0.0
    end_stage: int = 0
    end_patience: float = END_PATIENCE


@dataclass(frozen=True)
class Graph:
    """The processes of a graph and what they share.

    Attributes:
        nodes: The processes, all started at once.
        environment: Variables added to the environment of every process.
        namespace: Namespace of every node; empty for the root.
        log_level: Level of every node's logger.
        journal: Where the ends of processes are written for audit_node; None for nowhere.
    """

    nodes: tuple[NodeSpec, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    log_level: str = "info"
    journal: Path | None = None

    def with_node(self, spec: NodeSpec) -> Graph:
        """Return the graph with one more process."""
        return dataclasses.replace(self, nodes=(*self.nodes, spec))


def ros_arguments(spec: NodeSpec, graph: Graph) -> list[str]:
    """Return the command-line arguments of a node after its executable.

    Values are written as JSON, which every YAML parser reads with the same types, so that the text "12" stays a text.

    Source: design.ros2.org, "ROS Command Line Arguments".
    """
    if not spec.is_ros_node:
        return list(spec.arguments)
    arguments = [*spec.arguments, "--ros-args", "-r", f"__node:={spec.name}"]
    namespace = join_namespace(graph.namespace, spec.namespace)
    if namespace:
        arguments += ["-r", f"__ns:=/{namespace}"]
    for source, target in spec.remappings:
        arguments += ["-r", f"{source}:={target}"]
    for name, value in spec.parameters.items():
        arguments += ["-p", f"{name}:={json.dumps(value)}"]
    for path in spec.parameter_files:
        arguments += ["--params-file", str(path)]
    return [*arguments, "--log-level", graph.log_level]


def join_namespace(*parts: str) -> str:
    """Return the namespace made of the given ones, without slashes at its ends; empty for the root."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


@dataclass(frozen=True)
class Restart:
    """Start the process again after `delay` [s]; `text` says so to a person."""

    delay: float
    text: str


@dataclass(frozen=True)
class EndGraph:
    """End the graph with a non-zero status; `text` names the process that caused it."""

    text: str


@dataclass(frozen=True)
class GoOn:
    """Nothing happens; `text` says that the process is gone."""

    text: str


Decision = Restart | EndGraph | GoOn


@dataclass
class ExitRule:
    """Decides what happens when one process ends; the same object serves `ros2 launch` and the command.

    Attributes:
        name: Name of the process.
        on_exit: What its end means.
        restart_delays: Wait before each restart [s].
        restarts: Restarts so far.
        tell: Takes name, exit code and what happens now, in words.
    """

    name: str
    on_exit: OnExit
    restart_delays: tuple[float, ...] = RESTART_DELAYS
    restarts: int = 0
    tell: Callable[[str, int, str], None] = lambda name, returncode, text: None

    def process_ended(self, returncode: int, cause: str = "") -> Decision:
        """Return what to do after the process ended unasked.

        Args:
            returncode: Exit code; negative for the number of the signal that ended it.
            cause: The error that it printed last; empty when it said none.
        """
        decision = self._decide(returncode, cause)
        self.tell(self.name, returncode, decision.text)
        return decision

    def _decide(self, returncode: int, cause: str) -> Decision:
        ended = f"{self.name} {describe_end(returncode)}" + (f" ({cause})" if cause else "")
        if self.on_exit is OnExit.IGNORE:
            return GoOn(f"{ended}; the graph goes on without it")
        if self.on_exit is OnExit.END_GRAPH:
            ended = f"{self.name} {describe_end(returncode)}"
            without = f"the graph ends, because it cannot do without {self.name}"
            return EndGraph(f"{ended}; {without}" + (f": {cause}" if cause else ""))
        is_optional = self.on_exit is OnExit.OPTIONAL
        if is_optional and returncode == REFUSED_CONFIGURATION:
            return GoOn(f"{ended}: it refuses what it was given; THE GRAPH GOES ON WITHOUT {self.name}")
        if self.restarts >= len(self.restart_delays):
            if is_optional:
                return GoOn(f"{ended}; {self.restarts} restarts did not help; THE GRAPH GOES ON WITHOUT {self.name}")
            return EndGraph(f"{ended}; the graph ends, because {self.restarts} restarts of {self.name} did not help")
        delay = self.restart_delays[self.restarts]
        self.restarts += 1
        return Restart(delay, f"{ended}; restart {self.restarts} of {len(self.restart_delays)} in {delay:g} s")


def describe_end(returncode: int) -> str:
    """Return in words how a process ended.

    Args:
        returncode: Exit code; negative for the number of the signal that ended it.
    """
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    known = {number.value for number in signal.Signals}
    name = signal.Signals(-returncode).name if -returncode in known else f"signal {-returncode}"
    return f"was killed by {name}"
