"""recorder_node: records episodes of robots and cameras into a LeRobot dataset. Wires topics and services to the recorder."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Empty
from strands_robots.msg import AuditState, EpisodeState, PolicyState
from strands_robots.srv import RecordEpisode, StartRecording

from strands_robots.audit.event import Durability
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.work_queue import WorkQueue
from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.provenance import package_provenance, robot_provenance, with_calibrations
from strands_robots.dataset.store import require_lerobot
from strands_robots.description.robot_spec import robot_spec
from strands_robots.nodes.recorder.calibration_watch import CalibrationWatch
from strands_robots.nodes.recorder.language_subscriber import LanguageSubscriber
from strands_robots.nodes.recorder.open_recording import OpenRecording
from strands_robots.nodes.recorder.recorder_messages import fill_recorder
from strands_robots.nodes.recorder.recorder_parameters import RecorderParameters
from strands_robots.nodes.recorder.recording_subscriber import RecordingSubscriber
from strands_robots.nodes.recorder.recording_waits import wait_for_calibrations, wait_for_quiet, wait_for_streams
from strands_robots.nodes.recorder.recording_world import RecordingWorld, options_from_request, require_owner
from strands_robots.nodes.recorder.replay_server import ReplayServer
from strands_robots.recording.recorder import EpisodeOutcome, Recorder, State
from strands_robots.recording.recording_options import (
    RecordingOptions,
    make_schema,
    parse_provenance,
    require_memory,
    require_whole_periods,
)
from strands_robots.recording.sampler import Sampler
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.goals.goal_owners import GoalOwners
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import fill_time
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import read_parameters

POLL_PERIOD = 0.01
STATE_PERIOD = 0.5
OWNER_PATIENCE = 3.0
LONGEST_SILENCE = 10.0
"""How long the client that records may be silent, and while this node itself stalls [s, steady time]."""

SAVE_TIMEOUT = 300.0
END_WAIT = 30.0
"""How long the end of an episode waits for samples that are on their way [s, steady time]."""


class RecorderNode(Node):
    """Wires requests and messages to a recorder. Orders run in a thread of their own; messages in the executor's."""

    def __init__(self) -> None:
        super().__init__("recorder_node")
        self._given = read_parameters(self, RecorderParameters)
        specs = [robot_spec(text, i, camera_rate=30.0) for i, text in enumerate(self._given.robots)]
        self._robots = {spec.name: spec.config for spec in specs}
        self._recording: OpenRecording | None = None
        self._message = ""
        self._is_starting = False
        self._audit_head = ""
        self._told: tuple[object, ...] = ()
        self._orders, self._executor_calls = WorkQueue("recorder orders"), ExecutorCalls(self)
        self._world = RecordingWorld(self, self._executor_calls, self._robots)
        self._calibrations = CalibrationWatch(self, self._robots)
        self._audit = audit_of(self)
        self._state_publisher = self.create_publisher(EpisodeState, "recorder/state", qos.STATE)
        self.create_subscription(AuditState, "audit/state", self._on_audit, qos.STATE)
        self.create_subscription(PolicyState, "policies/state", self._on_policy, qos.STATE)
        create_deferred_service(self, StartRecording, "recorder/start", self._on_start, refusal(StartRecording))
        create_deferred_service(self, RecordEpisode, "recorder/episode", self._on_episode, self._refuse)
        self.create_subscription(Empty, "recorder/highlight", self._on_highlight, qos.COMMAND)
        LanguageSubscriber(self, self._on_words)
        GoalOwners(self, self._owned, self._on_lost_owner, OWNER_PATIENCE, LONGEST_SILENCE)
        self._replay = ReplayServer(self, self._robots)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(POLL_PERIOD, self._on_tick, clock=steady)
        self.create_timer(STATE_PERIOD, self._publish_state, clock=steady)
        threading.Thread(target=_preload, name="preload", daemon=True).start()
        self.get_logger().info(f"records {', '.join(self._robots)}, run '{self._given.run_id}'")

    def destroy_node(self) -> None:
        """Close the dataset; an episode that is being recorded is not kept."""
        self._orders.stop()
        self._replay.stop()
        recording = self._recording
        if recording is not None:
            recording.writer.close()
            recording.writer.join(0.5)
        self._audit.close(0.2)
        super().destroy_node()

    # --- orders, in their thread ---------------------------------------------------------------------------------------

    def _on_start(self, request: StartRecording.Request) -> Future[StartRecording.Response]:
        return self._orders.submit(lambda: self._start(request))

    def _on_episode(self, request: RecordEpisode.Request) -> Future[RecordEpisode.Response]:
        if request.command == RecordEpisode.Request.STATE:
            answer: Future[RecordEpisode.Response] = Future()
            answer.set_result(self._response("", -1, 0))
            return answer
        orders = {
            RecordEpisode.Request.BEGIN: self._begin,
            RecordEpisode.Request.END: self._end,
            RecordEpisode.Request.DISCARD: self._discard,
            RecordEpisode.Request.STOP: self._stop,
            RecordEpisode.Request.DELETE_LAST: self._delete_last,
        }
        if request.command not in orders:
            raise ConfigurationError(
                f"command is {request.command}; valid: 0 STATE, 1 BEGIN, 2 END, 3 DISCARD, 4 STOP, 5 DELETE_LAST"
            )
        return self._orders.submit(lambda: orders[request.command](request))

    def _start(self, request: StartRecording.Request) -> StartRecording.Response:
        if self._recording is not None:
            raise RecordingError(f"{self._recording.options.root} is open; valid: RecordEpisode STOP first")
        self._is_starting = True
        try:
            options = options_from_request(request, self._given.folder)
            require_owner(request.owner)
            world = self._world.facts()
            if world.mode == "fast":
                raise ConfigurationError(
                    "the world runs in mode fast, faster than a recorder can follow; valid: lockstep or realtime"
                )
            is_lockstep = world.mode == "lockstep"
            if is_lockstep:
                require_whole_periods(options.fps, world.control_period)
            schema = make_schema(options, self._robots, self._world.cameras(options))
            require_memory(options, schema.cameras)
            if world.provenance is None:
                wait_for_calibrations(self._calibrations, [robot.name for robot in schema.robots])
            robots = {robot.name: robot_provenance(self._robots[robot.name]) for robot in schema.robots}
            sampler = Sampler(schema, options.sampler(world.control_period if is_lockstep else None))
            writer = WriterThread(options.capacity, can_wait=is_lockstep)
            try:
                store: Any = writer.open(lambda: options.open_store(schema)).result()
            except StrandsRobotsError:
                writer.close()
                raise
            recorder = Recorder(sampler, writer, store.episodes, self._provenance(options), END_WAIT, self._on_failure)
            on_sample = self._poll if is_lockstep else lambda: None
            feed = self._executor_calls.wait(
                lambda: RecordingSubscriber(
                    self,
                    schema,
                    recorder.sampler.streams,
                    is_lockstep,
                    on_sample,
                    lambda source: self._on_leader(recorder, source),
                )
            )
            self._recording = OpenRecording(options, recorder, writer, feed, robots, request.owner, store.with_language)
        except StrandsRobotsError as error:
            self._message = str(error)
            raise
        finally:
            self._is_starting = False
        self._record(
            "recording_start", {"root": str(options.root), "episodes": store.episodes, "repaired": store.repaired}
        )
        return StartRecording.Response(
            success=True, message=f"{options.root} takes episodes", root=str(options.root), episodes=store.episodes,
            repaired=list(store.repaired),
        )  # fmt: skip

    def _begin(self, request: RecordEpisode.Request) -> RecordEpisode.Response:
        recording = self._require()
        world = self._world.facts()
        provenance = {
            **parse_provenance(request.provenance),
            "world": world.provenance,
            "audit_head": self._audit_head,
            "robots": with_calibrations(recording.robots, self._calibrations.known),
        }
        if world.mode == "lockstep":
            wait_for_quiet(self._executor_calls, recording.recorder.sampler)
        else:
            wait_for_streams(recording.recorder.sampler)

        def begin() -> int:
            at = world.stamp if world.mode == "lockstep" else self.get_clock().now().nanoseconds
            return recording.recorder.begin(
                at, request.task or recording.options.task, provenance, time.time(), request.before, request.gapless
            )

        index = self._executor_calls.wait(begin)
        recording.highlight = index if request.before > 0.0 else None
        self._record(
            "episode_start", {"root": str(recording.options.root), "episode": index, "task": request.task[:256]}
        )
        return self._response(f"episode {index} is being recorded", index, 0)

    def _end(self, request: RecordEpisode.Request) -> RecordEpisode.Response:
        recording = self._require()
        if request.outcome not in list(EpisodeOutcome):
            raise ConfigurationError(f"outcome is {request.outcome}; valid: 0 UNKNOWN, 1 SUCCEEDED, 2 FAILED")
        world = self._world.facts()
        if world.mode == "lockstep":
            wait_for_quiet(self._executor_calls, recording.recorder.sampler)

        def end() -> Future[Any]:
            until = world.stamp if world.mode == "lockstep" else self.get_clock().now().nanoseconds
            return recording.recorder.end(until, time.monotonic(), EpisodeOutcome(request.outcome), request.reward)

        saved = self._executor_calls.wait(end).result(SAVE_TIMEOUT)
        self._record(
            "episode_saved",
            {"root": str(recording.options.root), "episode": saved.episode, "frames": saved.frames},
            Durability.NOW,
        )
        notes = "".join(f"; {note}" for note in saved.account["notes"])
        return self._response(
            f"episode {saved.episode} saved: {saved.frames} frames{notes}", saved.episode, saved.frames
        )

    def _discard(self, request: RecordEpisode.Request) -> RecordEpisode.Response:
        recording = self._require()
        index, frames = recording.recorder.episode, recording.recorder.sampler.frames
        self._executor_calls.wait(recording.recorder.discard)
        details = {"root": str(recording.options.root), "episode": index, "frames": frames}
        self._record("episode_discarded", details)
        return self._response(f"episode {index} discarded: {frames} frames", index, frames)

    def _delete_last(self, request: RecordEpisode.Request) -> RecordEpisode.Response:
        recording = self._require()
        left = self._executor_calls.wait(recording.recorder.delete_last).result(SAVE_TIMEOUT)
        self._record("episode_deleted", {"root": str(recording.options.root), "episode": left}, Durability.NOW)
        return self._response(f"episode {left} was taken out of the dataset", left, 0)

    def _stop(self, request: RecordEpisode.Request) -> RecordEpisode.Response:
        recording = self._require()
        problem = ""
        if recording.recorder.state is State.RECORDING:
            try:
                self._end(request)
            except StrandsRobotsError as error:
                problem = f"; {error}"
        self._executor_calls.wait(recording.feed.close)
        try:
            recording.writer.close().result(SAVE_TIMEOUT)
        except (StrandsRobotsError, OSError) as error:
            problem += f"; it did not close in order: {error}; mode RESUME (--resume) repairs it"
        finally:
            self._recording = None  # Its writer has ended, whatever happened: nothing may wait for it again.
        saved, not_kept = recording.recorder.saved, recording.recorder.not_kept
        self._message = f"{recording.options.root}: {saved} episodes saved, {not_kept} not kept{problem}"
        self._record("recording_stop", {"root": str(recording.options.root), "saved": saved, "not_kept": not_kept})
        response = self._response(self._message, -1, 0)
        response.success = not problem
        return response

    def _owned(self) -> list[str]:
        return [self._recording.owner] if self._recording is not None and self._recording.owner else []

    def _on_lost_owner(self, owner: str) -> None:
        self._orders.submit(lambda: self._abandon(owner))

    def _abandon(self, owner: str) -> None:
        """Close the dataset of an owner that is gone; an episode that was not ended is discarded."""
        recording = self._recording
        if recording is None or recording.owner != owner:
            return
        self.get_logger().warning(f"the client that recorded into {recording.options.root} is gone; it is closed")
        if recording.recorder.state is State.RECORDING:
            self._discard(RecordEpisode.Request())
        self._stop(RecordEpisode.Request())

    def _provenance(self, options: RecordingOptions) -> dict[str, Any]:
        return {
            **parse_provenance(options.provenance),
            **package_provenance(),
            "run_id": self._given.run_id,
            "units": options.units,
            "clock": "simulated time" if self.get_parameter("use_sim_time").value else "system time",
        }

    # --- the executor's thread -----------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        """Make frames, and publish the state when it changed."""
        self._poll()
        recording = self._recording
        told: tuple[object, ...] = (self._is_starting, self._message)
        if recording is not None:
            recorder = recording.recorder
            told = (recorder.state, recorder.episode, recorder.saved, recorder.not_kept)
        if told != self._told:
            self._publish_state()
            self._told = told

    def _poll(self) -> None:
        recording = self._recording
        if recording is not None:
            recording.recorder.on_push(self.get_clock().now().nanoseconds, time.monotonic())

    def _publish_state(self) -> None:
        self._state_publisher.publish(self._state())

    def _on_audit(self, message: AuditState) -> None:
        self._audit_head = message.head

    def _on_policy(self, message: PolicyState) -> None:
        recording = self._recording
        if recording is not None and message.goal_id and message.robot in recording.robots:
            recording.recorder.note_policy(message.robot, message.policy, message.goal_id)

    def _on_leader(self, recorder: Recorder, source: str) -> None:
        """Note that a hand's leader lives, whether it commands or has let go."""
        recorder.sampler.leaders[source] = self.get_clock().now().nanoseconds

    def _on_highlight(self, message: Empty) -> None:
        """Begin an episode that has the seconds before already, or end the one that a highlight began."""
        self._orders.submit(self._highlight)

    def _highlight(self) -> None:
        try:
            recording = self._require()
            if recording.ends_highlight():
                self._end(RecordEpisode.Request())
            else:
                begun = self._begin(RecordEpisode.Request(before=recording.options.keep_seconds))
                recording.highlight = begun.episode
        except StrandsRobotsError as error:
            self._message = str(error)
            self.get_logger().warning(f"recorder/highlight: {error}")

    def _on_words(self, stamp: int, row: Mapping[str, Any]) -> None:
        """Note words for the language columns; a stamp of 0 [ns] is now."""
        recording = self._recording
        if recording is not None and recording.has_language:
            recording.recorder.note_words(stamp or self.get_clock().now().nanoseconds, row)

    def _on_failure(self, episode: int, reason: str) -> None:
        self.get_logger().warning(f"episode {episode} was not kept: {reason}")
        self._record("episode_not_kept", {"episode": episode, "reason": reason})

    def _record(self, kind: str, details: dict[str, object], durability: Durability = Durability.LATER) -> None:
        self._audit.record(kind, {**details, "run_id": self._given.run_id}, durability=durability)

    def _require(self) -> OpenRecording:
        if self._recording is None:
            raise RecordingError(
                "no dataset is open; valid: StartRecording first; to continue one whose recorder died, mode RESUME (--resume)"
            )
        return self._recording

    def _response(self, message: str, episode: int, frames: int) -> RecordEpisode.Response:
        return RecordEpisode.Response(
            success=True, message=clip(message, 4096), episode=episode, frames=frames, state=self._state()
        )

    def _refuse(self, message: str) -> RecordEpisode.Response:
        """Return a refusal that says how the recorder is: a client must not take it for one without a dataset."""
        return RecordEpisode.Response(success=False, message=clip(message, 4096), episode=-1, state=self._state())

    def _state(self) -> EpisodeState:
        message = EpisodeState(state=int(State.STARTING if self._is_starting else State.IDLE), episode=-1)
        fill_time(message.header.stamp, self.get_clock().now().nanoseconds / SECOND)
        message.message = clip(self._message, 1024)
        recording = self._recording
        if recording is None:
            return message
        recorder = recording.recorder
        fill_recorder(message, str(recording.options.root), recorder)
        return message


def _preload() -> None:
    """Import LeRobot, which takes seconds, before it is wanted; without it `recorder/start` says what is missing."""
    try:
        require_lerobot()
    except ConfigurationError:
        return


def main() -> int:
    """Run recorder_node; return the process's exit code."""
    return run_node(RecorderNode, grace=5.0, has_pictures=True)
