"""What a recorder asks of the graph: the world it is in, its cameras, and what a request means."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from strands_robots.srv import GetWorldState, RenderCamera, StartRecording

from strands_robots.core.errors import ConfigurationError, NoAnswerError, UnknownNameError
from strands_robots.core.ros_home import ros_home
from strands_robots.core.text import printable
from strands_robots.dataset.encoder import EncoderConfig, encoder_settings
from strands_robots.dataset.schema import DEPTH, CameraPart
from strands_robots.description.robot_config import RobotConfig
from strands_robots.recording.recording_options import RecordingOptions
from strands_robots.recording.stream import SECOND
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.calls.service_question import ask_service
from strands_robots.ros.messages import qos
from strands_robots.ros.process.graph_names import topics_of_graph

DISCOVERY_WAIT = 3.0
"""How long a camera may take to be found on the graph [s, steady time]."""

WORLD_WAIT = 5.0
"""How long after its start a node may take to find that there is a simulated world [s, steady time]."""

CAMERA_WAIT = 5.0
"""How long a camera's calibration is waited for [s, steady time]."""

_IMAGE = "sensor_msgs/msg/Image"
_SUFFIX = "/image_raw"


@dataclass(frozen=True)
class WorldFacts:
    """The simulated world, or that there is none.

    Attributes:
        mode: "realtime", "fast" or "lockstep"; empty without a simulated world.
        stamp: Its time [ns].
        control_period: Its control period [s].
        provenance: What a recording keeps of it; None without a simulated world.
    """

    mode: str = ""
    stamp: int = 0
    control_period: float = 0.0
    provenance: Mapping[str, Any] | None = None


class RecordingWorld:
    """Asks the graph; every method but the constructor waits, so it belongs to another thread than the executor's.

    Args:
        node: The node; its namespace is the graph's.
        calls: The way to the executor's thread.
        robots: Known robots.
    """

    def __init__(self, node: Node, calls: ExecutorCalls, robots: Mapping[str, RobotConfig]) -> None:
        self._node = node
        self._calls = calls
        self._robots = robots
        self._state = node.create_client(GetWorldState, "world/get_state")
        self._render = node.create_client(RenderCamera, "world/render")
        self._born = time.monotonic()
        self._sizes: dict[str, tuple[int, int]] = {}

    def facts(self) -> WorldFacts:
        """Return what the simulated world says of itself. A node that joined just now gives discovery time to find one.

        Raises:
            NoAnswerError: If there is a world that does not answer: how its time passes decides how it is recorded.
        """
        while not self._state.service_is_ready() and time.monotonic() < self._born + WORLD_WAIT:
            time.sleep(0.05)
        answer = ask_service(self._state, GetWorldState.Request(full=True), 2.0)
        if answer is None and self._state.service_is_ready():
            raise NoAnswerError("the simulated world does not answer world/get_state; valid: try again once it does")
        if answer is None or not answer.success:
            return WorldFacts()
        provenance = {
            "mode": answer.mode, "seed": answer.seed, "model_sha256": answer.model_sha256, "timestep": answer.timestep,
            "control_period": answer.control_period, "physics_steps": answer.physics_steps,
            "randomization": _randomization(answer),
        }  # fmt: skip
        stamp = answer.stamp.sec * SECOND + answer.stamp.nanosec
        return WorldFacts(answer.mode, stamp, answer.control_period, provenance)

    def cameras(self, options: RecordingOptions) -> list[CameraPart]:
        """Return the cameras that were asked for, with their sizes.

        Raises:
            UnknownNameError: If one is not on the graph.
            ConfigurationError: If a camera does not say its size.
        """
        names = list(options.cameras)
        on_graph, deadline = self._on_graph(), time.monotonic() + DISCOVERY_WAIT
        while names and not (set(names) - {"*"} <= set(on_graph) and on_graph) and time.monotonic() < deadline:
            time.sleep(0.05)
            on_graph = self._on_graph()
        if names == ["*"]:
            names = [name for name in on_graph if not name.endswith(DEPTH)]
        sizes = {}
        for name in names:
            if name not in on_graph:
                raise UnknownNameError("camera", name, on_graph)
            camera = name.removesuffix(DEPTH)
            sizes[name] = self._configured(camera) or self._rendered(camera) or self._size(camera)
        return [CameraPart(name, *size) for name, size in sizes.items()]

    def _on_graph(self) -> list[str]:
        prefix = self._node.get_namespace().rstrip("/") + "/"
        found = [
            topic[len(prefix) : -len(_SUFFIX)]
            for topic, types in topics_of_graph(self._node).items()
            if _IMAGE in types and topic.startswith(prefix) and topic.endswith(_SUFFIX)
        ]
        return sorted(found)

    def _configured(self, name: str) -> tuple[int, int] | None:
        robot, _, camera = name.partition("/")
        config = self._robots.get(robot)
        known = None if config is None else config.cameras.get(camera)
        return None if known is None else (known.height, known.width)

    def _rendered(self, name: str) -> tuple[int, int] | None:
        """Return (height, width) as a simulated world renders it, which in lockstep publishes nothing before a step."""
        answer = ask_service(self._render, RenderCamera.Request(camera=name), 10.0, attempts=1)
        return None if answer is None or not answer.success else (answer.camera_info.height, answer.camera_info.width)

    def _size(self, name: str) -> tuple[int, int]:
        """Return (height, width) as the camera's calibration says."""

        def take(message: CameraInfo) -> None:
            self._sizes[name] = (message.height, message.width)

        subscription = self._calls.wait(
            lambda: self._node.create_subscription(CameraInfo, f"{name}/camera_info", take, qos.IMAGE_READER)
        )
        deadline = time.monotonic() + CAMERA_WAIT
        while name not in self._sizes and time.monotonic() < deadline:
            time.sleep(0.01)
        self._calls.wait(lambda: self._node.destroy_subscription(subscription))
        if name not in self._sizes:
            raise ConfigurationError(
                f"camera '{name}' has published no camera_info for {CAMERA_WAIT:g} s; valid: a camera that runs (in lockstep, "
                "one step before the recording starts)"
            )
        return self._sizes.pop(name)


def _randomization(state: GetWorldState.Response) -> dict[str, Any] | None:
    """Return what varies from reset to reset and what was drawn of it; None when nothing varies."""
    if not state.variations:
        return None
    variations = [
        {"quantity": each.quantity, "names": list(each.names), "low": each.low, "high": each.high}
        for each in state.variations
    ]
    return {"variations": variations, "drawn": list(state.drawn)}


def require_owner(owner: str) -> None:
    """Raise ConfigurationError for what is no id of an owner; empty means no owner."""
    if owner and not re.fullmatch("[0-9a-f]{32}", owner):
        raise ConfigurationError(f"owner is '{printable(owner)}'; valid: 32 digits of 0-9a-f, or empty for no owner")


def options_from_request(request: StartRecording.Request, folder: str) -> RecordingOptions:
    """Return what a request asks for.

    Args:
        request: The request.
        folder: Folder of datasets without a root; empty for the default.

    Raises:
        ConfigurationError: If a value is not valid.
    """
    home = ros_home() / "strands_robots" / "datasets"
    root = (
        Path(request.root).expanduser()
        if request.root
        else (Path(folder).expanduser() if folder else home) / request.repo_id
    )
    further = encoder_settings(request.encoder_settings)
    return RecordingOptions(
        root=root.absolute(), repo_id=request.repo_id, mode=request.mode, fps=request.fps, robots=tuple(request.robots),
        cameras=tuple(request.cameras), task=request.task, units=request.units or "lerobot",
        with_velocity=request.with_velocity, with_effort=request.with_effort, with_outcome=request.with_outcome,
        with_intervention=request.with_intervention,
        encoder=EncoderConfig(
            request.codec or "h264", request.crf, request.preset, request.encoder_threads, rgb=further.get("rgb", {}),
            depth=further.get("depth", {}),
        ),
        queue_frames=request.queue_frames, max_age_joints=request.max_age_joints or 0.1,
        max_age_images=request.max_age_images or 0.2, on_stale=request.on_stale or "mark", provenance=request.provenance,
        keep_seconds=request.keep_seconds, with_language=request.with_language,
    )  # fmt: skip
