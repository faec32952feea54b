"""Robot(): a robot in one line, for plain Python and for agents.

    robot = Robot("so101")              # attaches to a running graph, else starts a simulated one
    robot.move_to({"shoulder_pan": 0.3})
    Agent(tools=[robot])                # every tool of its graph

What a program calls itself is the program's own doing; what a model calls as a tool passes the approval policy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from strands_robots.clients.results import GripResult, MoveResult, PolicyResult, RobotObservation, StopResult
from strands_robots.control.latch_advice import latch_advice
from strands_robots.core.errors import (
    ConfigurationError,
    MotionError,
    NoAnswerError,
    PolicyError,
    StrandsRobotsError,
    UnknownNameError,
)
from strands_robots.core.text import printable
from strands_robots.robot.arguments import pose_fields, settings_text
from strands_robots.robot.connection import GraphConnection, Mode, Wish, attach, release
from strands_robots.robot.html import robot_page
from strands_robots.robot.recording import Existing, OnError, Recording

if TYPE_CHECKING:
    from PIL.Image import Image

    from strands_robots.agent.tools.toolset import Toolset
    from strands_robots.clients.robot_client import RobotClient

__all__ = ["MODE_VARIABLE", "Robot"]

MODE_VARIABLE = "STRANDS_ROBOT_MODE"
MODES = ("sim", "real")
RECORDER_TIMEOUT = 60.0
LOAD_TIME = 120.0
"""How long a policy may take to load before it runs [s]."""


class Robot:
    """One robot of a graph. Close it, use it as a context, or leave it to the end of the program.

    Args:
        name: Its name on the graph; for a graph that is started here also its model, as "arm=so101".
        mode: "sim" or "real"; None takes the variable STRANDS_ROBOT_MODE, else "sim". "sim" starts a simulation when no graph
            runs and refuses a robot that is not simulated. "real" is the only way to hardware.
        namespace: Namespace of the graph.
        policy: Approval policy of the tools; None takes the package's, or the one for simulations when one is started.
        options: Options of a graph that is started here, as of `strands-robots sim` (robots, scene, recorder, seed, ...) or
            of `strands-robots real`. A real graph is started only when its `port` is given; it stays stopped until a person
            resumes.

    Raises:
        ConfigurationError: If ROS or an argument cannot be used, or the robot is not simulated in mode "sim".
        UnknownNameError: If the graph has no such robot; the message lists those that it has.
        WorldError: If a graph that is started does not come up.
    """

    def __init__(
        self,
        name: str = "so101",
        mode: Mode | None = None,
        namespace: str = "",
        policy: str | Path | None = None,
        **options: Any,
    ) -> None:
        chosen = mode or os.environ.get(MODE_VARIABLE, "") or "sim"
        if chosen not in MODES:
            raise UnknownNameError("mode", str(chosen), MODES)
        wish = Wish(name, cast("Mode", chosen), namespace, Path(policy).expanduser() if policy else None, options)
        self._name = wish.name
        self._namespace = namespace
        self._mode = wish.mode
        self._connection: GraphConnection | None = attach(wish)
        self._link = self._linked(self._connection)

    def _linked(self, connection: GraphConnection) -> RobotClient:
        """Return the way to the robot; where there is none, let go of the graph."""
        from strands_robots.clients.robot_client import RobotClient

        try:
            known = connection.graph.await_robots(self._name)
            if self._mode == "real" and not known:
                raise NoAnswerError(
                    f"no robot is on graph '{self._namespace or '/'}'; valid: a graph that runs (strands-robots real), or port=... "
                    "to start one"
                )
            if self._name not in known:
                raise UnknownNameError("robot", self._name, known)
            link = RobotClient(connection.graph.client, connection.graph.goals, self._name)
            if self._mode == "sim" and not link.is_simulated():
                link.close()
                raise ConfigurationError(
                    f"robot '{self._name}' of this graph is not simulated; valid: mode='real', or {MODE_VARIABLE}=real"
                )
            return link
        except BaseException:
            self._connection = None
            release(self._namespace, connection)
            raise

    @property
    def name(self) -> str:
        """Its name on the graph."""
        return self._name

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names for `look`."""
        self._require_open()
        return self._link.cameras()

    @property
    def tools(self) -> Toolset:
        """The tools of its graph."""
        return self._require_open().tools

    def observe(self) -> RobotObservation:
        """Return what the robot measures now; raises NoAnswerError when it is silent."""
        self._require_open()
        return self._link.observe()

    def wait_until_armed(self, timeout: float = 60.0) -> None:
        """Return when the robot may move: when a person has resumed it; raise MotionError after `timeout` [s]."""
        deadline = time.monotonic() + timeout
        while (seen := self.observe()).is_stopped:
            if time.monotonic() > deadline:
                raise MotionError("stopped", f"'{self._name}' is stopped: {latch_advice(seen.why)}")
            time.sleep(0.05)

    def look(self, camera: str, width: int | None = None) -> Image:
        """Return the next picture of a camera as a PIL image, as it is sent or at most `width` wide [px].

        Raises:
            UnknownNameError: If the robot has no such camera.
            NoAnswerError: If no picture comes.
        """
        plain, known = camera.removeprefix(f"{self._name}/"), self.cameras
        if plain not in known:
            raise UnknownNameError("camera", camera, known)
        if width is not None and width < 1:
            raise ConfigurationError(f"width is {width}; valid: at least 1 pixel")
        picture = self._link.picture(plain)
        if width is None or width >= picture.width:
            return picture
        return picture.resize((width, max(round(picture.height * width / picture.width), 1)))

    def move_to(
        self,
        joints: Mapping[str, float] | None = None,
        *,
        position: Sequence[float] | None = None,
        orientation: Sequence[float] | None = None,
        speed: float = 0.5,
        straight: bool = False,
        timeout: float = 60.0,
    ) -> MoveResult:
        """Move joints to positions [rad] or [m], or the tool to a place; return when the measured robot is there.

        Args:
            joints: Position by joint; the others stay.
            position: x, y, z of the tool in the base frame [m], instead of joints.
            orientation: Quaternion x, y, z, w of the tool in the base frame; None leaves it free.
            speed: Part of the velocity limits, above 0 and up to 1.
            straight: The tool follows a straight line.
            timeout: Longest wait [s]; then the motion is cancelled.

        Raises:
            MotionError: If it did not get there; `reason` and the message say why, `miss` by how much an unreachable target.
            NoAnswerError: If no node answers, or not in time.
        """
        if (joints is None) == (position is None):
            raise ConfigurationError("move_to needs either joints or position")
        goal: dict[str, Any] = {"robot": self._name, "speed_scale": float(speed), "straight": straight}
        if joints is not None:
            goal |= {"joint_names": list(joints), "positions": [float(value) for value in joints.values()]}
        elif position is not None:
            goal |= {"target": "TARGET_POSE", "pose": {"pose": pose_fields(position, orientation)}}
            goal |= {"orientation": "ORIENTATION_FULL"} if orientation is not None else {}
        values = self._motion("MoveTo", "move_to", goal, timeout)
        tool = values["tool_pose"]
        place = tool["pose"]["position"]
        return MoveResult(
            values["termination_reason"], values["message"], dict(zip(values["joint_names"], values["positions"])),
            values["joint_error"], values["position_error"],
            (place["x"], place["y"], place["z"]) if tool["header"]["frame_id"] else None, values["elapsed"],
        )  # fmt: skip

    def grip(self, fraction: float, *, max_effort: float = 0.0, timeout: float = 30.0) -> GripResult:
        """Move the gripper from closed (0) to open (1), or until it holds something; raises as `move_to`.

        Args:
            fraction: Where to.
            max_effort: Effort at which it stops closing [Nm] or [N]; 0 takes what the robot gives.
            timeout: Longest wait [s].
        """
        goal = {"robot": self._name, "position": float(fraction), "max_effort": float(max_effort)}
        values = self._motion("SetGripper", "set_gripper", goal, timeout)
        return GripResult(
            values["termination_reason"], values["message"], values["fraction"], values["stalled"], values["effort"],
            values["elapsed"],
        )  # fmt: skip

    def run_policy(
        self,
        policy: str,
        *,
        task: str = "",
        duration: float = 30.0,
        adapter: str | Mapping[str, Any] = "",
        stop_when: str | Mapping[str, Any] = "",
        seed: int = 0,
        timeout: float | None = None,
        **config: Any,
    ) -> PolicyResult:
        """Run a policy on this robot for a time, and return when it is over. docs/how_to/run_a_policy.md has policies and settings.

        Args:
            policy: Its name, for example "lerobot".
            task: What the robot shall do, in words.
            duration: Longest time, ROS time [s].
            adapter: Name, path or content of an adapter.
            stop_when: Condition that ends the run earlier, as a success.
            seed: Seed of the policy.
            timeout: Longest wait [s]; None takes the duration and two minutes for loading.
            config: Settings of the policy, as path="outputs/act".

        Raises:
            PolicyError: If it did not come to its end; `reason` and the message say why.
            NoAnswerError: If no node answers, or not in time; then the policy is cancelled.
        """
        goal = {
            "robot": self._name, "policy": policy, "task": task, "duration": float(duration), "seed": seed,
            "config": settings_text(config), "adapter": settings_text(adapter), "stop_when": settings_text(stop_when),
        }  # fmt: skip
        state, values = self._goal("RunPolicy", "run_policy", goal, timeout or duration + LOAD_TIME)
        reason, message = values["termination_reason"], values["message"]
        if state != "succeeded":
            raise PolicyError(
                f"policy '{policy}' on '{self._name}' ended '{reason or state}': {message}", reason or state
            )
        return PolicyResult(
            reason, message, values["steps"], values["chunks"], values["underruns"],
            dict(zip(values["joint_names"], values["motion"])), values["latency_p50"], values["latency_p99"],
            values["elapsed"],
        )  # fmt: skip

    def record(
        self,
        repo_id: str,
        task: str,
        *,
        root: str | Path | None = None,
        robots: Sequence[str] | None = None,
        cameras: Sequence[str] | None = None,
        fps: int = 30,
        existing: Existing = "append",
        on_error: OnError = "discard",
        **options: Any,
    ) -> Recording:
        """Return an episode that is recorded while a `with` block runs, into a LeRobotDataset.

        Leaving the block ends the episode: it is written, closed, read again and found whole before `result` says saved. An
        exception in the block discards it, or with on_error="mark" keeps it as failed, and goes on.

        Args:
            repo_id: Name of the dataset, "<owner>/<name>".
            task: What the robot does, in words.
            root: Folder; None takes strands_robots/datasets/<repo_id> in $ROS_HOME or ~/.ros.
            robots: Robots to record; None takes this one.
            cameras: Cameras as "<robot>/<camera>", or "*" for every one of the graph; None takes those of the robots.
            fps: Frames a second [Hz].
            existing: What happens with a dataset that is there: "append", "new" (refused) or "overwrite".
            on_error: "discard" or "mark".
            options: Further fields of srv/StartRecording, as with_effort=True.

        Raises:
            RecordingError: On entering when the recorder cannot begin; on leaving when the episode is not saved.
            ConfigurationError: If a value cannot be used.
        """
        self._require_open()
        from strands_robots.core.ros_home import ros_home

        names = [self._name] if robots is None else list(robots)
        if cameras is None:
            cameras = [f"{name}/{camera}" for name in names for camera in self._link.cameras(name)]
        folder = Path(root).expanduser() if root else ros_home() / "strands_robots" / "datasets" / repo_id
        fields = {
            "root": str(folder.absolute()), "repo_id": repo_id, "task": task, "robots": names,
            "cameras": list(cameras), "fps": fps, **options,
        }  # fmt: skip
        return Recording(self._link, fields, existing, on_error, self._ensure_recorder)

    def stop(self, reason: str = "robot.stop()") -> StopResult:
        """Stop every robot of the graph at once and latch it; only `strands-robots resume` resumes.

        Raises:
            NoAnswerError: If there is no evidence that every robot has stopped. Use the stop button.
        """
        self._require_open()
        return self._link.stop(reason)

    def close(self) -> None:
        """Let go of the graph. Its last Robot cancels the goals started here, and ends a graph that was started here."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._link.close()
            release(self._namespace, connection)

    def __enter__(self) -> Robot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        """Yield the tools as Strands AgentTools, so that Agent(tools=[robot]) has them all."""
        from strands_robots.robot.tools import robot_tools

        yield from robot_tools(self._require_open().tools)

    def __repr__(self) -> str:
        if self._connection is None:
            return f"Robot('{self._name}', closed)"
        seen = self._seen()
        if isinstance(seen, str):
            return f"Robot('{self._name}', {self._where()}, {printable(seen)})"
        joints = ", ".join(f"{name}={value:.3f}" for name, value in seen.joints.items())
        state = f"stopped: {printable(seen.why)}" if seen.is_stopped else "armed"
        return f"Robot('{self._name}', {self._where()}, {state}, {joints})"

    def _repr_html_(self) -> str:
        if self._connection is None:
            return robot_page(self._name, "no graph", "closed")
        return robot_page(self._name, self._where(), self._seen())

    def _where(self) -> str:
        assert self._connection is not None
        kind = "simulation" if self._mode == "sim" else "real graph"
        return f"own {kind}" if self._connection.started else f"graph '{self._namespace or '/'}'"

    def _seen(self) -> RobotObservation | str:
        try:
            return self.observe()
        except StrandsRobotsError as error:
            return str(error)

    def _require_open(self) -> GraphConnection:
        if self._connection is None:
            raise ConfigurationError(f"robot '{self._name}' is closed; valid: a new Robot('{self._name}')")
        self._connection.require_alive()
        return self._connection

    def _ensure_recorder(self) -> None:
        """Wait for recorder_node; a simulation that was started here without it gets one."""
        connection = self._require_open()
        if connection.started is not None and self._mode == "sim" and not self._link.has_recorder(1.0):
            connection.started.start_recorder(self._link.run_id())
        if not self._link.has_recorder(RECORDER_TIMEOUT if connection.started is not None else 5.0):
            raise NoAnswerError(
                "recorder_node is not on the graph; valid: strands-robots sim --recorder, or real --recorder"
            )

    def _goal(self, kind: str, name: str, goal: Mapping[str, Any], timeout: float) -> tuple[str, dict[str, Any]]:
        self._require_open()
        return self._link.run_goal(kind, name, goal, timeout)

    def _motion(self, kind: str, name: str, goal: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        state, values = self._goal(kind, name, goal, timeout)
        if state != "succeeded":
            reason = values["termination_reason"] or state
            miss = values.get("position_error", 0.0), values.get("orientation_error", 0.0)
            raise MotionError(reason, f"{name} of '{self._name}' ended '{reason}': {values['message']}", miss)
        return values
