"""The services of a simulated world, answered by the thread that did the work, so that the executor never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool
from strands_robots.msg import Variation as VariationMsg
from strands_robots.srv import GetWorldState, RandomizeWorld, ResetWorld, StepWorld

from strands_robots.control.loop import RobotLoop
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.futures import done, map_future, then
from strands_robots.nodes.sim.simulated_robot_topics import SimulatedRobotTopics
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages.conversions import JointStateBuffer, chunk_from_command, chunk_from_msg
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.randomize.variations import Variation
from strands_robots.sim.run.lockstep import StepRequest
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.world import World


class WorldServices:
    """world/reset, world/randomize, world/pause, world/step and world/get_state.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
        ports: Topics of each robot, for what was applied.
        follow: Brings the topics into line with the world; called in the executor's thread when a reset drew another one.
    """

    def __init__(
        self,
        node: Node,
        runtime: SimRuntime,
        world: World,
        ports: Mapping[str, SimulatedRobotTopics],
        follow: Callable[[], Future[None]],
    ) -> None:
        self._runtime = runtime
        self._world = world
        self._ports = ports
        self._follow = follow
        self._executor = ExecutorCalls(node)
        for kind, name, callback in (
            (ResetWorld, "world/reset", self._reset),
            (RandomizeWorld, "world/randomize", self._randomize),
            (SetBool, "world/pause", self._pause),
            (StepWorld, "world/step", self._step),
            (GetWorldState, "world/get_state", self._get_state),
        ):
            create_deferred_service(node, kind, name, callback, refuse=refusal(kind))

    def _reset(self, request: ResetWorld.Request) -> Future[ResetWorld.Response]:
        def reset() -> ResetWorld.Response:
            stamp = self._runtime.reset(request.seed, request.keyframe)
            return ResetWorld.Response(success=True, message=f"reset with seed {request.seed}", stamp=to_time(stamp))

        return self._followed(self._runtime.call(reset))

    def _randomize(self, request: RandomizeWorld.Request) -> Future[RandomizeWorld.Response]:
        variations = [Variation(each.quantity, each.low, each.high, tuple(each.names)) for each in request.variations]

        def randomize() -> RandomizeWorld.Response:
            stamp = self._runtime.go_back(lambda: self._world.vary(variations, request.seed), "world/randomize")
            drawn = [str(each) for each in self._world.drawn]
            words = f"reset with seed {request.seed}; {len(drawn)} values drawn"
            return RandomizeWorld.Response(success=True, message=words, stamp=to_time(stamp), drawn=drawn)

        return self._followed(self._runtime.call(randomize))

    def _followed(self, changed: Future[Any]) -> Future[Any]:
        """Return the future answer of a reset, once cameras and frames are where it put them."""
        generation = self._world.generation

        def follow(answer: Any) -> Future[Any]:
            if self._world.generation == generation:
                return done(answer)
            return map_future(then(self._executor.call(self._follow), lambda followed: followed), lambda _: answer)

        return then(changed, follow)

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
            stamp = (
                self._world.time
            )  # Not the present as commands are judged by it: what is answered is of this timestep.
            return StepWorld.Response(
                success=result.success,
                message=result.message,
                steps_done=result.steps_done,
                stamp=to_time(stamp),
                robots=[robot.robot.name for robot in robots],
                joint_states=[self._observed(robot, stamp) for robot in robots],
                applied=[self._ports[robot.robot.name].applied_message() for robot in robots],
                refusals=result.refusals,
            )

        return self._runtime.call(step)

    def _observed(self, robot: RobotLoop, stamp: float) -> JointState:
        """Return joint_states as the topic has them, noise included."""
        position, velocity = self._ports[robot.robot.name].observe(stamp, robot.robot.position, robot.robot.velocity)
        return JointStateBuffer(robot.gate.limits.names).fill(stamp, position, velocity, robot.robot.effort)

    def _get_state(self, request: GetWorldState.Request) -> Future[GetWorldState.Response]:
        def read() -> GetWorldState.Response:
            runtime, control = self._runtime, self._runtime.control
            control.measure()
            stamp = self._world.time
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
                response.variations = [
                    VariationMsg(quantity=each.quantity, names=list(each.names), low=each.low, high=each.high)
                    for each in self._world.config.variations
                ]
                response.drawn = [str(each) for each in self._world.drawn]
            return response

        return self._runtime.call(read)


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
