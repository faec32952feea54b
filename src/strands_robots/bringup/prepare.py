"""From a graph's description to commands that can be started."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from strands_robots.bringup.environment import end_with_parent_prefix, graph_environment
from strands_robots.bringup.forked import node_script
from strands_robots.bringup.graph import Graph, NodeSpec, ros_arguments
from strands_robots.bringup.supervisor import ProcessSpec
from strands_robots.bringup.zenoh_router import router_watch
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.graph_environment import check_range
from strands_robots.core.share import share_directory
from strands_robots.doctor.zenoh_router import uses_zenoh
from strands_robots.safety.graph_file import write_graph_file


def complete(graph: Graph) -> Graph:
    """Return the graph with its environment, and with the watch over the Zenoh router when it needs one.

    It also writes down, in the folder of the run, how the graph is found.

    Args:
        graph: Nodes and parameters.

    Raises:
        ConfigurationError: If the graph needs a router and rmw_zenohd is not installed, or is to reach as far as nothing does.
    """
    check_range(os.environ)
    environment = graph_environment(os.environ, share_directory())
    nodes = graph.nodes
    if uses_zenoh(os.environ):
        nodes = (router_watch(find_executable("rmw_zenoh_cpp", "rmw_zenohd")), *nodes)
    if graph.journal is not None:
        try:
            write_graph_file(graph.journal.parent, graph.namespace, {**os.environ, **environment})
        except OSError as error:
            print(f"other shells cannot read how this graph is found: {error}", file=sys.stderr, flush=True)
    return dataclasses.replace(graph, nodes=nodes, environment={**environment, **graph.environment})


def find_executable(package: str, executable: str) -> Path:
    """Return lib/<package>/<executable> of the first prefix on AMENT_PREFIX_PATH that has it.

    Raises:
        ConfigurationError: If none has it; says where it was looked for.

    Source: `ros2 run`, which looks at the same place.
    """
    prefixes = [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in prefixes:
        path = Path(prefix) / "lib" / package / executable
        if os.access(path, os.X_OK):
            return path
    raise ConfigurationError(
        f"executable lib/{package}/{executable} was not found below "
        f"{', '.join(prefixes) or 'AMENT_PREFIX_PATH, which is empty'}; "
        f"install {package}, or source the setup.bash of the workspace that has it"
    )


def process_of(spec: NodeSpec, graph: Graph) -> ProcessSpec:
    """Return the process of a node, ready for the supervisor.

    Raises:
        ConfigurationError: If its executable is not installed.
    """
    command = command_of(spec, graph)
    script = command[len(end_with_parent_prefix()) :]
    return ProcessSpec(
        spec.name, command, spec.on_exit, spec.restart_delays, spec.start_delay, spec.end_stage, spec.end_patience,
        script if node_script(script) else (),
    )  # fmt: skip


def command_of(spec: NodeSpec, graph: Graph) -> tuple[str, ...]:
    """Return the program of a node with its arguments.

    Raises:
        ConfigurationError: If its executable is not installed.
    """
    path = str(find_executable(spec.package, spec.executable)) if spec.package else spec.executable
    return (*end_with_parent_prefix(), path, *ros_arguments(spec, graph))
