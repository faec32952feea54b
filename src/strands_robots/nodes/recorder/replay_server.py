"""The action server replay_episode: plays a recorded episode through the gates of the robots, one goal at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import ReplayEpisode
from strands_robots.srv import GetWorldState, SetWorldState, StepWorld

from strands_robots.control.gate import GateReport
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, WorldError
from strands_robots.core.types import Instant, Observation
from strands_robots.description.robot_config import RobotConfig
from strands_robots.motion.task import checked_source
from strands_robots.recording.replay import ReplayPlan, Tracking, load_replay
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.messages.conversions import chunk_to_msg, clip, observation_from_joint_state
from strands_robots.ros.messages.stamps import to_seconds

START_TIMEOUT = 5.0
STALE = 0.5
"""Measurements older than this end a replay [s, steady time]."""

CALL_TIMEOUT = 30.0


class _ReplayedRobot:
    """What is heard of one robot; any thread."""

    def __init__(self) -> None:
        self.position: dict[str, float] = {}
        self.heard = 0.0
        self.report: GateReport | None = None
        self.applied = ""

    def on_observation(self, observation: Observation, now: Instant) -> None:
        self.position = dict(zip(observation.joint_names, observation.position.tolist()))
        self.heard = now.steady

    def on_gate(self, report: GateReport, now: Instant) -> None:
        self.report = report

    def on_applied(self, source: str, sequence: int, joint_names: tuple[str, ...], values: FloatArray) -> None:
        self.applied = source

    def of(self, names: tuple[str, ...]) -> FloatArray:
        """Return the measured positions of joints."""
        return np.array([self.position[name] for name in names])


class _EndError(StrandsRobotsError):
    """A replay ended early; `reason` is the result's termination_reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ReplayServer:
    """Serves replay_episode.

    Args:
        node: The node; its namespace is the graph's.
        robots: Known robots.
    """

    def __init__(self, node: Node, robots: Mapping[str, RobotConfig]) -> None:
        self._node = node
        self._robots = robots
        self._cancelled = threading.Event()
        self._is_busy = False
        self._thread: threading.Thread | None = None
        self._clients = {
            kind: node.create_client(kind, name)
            for kind, name in (
                (StepWorld, "world/step"), (GetWorldState, "world/get_state"), (SetWorldState, "world/set_state"),
            )
        }  # fmt: skip
        self._server = ActionServer(
            node, ReplayEpisode, "replay_episode", self._execute, cancel_callback=self._on_cancel
        )

    def stop(self) -> None:
        """End a goal that is being carried out; its robots hold."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join(0.3)
        self._server.destroy()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self._cancelled.set()
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ReplayEpisode.Result:
        """Carry a goal out in a thread of its own; the executor goes on while this waits."""
        request, result = handle.request, ReplayEpisode.Result()
        if self._is_busy:
            result.termination_reason, result.message = (
                "refused",
                "another episode is being replayed; valid: one goal at a time",
            )
            handle.abort()
            return result
        self._is_busy = True
        self._cancelled.clear()
        done: Future[None] = Future()
        heard: dict[str, _ReplayedRobot] = {}
        feeds: dict[str, RobotSubscriber] = {}
        try:
            root = Path(request.root).expanduser()
            plan = load_replay(root, request.episode, request.speed, list(request.robots), list(self._robots))
            source = checked_source(request.source or "agent/replay")
            if not 0.0 <= request.approach_speed <= 1.0:
                raise ConfigurationError(f"approach_speed is {request.approach_speed}; valid: 0 to 1")
            if not request.lockstep and not request.exact:
                heard = {robot: _ReplayedRobot() for robot in plan.names}
                feeds = {
                    name: RobotSubscriber(self._node, name, robot, lockstep=False) for name, robot in heard.items()
                }
            run = _Run(self, handle, plan, source, heard, feeds)
            self._thread = threading.Thread(target=run, args=(result, done), name="replay", daemon=True)
            self._thread.start()
            await done
        except StrandsRobotsError as error:
            result.termination_reason, result.message = "refused", clip(str(error), 4096)
        finally:
            for feed in feeds.values():
                feed.close()
            self._is_busy = False
        self._node.get_logger().info(f"replay of {request.root}: {result.termination_reason}: {result.message}")
        if result.success:
            handle.succeed()
        elif result.termination_reason == "cancelled" and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result

    def is_cancelled(self) -> bool:
        """Return whether the goal shall end."""
        return self._cancelled.is_set()

    def finish(self, done: Future[None]) -> None:
        """Let the executor go on with the goal."""
        done.set_result(None)
        if self._node.executor is not None:
            self._node.executor.wake()

    def velocity(self, robot: str, names: tuple[str, ...]) -> list[float]:
        """Return the velocity limits of joints [rad/s] or [m/s]."""
        return [self._robots[robot].joints[name].velocity for name in names]

    def call(self, request: Any) -> Any:
        """Call a service of the world and wait; not from the executor's thread."""
        kind = next(kind for kind in self._clients if isinstance(request, kind.Request))
        client = self._clients[kind]
        if not client.wait_for_service(2.0):
            raise WorldError(f"no node serves {client.srv_name}; valid: lockstep and exact need a simulated world")
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(CALL_TIMEOUT):
            raise WorldError(f"{client.srv_name} has not answered for {CALL_TIMEOUT:g} s")
        response = future.result()
        if not response.success:
            raise WorldError(f"{client.srv_name}: {response.message}")
        return response


class _Run:
    """One goal, in its thread."""

    def __init__(
        self, server: ReplayServer, handle: ServerGoalHandle, plan: ReplayPlan, source: str, heard: dict[str, _ReplayedRobot],
        feeds: dict[str, RobotSubscriber],
    ) -> None:  # fmt: skip
        self._server, self._handle, self._plan, self._source = server, handle, plan, source
        self._heard, self._feeds = heard, feeds
        self._tracking = Tracking(plan)
        self._sequence = time.time_ns()

    def __call__(self, result: ReplayEpisode.Result, done: Future[None]) -> None:
        request = self._handle.request
        try:
            if request.exact:
                self._put()
            elif request.lockstep:
                self._step()
            else:
                self._play(request.approach_speed)
            result.success, result.termination_reason = True, "completed"
            result.message = (
                f"{self._plan.frames} frames; measured within {self._tracking.max_error:.3f} of the recorded positions "
                f"({self._tracking.max_joint}), {self._tracking.rms_error:.3f} root mean square"
            )
        except _EndError as end:
            result.termination_reason, result.message = end.reason, clip(str(end), 4096)
        except StrandsRobotsError as error:
            result.termination_reason, result.message = "world_failed", clip(str(error), 4096)
        finally:
            tracking = self._tracking
            result.frames, result.rms_error = tracking.frames, tracking.rms_error
            result.max_error, result.max_error_joint = tracking.max_error, tracking.max_joint
            self._server.finish(done)

    def _play(self, approach: float) -> None:
        """Publish chunks in real time."""
        self._wait_for_robots()
        if approach > 0.0:
            self._approach(approach)
        plan = self._plan
        feed = next(iter(self._feeds.values()))
        start = feed.now().ros + 0.05
        sent = -1
        refresh = max(round(0.5 / plan.period), 1)
        while self._tracking.frames < plan.frames:
            now = feed.now().ros
            frame = int((now - start) / plan.period)
            if now >= start and frame >= self._tracking.frames:
                self._compare(min(frame, plan.frames - 1))
            due = max(frame, 0)
            if due < plan.frames and (sent < 0 or due >= sent + refresh):
                for robot, link in self._feeds.items():
                    link.send(plan.chunk(robot, due, start, now, self._source, self._next()))
                sent = due
            self._check(now - start > 1.0)
            time.sleep(0.002)

    def _approach(self, part: float) -> None:
        longest = 0.0
        for robot, feed in self._feeds.items():
            names = self._plan.names[robot]
            limits = self._server.velocity(robot, names)
            chunk, duration = self._plan.approach(
                robot, self._heard[robot].of(names), limits, part, feed.now().ros, self._source, self._next()
            )
            feed.send(chunk)
            longest = max(longest, duration)
        feed = next(iter(self._feeds.values()))
        end = feed.now().ros + longest + 0.2
        while feed.now().ros < end:
            self._check(False)
            time.sleep(0.005)

    def _step(self) -> None:
        """Step a world in lockstep."""
        plan, server, client = self._plan, self._server, f"replay/{self._sequence}"
        state = server.call(GetWorldState.Request())
        steps = round(plan.period / state.control_period)
        if state.mode != "lockstep" or steps < 1 or abs(steps * state.control_period - plan.period) > 1e-9:
            raise _EndError(
                "refused",
                f"the world runs in mode {state.mode} with a control period of {state.control_period:g} s, a frame takes "
                f"{plan.period:g} s; valid: mode lockstep and frames of whole control periods",
            )
        now = to_seconds(state.stamp)
        answer = state
        try:
            for frame in range(plan.frames):
                if server.is_cancelled():
                    raise _EndError("cancelled", f"cancelled at frame {frame}")
                self._tracking.add(frame, self._positions(answer))
                self._report(frame)
                chunks = [
                    chunk_to_msg(plan.step(robot, frame, now, self._source, self._next())) for robot in plan.names
                ]
                answer = server.call(
                    StepWorld.Request(client=client, steps=steps, chunk_robots=list(plan.names), chunks=chunks)
                )
                now = to_seconds(answer.stamp)
        finally:
            server.call(StepWorld.Request(client=client, steps=0, release=True))

    def _put(self) -> None:
        """Put the robots where they were, frame after frame."""
        plan, server = self._plan, self._server
        names = [f"{robot}/{joint}" for robot, joints in plan.names.items() for joint in joints]
        for frame in range(plan.frames):
            if server.is_cancelled():
                raise _EndError("cancelled", f"cancelled at frame {frame}")
            began = time.monotonic()
            values = np.concatenate([plan.states[robot][frame] for robot in plan.names])
            server.call(SetWorldState.Request(joint_names=names, positions=values.tolist()))
            self._tracking.add(frame, self._positions(server.call(GetWorldState.Request())))
            self._report(frame)
            time.sleep(max(plan.period - (time.monotonic() - began), 0.0))

    def _positions(self, answer: Any) -> dict[str, FloatArray]:
        found = {}
        for robot, names in self._plan.names.items():
            if robot not in answer.robots:
                raise WorldError(f"the world has no robot '{robot}'; it has {', '.join(answer.robots)}")
            state = observation_from_joint_state(answer.joint_states[list(answer.robots).index(robot)])
            known = dict(zip(state.joint_names, state.position.tolist()))
            found[robot] = np.array([known[name] for name in names])
        return found

    def _compare(self, frame: int) -> None:
        positions = {robot: heard.of(self._plan.names[robot]) for robot, heard in self._heard.items()}
        while self._tracking.frames <= frame:
            self._tracking.add(self._tracking.frames, positions)
        self._report(frame)

    def _report(self, frame: int) -> None:
        if frame % 10 == 0:
            self._handle.publish_feedback(ReplayEpisode.Feedback(frames=frame, total=self._plan.frames))

    def _wait_for_robots(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            silent = [
                name
                for name, robot in self._heard.items()
                if not robot.position or robot.report is None or not self._feeds[name].is_connected()
            ]
            if not silent:
                return
            if time.monotonic() > deadline:
                raise _EndError("observation_lost", f"nothing is heard of {', '.join(silent)} for {START_TIMEOUT:g} s")
            time.sleep(0.02)

    def _check(self, is_playing: bool) -> None:
        """End the goal when it was cancelled, a robot stopped, fell silent, or obeys another source."""
        if self._server.is_cancelled():
            self._hold()
            raise _EndError("cancelled", f"cancelled after {self._tracking.frames} frames")
        for name, robot in self._heard.items():
            if robot.report is not None and robot.report.latched:
                raise _EndError("stopped", f"'{name}' is latched: {robot.report.latch_reason}")
            if time.monotonic() - robot.heard > STALE:
                raise _EndError("observation_lost", f"no {name}/joint_states for {STALE:g} s")
            if is_playing and robot.applied not in ("", self._source):
                words = robot.report.last_refusal if robot.report is not None else ""
                raise _EndError("refused", f"'{name}' plays '{robot.applied}', not this replay; {words}")

    def _hold(self) -> None:
        frame = max(self._tracking.frames - 1, 0)
        for robot, feed in self._feeds.items():
            now = feed.now().ros
            chunk = self._plan.step(robot, frame, now, self._source, self._next())
            feed.send(chunk)

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
