"""How the processes of a running graph find each other, in the folder of its run, so that commands in other shells do the same.

Written by bringup, which takes it away at its end. Standard library only.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from strands_robots.core.graph_environment import (
    GRAPH_VARIABLES,
    PROFILE_VARIABLES,
    is_of_installation,
    is_own_profile,
)  # fmt: skip
from strands_robots.safety.local_stop import domain_of
from strands_robots.safety.run_folder import RunFolder, opened_runs, runs_folder

NAME = "graph.environment"


@dataclass(frozen=True)
class GraphFile:
    """What bringup says of its graph.

    Attributes:
        pid: Process of bringup.
        started: When that process began, in the kernel's ticks since the boot; a number that is used again differs.
        domain: ROS domain.
        namespace: Namespace of the graph, without slashes at its ends.
        variables: Those of GRAPH_VARIABLES that are set.
        run: Name of the run's folder; empty before it is written.
    """

    pid: int
    started: int
    domain: int
    namespace: str
    variables: Mapping[str, str] = field(default_factory=dict)
    run: str = ""


def write_graph_file(folder: Path, namespace: str, environ: Mapping[str, str]) -> None:
    """Write down how this process's graph is found, until the process ends.

    Args:
        folder: Folder of the run.
        namespace: Namespace of the graph.
        environ: The environment of its processes.

    Raises:
        OSError: If it cannot be written.
    """
    variables = {name: environ[name] for name in GRAPH_VARIABLES if environ.get(name)}
    pid = os.getpid()
    said = GraphFile(pid, _start_of(pid), domain_of(environ), namespace.strip("/"), variables)
    run = RunFolder(folder.parent, folder.name, create=True)
    try:
        run.write_file(NAME, json.dumps(asdict(said)).encode("ascii"))
    finally:
        run.close()
    atexit.register(_take_away, folder, pid)


def running_graphs(environ: Mapping[str, str]) -> list[GraphFile]:
    """Return the graphs of this user that run on this machine, newest first."""
    found = []
    for folder in opened_runs(runs_folder(environ)):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            given = json.loads(folder.read_file(NAME))
            variables = {name: str(given["variables"][name]) for name in GRAPH_VARIABLES if name in given["variables"]}
            said = GraphFile(
                int(given["pid"]), int(given["started"]), int(given["domain"]), str(given["namespace"]), variables,
                folder.path.name,
            )  # fmt: skip
            if said.started == _start_of(said.pid):
                found.append(said)
    return found


def graph_of(environ: Mapping[str, str], namespace: str) -> GraphFile | None:
    """Return the graph of an environment's domain that runs on this machine: that of the namespace, else the newest; None for none."""
    domain = domain_of(environ)
    graphs = [graph for graph in running_graphs(environ) if graph.domain == domain]
    own = [graph for graph in graphs if graph.namespace == namespace.strip("/")] or graphs
    return own[0] if own else None


def told_otherwise(environ: Mapping[str, str], graph: GraphFile) -> list[str]:
    """Return the variables that a person has set otherwise than a graph has them."""
    return [
        name
        for name in GRAPH_VARIABLES
        if (before := environ.get(name, ""))
        and before != graph.variables.get(name, "")
        and not (name in PROFILE_VARIABLES and is_own_profile(before))
        and not is_of_installation(name, before)
    ]


def join_graph(environ: MutableMapping[str, str], namespace: str = "") -> list[str]:
    """Make an environment find the graph of its domain and namespace that runs on this machine, when there is one.

    Returns:
        What was set otherwise and is now as the graph has it, in words.
    """
    graph = graph_of(environ, namespace)
    if graph is None:
        return []
    told = []
    for name in told_otherwise(environ, graph):
        after = graph.variables.get(name, "")
        told.append(
            f"{name} is '{environ[name]}' in this shell; the graph has {ascii(after) if after else 'none'}, as is used now"
        )
    for name in GRAPH_VARIABLES:
        environ.pop(name, None)
        if after := graph.variables.get(name, ""):
            environ[name] = after
    return told


def _start_of(pid: int) -> int:
    """Return when a process began [kernel ticks since the boot]; 0 for none. Source: proc_pid_stat(5), starttime."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _take_away(folder: Path, pid: int) -> None:
    if os.getpid() != pid:
        return  # A child of the process that wrote it.
    with contextlib.suppress(OSError):
        run = RunFolder(folder.parent, folder.name)
        try:
            run.remove(NAME)
        finally:
            run.close()
        folder.rmdir()
