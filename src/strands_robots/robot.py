"""Robot(): a robot in one line, for plain Python and for agents.

    robot = Robot("so101")              # attaches to a running graph, else starts a simulated one
    robot.move_to(joints={"shoulder_pan": 0.3})
    Agent(tools=[robot])                # every tool of its graph

What a program calls itself is the program's own doing; what a model calls as a tool passes the approval policy.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from strands_robots.agent.answer import Answer
from strands_robots.errors import ConfigurationError, MotionError, StrandsRobotsError, UnknownNameError

if TYPE_CHECKING:
    from strands_robots.agent.toolset import Toolset
    from strands_robots.bringup.child_graph import StartedGraph
    from strands_robots.ros.agent_graph import AgentGraph

Mode = Literal["sim", "real"]
MODE_VARIABLE = "STRANDS_ROBOT_MODE"
START_TIMEOUT = 60.0


@dataclass(frozen=True)
class RobotObservation:
    """What a robot measures now.

    Attributes:
        joints: Position of each joint [rad] or [m].
        cameras: Names for `look`.
        is_stopped: Whether nothing may move it; `why` says why.
        is_at_rest: Whether it stands still.
        why: Why it is stopped; empty when it is not.
    """

    joints: Mapping[str, float]
    cameras: tuple[str, ...]
    is_stopped: bool
    is_at_rest: bool
    why: str


@dataclass(frozen=True)
class GoalResult:
    """How a goal ended: its reason and words, and every field of the action's result."""

    reason: str
    message: str
    fields: Mapping[str, Any]


@dataclass
class _Shared:
    """One connection to a graph, used by every Robot of this process on it."""

    graph: AgentGraph
    tools: Toolset
    started: StartedGraph | None
    users: int = 0


_shared: dict[str, _Shared] = {}
_lock = threading.Lock()


class Robot:
    """One robot of a graph. Close it, use it as a context, or leave it to the end of the program.

    Args:
        name: Its name on the graph; for a simulation that is started here also its model, as "arm=so101".
        mode: "sim" starts a simulation when no graph runs; "real" only attaches to a graph that runs. None takes the
            variable STRANDS_ROBOT_MODE, else "sim". Hardware is never started by this class.
        namespace: Namespace of the graph.
        policy: Approval policy of the tools; None takes the package's, or the one for simulations when one is started.

    Raises:
        ConfigurationError: If ROS or an argument cannot be used.
        UnknownNameError: If the graph has no such robot; the message lists those that it has.
    """

    def __init__(
        self, name: str = "so101", mode: Mode | None = None, namespace: str = "", policy: str | Path | None = None
    ) -> None:
        chosen = mode or os.environ.get(MODE_VARIABLE, "") or "sim"
        if chosen not in ("sim", "real"):
            raise UnknownNameError("mode", chosen, ("sim", "real"))
        self.name = name.partition("=")[0]
        self._namespace = namespace
        self._is_open = True
        self._shared = _attach(name, chosen == "sim", namespace, Path(policy) if policy is not None else None)
        known = self._shared.graph.robots()
        if self.name not in known:
            self.close()
            raise UnknownNameError("robot", self.name, known)
        if chosen == "sim" and not self._shared.graph.is_simulated(self.name):
            self.close()
            raise ConfigurationError(
                f"robot '{self.name}' of this graph is not simulated; valid: mode='real', or {MODE_VARIABLE}=real"
            )

    def observe(self) -> RobotObservation:
        """Return what the robot measures now."""
        values = self._shared.graph.robot_state(self.name)
        return RobotObservation(
            values["joints"], tuple(values["cameras"]), values["stopped"], values["at_rest"], values["why_stopped"]
        )

    def look(self, camera: str, width: int = 640) -> Any:
        """Return a picture as a PIL image, (width, height) at most `width` wide.

        Raises:
            UnknownNameError: If the robot has no such camera.
        """
        import io

        from PIL import Image

        cameras = self.observe().cameras
        full = camera if camera in cameras else f"{self.name}/{camera}"
        if full not in cameras:
            raise UnknownNameError("camera", camera, [entry.partition("/")[2] for entry in cameras])
        answer = self._shared.graph.picture(full, width)
        _checked(answer)
        return Image.open(io.BytesIO(answer.pictures[0].data))

    def move_to(
        self,
        joints: Mapping[str, float] | None = None,
        *,
        position: Sequence[float] | None = None,
        speed: float = 0.5,
        straight: bool = False,
        timeout: float = 60.0,
    ) -> GoalResult:
        """Move joints to positions [rad] or [m], or the tool to x, y, z in the base frame [m]; returns when it is there.

        Raises:
            MotionError: If it did not get there; `reason` says why.
        """
        if (joints is None) == (position is None):
            raise ConfigurationError("move_to needs either joints or position")
        goal: dict[str, Any] = {"robot": self.name, "speed_scale": speed, "straight": straight}
        if joints is not None:
            goal |= {"joint_names": list(joints), "positions": [float(value) for value in joints.values()]}
        elif position is not None:
            x, y, z = (float(value) for value in position)
            goal |= {"target": "TARGET_POSE", "pose": {"pose": {"position": {"x": x, "y": y, "z": z}}}}
        return self._run("MoveTo", "move_to", goal, timeout)

    def grip(self, fraction: float, timeout: float = 30.0) -> GoalResult:
        """Move the gripper from closed (0) to open (1), or until it holds something; raises as `move_to`."""
        return self._run("SetGripper", "set_gripper", {"robot": self.name, "position": float(fraction)}, timeout)

    def run_policy(
        self, policy: str, duration: float, task: str = "", timeout: float = 0.0, **config: Any
    ) -> GoalResult:
        """Run a policy for a time [s]; `config` are its settings, as `path="..."`. Raises as `move_to`."""
        goal = {"robot": self.name, "policy": policy, "duration": float(duration), "task": task}
        if config:
            goal["config"] = json.dumps(config)
        return self._run("RunPolicy", "run_policy", goal, timeout or duration + 30.0)

    def stop(self, reason: str = "robot.stop()") -> None:
        """Stop every robot of the graph at once and latch it; `strands-robots resume` resumes."""
        _checked(self._shared.tools.run("stop", {"reason": reason}))

    @property
    def tools(self) -> Toolset:
        """The tools of its graph."""
        return self._shared.tools

    def __iter__(self) -> Iterator[Any]:
        """Yield the tools as Strands AgentTools, so that Agent(tools=[robot]) has them all."""
        from strands_robots.agent.strands_tools import agent_tools

        self._shared.tools.refresh()
        yield from agent_tools(self._shared.tools)

    def close(self) -> None:
        """Let go of the graph: goals started here are cancelled; a simulation that was started here ends with its last Robot."""
        if self._is_open:
            self._is_open = False
            _release(self._namespace)

    def __enter__(self) -> Robot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self._is_open:
            return f"Robot('{self.name}', closed)"
        where = "own simulation" if self._shared.started else f"graph '{self._namespace or '/'}'"
        try:
            seen = self.observe()
        except StrandsRobotsError as error:
            return f"Robot('{self.name}', {where}, {ascii(str(error))[1:-1]})"
        joints = ", ".join(f"{name}={value:.3f}" for name, value in seen.joints.items())
        return f"Robot('{self.name}', {where}, {f'stopped: {seen.why}' if seen.is_stopped else 'armed'}, {joints})"

    def _run(self, kind: str, name: str, goal: Mapping[str, Any], timeout: float) -> GoalResult:
        state, values = self._shared.graph.run_goal(f"strands_robots/action/{kind}", name, goal, timeout)
        result = GoalResult(str(values.get("termination_reason", state)), str(values.get("message", "")), values)
        if state != "succeeded":
            raise MotionError(result.reason, f"{name} of '{self.name}' ended '{result.reason}': {result.message}")
        return result


def _attach(name: str, may_start: bool, namespace: str, policy: Path | None) -> _Shared:
    """Return the process's connection to the graph; starts a simulation when none runs and it may."""
    from strands_robots.bringup.environment import local_discovery, middleware_environment
    from strands_robots.share import share_directory

    share = share_directory()
    with _lock:
        found = _shared.get(namespace)
        if found is not None:
            found.users += 1
            return found
        os.environ.update(middleware_environment(os.environ, share))
        os.environ.update(local_discovery(os.environ) if may_start else {})
        try:
            from strands_robots.agent.toolset import Toolset
            from strands_robots.ros.agent_graph import AgentGraph
        except ImportError as error:
            raise ConfigurationError(
                f"ROS 2 is not available in this Python ({error}); source the setup.bash of the installation first"
            ) from error
        config = share / "config"
        graph = AgentGraph(namespace, "robot", policy or config / "approval_policy.yaml")
        started = None
        if may_start and not graph.robots():
            from strands_robots.bringup.child_graph import start_simulation

            graph.close()
            started = start_simulation(name, namespace)
            graph = AgentGraph(namespace, "robot", policy or config / "approval_policy_simulation.yaml")
            if not _is_armed(graph, name.partition("=")[0], started):
                graph.close()
                raise ConfigurationError(f"the simulation of '{name}' did not come up: {started.end()}")
        made = _shared[namespace] = _Shared(graph, Toolset(graph), started, users=1)
        return made


def _is_armed(graph: AgentGraph, robot: str, started: StartedGraph) -> bool:
    """Wait until a robot may move and return whether it may."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and started.is_running:
        if robot in graph.robots() and graph.has_servers():
            try:
                if not graph.robot_state(robot)["stopped"]:
                    return True
            except StrandsRobotsError:
                pass  # It says nothing yet.
        time.sleep(0.05)
    return False


def _release(namespace: str) -> None:
    with _lock:
        shared = _shared[namespace]
        shared.users -= 1
        if shared.users == 0:
            del _shared[namespace]
            _end(shared)


def _end(shared: _Shared) -> None:
    shared.graph.close()
    if shared.started is not None:
        shared.started.end()


@atexit.register
def _end_all() -> None:
    while _shared:
        _end(_shared.popitem()[1])


def _checked(answer: Answer) -> None:
    if answer.is_error:
        values = json.loads(answer.text)
        raise StrandsRobotsError(str(values.get("message") or values.get("data", {}).get("message", "failed")))
