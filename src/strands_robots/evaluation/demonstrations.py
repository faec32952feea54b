"""Records the successful episodes of a task as a LeRobot dataset, in the very world that evaluates. Needs MuJoCo and LeRobot; no ROS.

The same sampler and writer as recorder_node's, fed from the world in this process instead of topics: what a policy is trained on and what
it is given in an evaluation is read by the same code at the same instants.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from strands_robots.control.gate import GateReport, Setpoint
from strands_robots.control.loop import RobotPort
from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_state import place_of
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.dataset.encoder import EncoderConfig
from strands_robots.dataset.provenance import package_provenance, robot_provenance
from strands_robots.dataset.schema import DEPTH, CameraPart, Schema
from strands_robots.dataset.table import read_account
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.local_world import LocalWorld
from strands_robots.evaluation.task import TaskConfig, load_task
from strands_robots.evaluation.true_progress import TrueProgress
from strands_robots.recording.recorder import EpisodeOutcome, Recorder
from strands_robots.recording.recording_options import NEW, RESUME, RecordingOptions, make_schema
from strands_robots.recording.sampler import (
    ENVIRONMENT_STREAM,
    CommandSample,
    JointSample,
    Sampler,
    command_topic,
    image_topic,
    state_topic,
)
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread

FAILURES = 20
"""So many episodes in a row that fail end the recording: the policy cannot do the task."""

SAVE_TIMEOUT = 60.0  # [s]


@dataclass(frozen=True)
class DemonstrationConfig:
    """What is recorded.

    Attributes:
        task: Task: name, path or YAML.
        choice: The policy that shows how.
        root: Folder of the dataset; one that is there is continued.
        episodes: Successful episodes that the dataset shall have at the end.
        seed: Of the first episode; the others count up, failed ones included.
        fps: Frames a second; a frame is a whole number of control periods.
        bodies: Bodies whose x, y, z and yaw in the robot's base frame become observation.environment_state.
        cameras: Cameras of the robot, and as "<camera>/depth" their depth.
        repo_id: Name of the dataset, <owner>/<name>.
        with_intervention: Each frame says whether a hand commanded, so that corrections may be added to the dataset later.
        encoder: Video settings.
    """

    task: str
    choice: PolicyChoice
    root: Path
    episodes: int = 20
    seed: int = 0
    fps: int = 20
    bodies: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    repo_id: str = "local/demonstrations"
    with_intervention: bool = False
    encoder: EncoderConfig = field(default_factory=EncoderConfig)

    def __post_init__(self) -> None:
        if not 1 <= self.episodes <= 100_000:
            raise ConfigurationError(f"{self.episodes} episodes were asked for; valid: 1 to 100000")


@dataclass
class Demonstrations:
    """What was recorded.

    Attributes:
        schema: Features of the dataset.
        episodes: Episodes that it has, those of earlier recordings included.
        frames: Frames of the new ones.
        failures: Episodes that failed and were not kept.
    """

    schema: Schema
    episodes: int = 0
    frames: int = 0
    failures: int = 0


class Attempts(Protocol):
    """Runs one episode after the other in a world of its own.

    Attributes:
        world: The world.
    """

    world: LocalWorld

    def run(self, seed: int, *, on_begin: Callable[[], None]) -> EpisodeResult:
        """Run an episode; `on_begin` is called before the robot moves."""

    def close(self) -> None:
        """Free policies and world."""


def demonstrate(
    config: DemonstrationConfig,
    on_result: Callable[[EpisodeResult, bool], None] = lambda result, is_kept: None,
    make_runner: Callable[[TaskConfig, RobotPort], Attempts] | None = None,
) -> Demonstrations:
    """Record episodes until the dataset has as many as were asked for.

    Args:
        config: What is recorded.
        on_result: Told each result as it comes, and whether its episode was kept.
        make_runner: Makes what runs the episodes; None lets the policy run alone.

    Raises:
        StrandsRobotsError: If task, policy or dataset cannot be used, or `FAILURES` episodes in a row fail.
    """
    task = load_task(config.task)
    feed = _Feed(config, task)
    runner: Attempts = EpisodeRunner(task, config.choice, port=feed) if make_runner is None else make_runner(task, feed)
    try:
        with _recorder(config, task, feed.schema) as recorder:
            feed.attach(recorder, runner.world)
            return _record(config, task, runner, feed, recorder, on_result)
    finally:
        runner.close()


def _record(
    config: DemonstrationConfig, task: TaskConfig, runner: Attempts, feed: _Feed, recorder: Recorder,
    on_result: Callable[[EpisodeResult, bool], None],
) -> Demonstrations:  # fmt: skip
    done = Demonstrations(feed.schema, recorder.saved)
    seeds = itertools.count(_next_seed(config, recorder.saved))
    in_a_row = 0
    while recorder.saved < config.episodes:
        seed = next(seeds)
        result = runner.run(seed, on_begin=lambda seed=seed: feed.begin(task.instruction or task.name, seed))  # type: ignore[misc]
        frames = feed.end(result.success)
        on_result(result, result.success)
        if result.reason == "refused":
            raise PolicyError(f"episode {seed}: {result.message}")
        done.frames += frames
        done.failures += not result.success
        in_a_row = 0 if result.success else in_a_row + 1
        if in_a_row == FAILURES:
            raise PolicyError(f"{FAILURES} episodes in a row failed; the last one, seed {seed}: {result.message}")
    done.episodes = recorder.saved
    return done


def _next_seed(config: DemonstrationConfig, saved: int) -> int:
    """Return the seed after that of the last episode that the dataset has."""
    account = read_account(config.root, saved - 1) if saved else None
    world = (account or {}).get("provenance", {}).get("world") or {}
    return max(config.seed, int(world["seed"]) + 1) if "seed" in world else config.seed


@contextmanager
def _recorder(config: DemonstrationConfig, task: TaskConfig, schema: Schema) -> Iterator[Recorder]:
    options = _options(config)
    writer = WriterThread(options.capacity, can_wait=True)
    try:
        store: Any = writer.open(lambda: options.open_store(schema)).result()
        provenance = {
            **package_provenance(), "run_id": "", "units": options.units, "clock": "simulated time", "audit_head": "",
            "robots": {part.name: robot_provenance(load_robot(task.robot)) for part in schema.robots},
        }  # fmt: skip
        yield Recorder(Sampler(schema, options.sampler(task.control_period)), writer, store.episodes, provenance)
    finally:
        writer.close().result(SAVE_TIMEOUT)


def _options(config: DemonstrationConfig) -> RecordingOptions:
    is_there = config.root.is_dir() and any(config.root.iterdir())
    return RecordingOptions(
        config.root, config.repo_id, RESUME if is_there else NEW, config.fps, cameras=config.cameras, with_outcome=False,
        with_intervention=config.with_intervention,
        encoder=config.encoder,
    )  # fmt: skip


class _Feed:
    """Gives the recorder what the world's control loop measures and commands; a RobotPort.

    Args:
        config: What is recorded.
        task: The task.

    Attributes:
        schema: Features of the dataset.

    Raises:
        StrandsRobotsError: If a camera is not there, or frames are no whole number of control periods.
    """

    def __init__(self, config: DemonstrationConfig, task: TaskConfig) -> None:
        robot = load_robot(task.robot)
        periods = 1.0 / (config.fps * task.control_period)
        if abs(periods - round(periods)) > 1e-9:
            raise ConfigurationError(
                f"fps is {config.fps} with a control period of {task.control_period:g} s; valid: frames of whole control periods"
            )
        sizes = {name: (camera.height, camera.width) for name, camera in robot.cameras.items()}
        sizes |= {name + DEPTH: size for name, size in sizes.items()}
        for camera in config.cameras:
            if camera not in sizes:
                raise UnknownNameError(f"camera of '{robot.name}'", camera, sizes)
        cameras = [CameraPart(f"{robot.name}/{name}", *sizes[name]) for name in config.cameras]
        plain = make_schema(_options(config), {robot.name: robot}, cameras)
        environment = tuple(itertools.chain.from_iterable(place_of(body) for body in config.bodies))
        self.schema: Schema = replace(plain, environment=environment)
        self._config = config
        self._robot = robot.name
        (part,) = self.schema.robots
        self._names = part.codec.names
        self._order: list[int] | None = None
        self._recorder: Recorder | None = None
        self._world: LocalWorld | None = None
        self._frame = 0
        self._progress: TrueProgress | None = None
        self._noted: list[float] = []

    def attach(self, recorder: Recorder, world: LocalWorld) -> None:
        """Feed a recorder with what happens in a world from now on."""
        self._order = [world.joint_names.index(name) for name in self._names]
        self._recorder, self._world = recorder, world
        for entry in self.schema.environment:
            world.body_pose(entry.body)

    def begin(self, task: str, seed: int) -> None:
        """Begin an episode at the world's present time."""
        recorder, world = self._attached()
        self._frame = 0
        about = {
            "mode": "lockstep", "seed": seed, "model_sha256": world.world.model_sha256, "timestep": world.task.timestep,
            "control_period": world.task.control_period, "randomization": None, "task": world.task.name,
        }  # fmt: skip
        choice = self._config.choice
        self._progress = TrueProgress(world.task.stages, world.task.success, world)
        self._noted = []  # Grows with the episode; the recorder writes it when the episode is saved.
        provenance = {
            "world": about, "policy": choice.policy, "policy_config": choice.config, "progress": self._noted
        }  # fmt: skip
        recorder.begin(_nanoseconds(world.world.time), task, provenance, time.time())

    def end(self, is_success: bool) -> int:
        """End the episode: keep it when it succeeded; return its frames.

        Raises:
            RecordingError: If it could not be recorded.
        """
        recorder, world = self._attached()
        if not is_success and recorder.episode >= 0:
            recorder.discard("the task was not done")
            return 0
        until = _nanoseconds(world.world.time)
        saving = recorder.end(until, time.monotonic(), EpisodeOutcome.SUCCEEDED, 1.0)
        recorder.on_push(until, time.monotonic())
        return saving.result(SAVE_TIMEOUT).frames

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Take the measured joints, and look where the bodies are and what the cameras see."""
        if self._recorder is None or self._world is None or self._recorder.sampler.start is None:
            return
        sampler, at = self._recorder.sampler, _nanoseconds(stamp)
        sample = JointSample(position[self._order], velocity[self._order], effort[self._order])
        sampler.streams[state_topic(self._robot)].push(at, sample)
        if self.schema.environment:
            places = [entry.read(self._world.body_pose(entry.body)) for entry in self.schema.environment]
            sampler.streams[ENVIRONMENT_STREAM].push(at, np.array(places, dtype=np.float32))
        progress = self._progress.look(self._world) if self._progress is not None else 0.0
        if at >= sampler.instant(self._frame):
            self._frame += 1
            self._noted.append(round(progress, 6))
            for camera in self.schema.cameras:
                sampler.streams[image_topic(camera.name)].push(at, self._picture(camera))
        self._recorder.on_push(at, time.monotonic())

    def _picture(self, camera: CameraPart) -> Any:
        assert self._world is not None
        if camera.is_depth:
            return self._world.draw_depth(camera.name.removesuffix(DEPTH))
        return self._world.draw(camera.name)

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        """Take what the gate let through."""
        if self._recorder is not None and self._recorder.sampler.start is not None:
            sample = CommandSample(setpoint.target[self._order].copy(), setpoint.source)
            self._recorder.sampler.streams[command_topic(self._robot)].push(_nanoseconds(stamp), sample)

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        """Nothing: the gate's state is not recorded."""

    def _attached(self) -> tuple[Recorder, LocalWorld]:
        if self._recorder is None or self._world is None:
            raise ConfigurationError("no world is being recorded; valid: to attach one first")
        return self._recorder, self._world


def _nanoseconds(seconds: float) -> int:
    return round(seconds * SECOND)
