"""The services of a simulated world, answered by the thread that did the work, so that the executor never waits."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool

from strands_robots.errors import ConfigurationError
from strands_robots.ros.conversions import JointStateBuffer, chunk_from_command, chunk_from_msg
from strands_robots.ros.deferred_service import create_deferred_service
from strands_robots.ros.images import camera_info, fill_image
from strands_robots.ros.responses import refusal
from strands_robots.ros.robot_ports import RobotPorts
from strands_robots.ros.stamps import to_time
from strands_robots.sim.camera_worker import DEPTH, RGB, RenderRequest
from strands_robots.sim.control import RobotLoop
from strands_robots.sim.lockstep import StepRequest
from strands_robots.sim.pictures import output_path, write_png
from strands_robots.sim.runtime import SimRuntime
from strands_robots.sim.world import World
from strands_robots.srv import GetWorldState, RenderCamera, ResetWorld, StepWorld

MAX_SIZE = 4096
MIN_SIZE = 16


class WorldServices:
    """world/reset, world/pause, world/step, world/get_state and world/render.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
        ports: Topics of each robot, for what was applied.
        output_folder: Where world/render may write; None for nowhere.
    """

    def __init__(
        self,
        node: Node,
        runtime: SimRuntime,
        world: World,
        ports: Mapping[str, RobotPorts],
        output_folder: Path | None,
    ) -> None:
        self._runtime = runtime
        self._world = world
        self._ports = ports
        self._output_folder = output_folder
        for kind, name, callback in (
            (ResetWorld, "world/reset", self._reset),
            (SetBool, "world/pause", self._pause),
            (StepWorld, "world/step", self._step),
            (GetWorldState, "world/get_state", self._get_state),
            (RenderCamera, "world/render", self._render),
        ):
            create_deferred_service(node, kind, name, callback, refuse=refusal(kind))

    def _reset(self, request: ResetWorld.Request) -> Future[ResetWorld.Response]:
        def reset() -> ResetWorld.Response:
            stamp = self._runtime.reset(request.seed, request.keyframe)
            return ResetWorld.Response(success=True, message=f"reset with seed {request.seed}", stamp=to_time(stamp))

        return self._runtime.call(reset)

    def _pause(self, request: SetBool.Request) -> Future[SetBool.Response]:
        def pause() -> SetBool.Response:
            self._runtime.pause(request.data)
            return SetBool.Response(success=True, message="paused" if request.data else "running")

        return self._runtime.call(pause)

    def _step(self, request: StepWorld.Request) -> Future[StepWorld.Response]:
        wanted = StepRequest(request.client, request.steps, request.release, _chunks(request))

        def step() -> StepWorld.Response:
            result = self._runtime.step(wanted)
            robots = self._runtime.control.robots
            stamp = self._runtime.now().ros
            return StepWorld.Response(
                success=result.success,
                message=result.message,
                steps_done=result.steps_done,
                stamp=to_time(stamp),
                robots=[robot.robot.name for robot in robots],
                joint_states=[_joint_state(robot, stamp) for robot in robots],
                applied=[self._ports[robot.robot.name].applied_message() for robot in robots],
                refusals=result.refusals,
            )

        return self._runtime.call(step)

    def _get_state(self, request: GetWorldState.Request) -> Future[GetWorldState.Response]:
        def read() -> GetWorldState.Response:
            runtime, control = self._runtime, self._runtime.control
            control.measure()
            stamp = runtime.now().ros
            response = GetWorldState.Response(
                success=True,
                stamp=to_time(stamp),
                mode=runtime.config.mode.value,
                paused=runtime.is_paused,
                real_time_factor=runtime.speed.rate,
                physics_steps=self._world.physics_steps,
                timestep=control.timestep,
                control_period=control.control_period,
                seed=self._world.seed,
                robots=[robot.robot.name for robot in control.robots],
                joint_states=[_joint_state(robot, stamp) for robot in control.robots],
                cameras=list(self._world.cameras),
            )
            if request.full:
                data = self._world.data
                for array, values in ((response.qpos, data.qpos), (response.qvel, data.qvel), (response.act, data.act)):
                    array.frombytes(np.ascontiguousarray(values, dtype=np.float64).tobytes())
                response.model_sha256 = self._world.model_sha256
            return response

        return self._runtime.call(read)

    def _render(self, request: RenderCamera.Request) -> Future[RenderCamera.Response]:
        runtime = self._runtime
        camera = self._world.camera(request.camera)
        if request.kind not in (RGB, DEPTH):
            raise ConfigurationError(f"kind {request.kind} given; valid: {RGB} (rgb8), {DEPTH} (depth)")
        width, height = request.width or camera.width, request.height or camera.height
        if not (MIN_SIZE <= width <= MAX_SIZE and MIN_SIZE <= height <= MAX_SIZE):
            raise ConfigurationError(f"size {width}x{height} given; valid: {MIN_SIZE} to {MAX_SIZE} pixels each, or 0")
        path = self._path(request.file) if request.file else None
        answer: Future[RenderCamera.Response] = Future()

        def finish(pixels: NDArray[Any], stamp: float) -> RenderCamera.Response:
            response = RenderCamera.Response(
                success=True, camera_info=camera_info(width, height, camera.fovy, camera.frame_id)
            )
            response.camera_info.header.stamp = to_time(stamp)
            if path is not None:
                write_png(path, pixels)
                response.path = str(path)
                response.message = f"wrote {path}"
            else:
                image = Image()
                image.header.frame_id = camera.frame_id
                response.image = fill_image(image, pixels, stamp, "rgb8" if request.kind == RGB else "32FC1")
            return response

        def snapshot() -> None:
            stamp, state = runtime.snapshot()
            runtime.cameras.request(
                RenderRequest(state, stamp, request.camera, request.kind, width, height, finish, answer)
            )

        runtime.call(snapshot).add_done_callback(lambda done: _forward_error(done, answer))
        return answer

    def _path(self, file: str) -> Path:
        if self._output_folder is None:
            raise ConfigurationError(
                "sim_node has no output_folder; valid: an empty file, which sends the picture in the answer"
            )
        return output_path(self._output_folder, file)


def _forward_error(done: Future[None], answer: Future[Any]) -> None:
    error = done.exception()
    if error is not None:
        answer.set_exception(error)


def _joint_state(robot: RobotLoop, stamp: float) -> JointState:
    measured = robot.robot
    buffer = JointStateBuffer(robot.gate.limits.names)
    return buffer.fill(stamp, measured.position, measured.velocity, measured.effort)


def _chunks(request: StepWorld.Request) -> tuple[Any, ...]:
    """Return (robot, chunk) pairs in the order in which they pass the gates: chunks, then commands.

    Raises:
        ConfigurationError: If names and commands do not match one to one.
    """
    for what, names, messages in (
        ("chunk", request.chunk_robots, request.chunks),
        ("command", request.command_robots, request.commands),
    ):
        if len(names) != len(messages):
            raise ConfigurationError(
                f"{len(names)} {what}_robots for {len(messages)} {what}s; valid: one robot name for each"
            )
    chunks = zip(request.chunk_robots, map(chunk_from_msg, request.chunks))
    commands = zip(request.command_robots, map(chunk_from_command, request.commands))
    return (*chunks, *commands)
