"""Episodes of a benchmark's task with one policy, one after the other in one worker process. No ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import NotAchievedError, WorldError
from strands_robots.core.types import Instant
from strands_robots.evaluation.benchmarks.catalogue import BenchmarkConfig
from strands_robots.evaluation.benchmarks.client import BenchmarkProcess
from strands_robots.evaluation.benchmarks.environment import python_of
from strands_robots.evaluation.benchmarks.floors import NAMES, floor_policy
from strands_robots.evaluation.benchmarks.world import BenchmarkWorld
from strands_robots.evaluation.episode_result import ERRORS, PREMISE_FAILED, EpisodeResult, PolicyChoice
from strands_robots.evaluation.video_file import save_video
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason

PATIENCE = Patience(load=600.0, infer=300.0)


def start(config: BenchmarkConfig, *, with_pictures: bool = False) -> BenchmarkProcess:
    """Return a benchmark's process.

    Raises:
        ConfigurationError: If it is not installed.
        WorldError: If it does not start.
    """
    return BenchmarkProcess(python_of(config), config.world_file, config.name, with_pictures=with_pictures)


class BenchmarkEpisodes:
    """Runs episodes of a benchmark; the process and the policy are kept between them.

    Args:
        config: The benchmark.
        task: One of its tasks, as `tasks` tells them.
        choice: The policy: expert, noop, random, or a provider with an adapter.
    """

    def __init__(self, config: BenchmarkConfig, task: dict[str, Any], choice: PolicyChoice) -> None:
        self._config = config
        self._task = task
        self._choice = choice
        self._shelf = PolicyShelf()
        self._world: BenchmarkWorld | None = None
        self._with_pictures = choice.policy not in NAMES

    def run(self, seed: int, video: Path | None = None, *, index: int) -> EpisodeResult:
        """Run one episode from an initial state.

        Raises:
            StrandsRobotsError: If the benchmark is not installed or does not start.
        """
        world, choice = self._ready(video is not None), self._choice
        horizon = int(self._task["horizon"])
        goal = PolicyGoal(
            f"{index:x}", world.robot, choice.policy, choice.config, str(self._task["instruction"]),
            duration=horizon * world.period, seed=seed, lockstep=True, adapter=choice.adapter, keep_loaded=True,
        )  # fmt: skip
        session = PolicySession(goal, Instant(0.0, 0.0), self._shelf, PATIENCE)
        session.cameras = world.cameras
        name = str(self._task["name"])
        try:
            world.begin(session, name, index, seed)
        except WorldError as error:
            return EpisodeResult(seed, False, 0.0, "world_failed", str(error), is_error=True)
        if world.premise:
            words = f"at the start these conditions do not hold: {'; '.join(world.premise)}"
            return EpisodeResult(
                seed, False, 0.0, PREMISE_FAILED, words, is_error=True, premise=world.premise, start_digest=world.start
            )
        if choice.policy in NAMES:
            self._shelf.put(goal.key, floor_policy(choice.policy, world))
        frames: list[NDArray[np.uint8]] = []
        world.frames = frames if video is not None else None
        run_lockstep(session, world)
        return _result(session, world, _film(video, frames, session, world.period))

    def close(self) -> None:
        """Free policy and process."""
        self._shelf.close()
        world, self._world = self._world, None
        if world is not None:
            world.process.close()

    def _ready(self, is_filmed: bool) -> BenchmarkWorld:
        """Return the world, with a new process where the last one has died or cannot draw."""
        if self._world is not None and (not self._world.process.is_alive or (is_filmed and not self._with_pictures)):
            self._world.process.close()
            self._world = None
        if self._world is None:
            self._with_pictures = self._with_pictures or is_filmed
            process = start(self._config, with_pictures=self._with_pictures)
            self._world = BenchmarkWorld(process, self._config.name)
        return self._world


def _film(video: Path | None, frames: list[NDArray[np.uint8]], session: PolicySession, period: float) -> str:
    ending = session.run.ending
    is_success = ending is not None and ending.reason is RunReason.CONDITION_MET
    return save_video(video, frames, 0.2 / period) if video is not None and frames and not is_success else ""


def _result(session: PolicySession, world: BenchmarkWorld, video: str) -> EpisodeResult:
    outcome = session.outcome(Instant(world.time, 0.0))
    success = outcome.reason is RunReason.CONDITION_MET
    is_error = outcome.reason.value in ERRORS and not isinstance(session.error, NotAchievedError)
    latencies = session.run.latencies
    return EpisodeResult(
        session.goal.seed, success, round(world.time, 6), outcome.reason.value, outcome.message, outcome.latency_p50, video,
        is_error=is_error, progress=float(success), start_digest=world.start, action_digest=world.actions.hexdigest(),
        end_digest=world.state_digest(), latency_p95=latencies.percentile(95.0), latency_p99=latencies.percentile(99.0),
    )  # fmt: skip
