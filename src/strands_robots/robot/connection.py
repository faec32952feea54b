"""The one connection of this process to a graph, used by every Robot on it; starts a graph where that is wanted."""

from __future__ import annotations

import atexit
import os
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, WorldError

if TYPE_CHECKING:
    from strands_robots.agent.tools.toolset import Toolset
    from strands_robots.bringup.child_graph import StartedGraph
    from strands_robots.clients.agent_graph import AgentGraph

Mode = Literal["sim", "real"]
START_TIMEOUT = 90.0
LOOK_PERIOD = 0.05


@dataclass(frozen=True)
class Wish:
    """What a Robot is asked to be.

    Attributes:
        robot: As given: a name, for a graph that is started here also with its model.
        mode: "sim" or "real".
        namespace: Namespace of the graph.
        policy: Approval policy; None for the package's.
        options: Options of a graph that is started here.
    """

    robot: str
    mode: Mode
    namespace: str
    policy: Path | None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the robot on the graph; that of a file or of a robot of a collection is made as bringup makes it."""
        from strands_robots.bringup.robots import is_file, parse_robot

        given = self.robot.partition("@")[0]
        name, separator, _ = given.partition(":=" if ":=" in given else "=")
        return parse_robot(self.robot).name if not separator and (is_file(name) or ":" in name) else name

    @property
    def may_start(self) -> bool:
        """Whether a graph may be started: a simulation always, a real one only where its options, and so its port, are given."""
        return self.mode == "sim" or bool(self.options)


@dataclass
class GraphConnection:
    """A connection to a graph.

    Attributes:
        graph: The way to it.
        tools: Its tools.
        started: The graph, where this process started it.
        wish: What it was made for.
        users: Number of Robots that use it.
    """

    graph: AgentGraph
    tools: Toolset
    started: StartedGraph | None
    wish: Wish
    users: int = 0

    def require_alive(self) -> None:
        """Raise WorldError when the graph that was started here has ended."""
        if self.started is not None and not self.started.is_running:
            raise WorldError(f"the graph that this program started has ended: {self.started.log()}")

    def end(self) -> None:
        """Let go of the graph; one that was started here ends."""
        try:
            self.graph.close()
        finally:
            if self.started is not None:
                self.started.end()


_connections: dict[str, GraphConnection] = {}
_lock = threading.RLock()


def attach(wish: Wish) -> GraphConnection:
    """Return the connection for a Robot; starts a graph when none runs and one may be started.

    Raises:
        ConfigurationError: If ROS cannot be used, or a value is not valid, or does not fit the connection that is there.
        WorldError: If the graph does not come up.
    """
    with _lock:
        found = _connections.get(wish.namespace)
        if found is not None and found.started is not None and not found.started.is_running:
            del _connections[wish.namespace]
            found.end()
            found = None
        if found is None:
            found = _connections[wish.namespace] = _connect(wish)
        elif wish.policy not in (None, found.wish.policy):
            raise ConfigurationError(
                f"policy is '{wish.policy}'; valid: '{found.wish.policy or 'none'}', which this process's other robots on "
                "the graph have, or closing them first"
            )
        elif wish.options and dict(wish.options) != dict(found.wish.options):
            raise _too_late(wish)
        found.users += 1
        return found


def release(namespace: str, connection: GraphConnection) -> None:
    """Let go of a connection; the last one to do so ends it."""
    with _lock:
        connection.users -= 1
        if connection.users == 0 and _connections.get(namespace) is connection:
            del _connections[namespace]
            connection.end()


def is_only_connection() -> bool:
    """Return whether every Robot of this process is on one graph."""
    return len(_connections) < 2


def _connect(wish: Wish) -> GraphConnection:
    from strands_robots.core.share import share_directory
    from strands_robots.safety.graph_file import join_graph

    share = share_directory()
    for words in join_graph(os.environ, wish.namespace):
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    try:
        from strands_robots.agent.tools.toolset import Toolset
        from strands_robots.clients.agent_graph import AgentGraph
    except ImportError as error:
        raise ConfigurationError(
            f"ROS 2 is not available in this Python ({error}); source the setup.bash of the installation first"
        ) from error
    rules = share / "config" / "approval_policy.yaml"
    graph = AgentGraph(wish.namespace, "robot", wish.policy or rules)
    if wish.may_start and not graph.await_robots():
        graph.close()
        return _started(wish, rules.with_name("approval_policy_simulation.yaml") if wish.mode == "sim" else rules)
    if wish.options:
        graph.close()
        raise _too_late(wish)
    return GraphConnection(graph, Toolset(graph), None, wish)


def _started(wish: Wish, rules: Path) -> GraphConnection:
    """Start a graph and return the connection to it. When that fails, or Ctrl-C ends it, nothing stays behind."""
    from strands_robots.agent.tools.toolset import Toolset
    from strands_robots.bringup.child_graph import start_real, start_simulation
    from strands_robots.clients.agent_graph import AgentGraph

    start = start_simulation if wish.mode == "sim" else start_real
    started, graph = start(wish.robot, wish.namespace, wish.options), None
    try:
        graph = AgentGraph(wish.namespace, "robot", wish.policy or rules)
        _wait(graph, wish, started)
        return GraphConnection(graph, Toolset(graph), started, wish)
    except BaseException:
        if graph is not None:
            graph.close()
        started.end()
        raise


def _wait(graph: AgentGraph, wish: Wish, started: StartedGraph) -> None:
    """Wait until every robot of a graph that was started is heard; simulated ones that arm on start until they are."""
    buttons = wish.options.get("stop_button") or wish.options.get("stop_gpio")
    arms = wish.mode == "sim" and wish.options.get("arm_on_start", True) and not buttons
    names = [robot.name for robot in started.robots]
    deadline = time.monotonic() + START_TIMEOUT
    while not _is_up(graph, names, arms):
        if not started.is_running or time.monotonic() > deadline:
            raise WorldError(f"the graph of '{wish.robot}' did not come up: {started.log()}")
        time.sleep(LOOK_PERIOD)


def _is_up(graph: AgentGraph, names: list[str], arms: bool) -> bool:
    """Return whether every robot is heard and, where it arms on start, was armed: it may have been stopped since."""
    from strands_robots.clients.robot_client import was_armed

    if not set(names) <= set(graph.robots()) or not graph.has_servers():
        return False
    try:
        armed = [was_armed(graph.client, name) for name in names]
    except StrandsRobotsError:
        return False  # It says nothing yet.
    return all(armed) or not arms


def _too_late(wish: Wish) -> ConfigurationError:
    return ConfigurationError(
        f"{', '.join(wish.options)}: options of a graph that is started, but graph '{wish.namespace or '/'}' runs already; "
        "valid: without them, or another namespace"
    )


@atexit.register
def _end_all() -> None:
    while _connections:
        _connections.popitem()[1].end()
