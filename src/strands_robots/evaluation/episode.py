"""Episodes of one task with one policy, one after the other in one world. Needs MuJoCo; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.loop import RobotPort
from strands_robots.core.errors import ConfigurationError, NotAchievedError
from strands_robots.core.types import Instant
from strands_robots.evaluation.episode_result import ERRORS, PREMISE_FAILED, EpisodeResult, PolicyChoice
from strands_robots.evaluation.floors import RANDOM, RandomTargets, resolve
from strands_robots.evaluation.latency import charge_latency
from strands_robots.evaluation.local_world import LocalWorld
from strands_robots.evaluation.task import TaskConfig
from strands_robots.evaluation.video_file import save_video
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason

VIDEO_SIZE = (320, 240)
"""Width and height of videos [px]."""

PATIENCE = Patience(load=600.0, infer=60.0)
"""How long a policy may take by default: the world stands still meanwhile, and no robot waits."""

VIDEO_RATE = 10.0
"""Pictures a second of videos [Hz]."""


def session_in(
    world: LocalWorld, choice: PolicyChoice, seed: int, duration: float, shelf: PolicyShelf, patience: Patience
) -> PolicySession:
    """Return a session of a policy in a task's world, which it steps.

    Args:
        world: The world.
        choice: The policy.
        seed: Its seed.
        duration: The session ends after this [s].
        shelf: Keeps the policy for the next session.
        patience: How long the policy may take.
    """
    goal = PolicyGoal(
        f"{seed:x}", world.robot, choice.policy, choice.config, world.task.instruction, duration=duration,
        seed=seed, lockstep=True, adapter=choice.adapter, keep_loaded=True,
    )  # fmt: skip
    if choice.policy == RANDOM:
        shelf.put(goal.key, RandomTargets(world.limits))
    session = PolicySession(goal, Instant(0.0, 0.0), shelf, patience)
    session.cameras = world.cameras
    session.bodies, session.boxes = world.body_pose, world.body_box
    session.pick_scene = world.pick_scene
    return session


class EpisodeRunner:
    """Runs episodes; the policy is made once.

    Args:
        task: The task.
        choice: The policy.
        patience: How long the policy may take.
        port: Where the robot's state goes besides; None for nowhere.
        latency: Time that passes in the world for each inference [s]: 0 for none, `MEASURED` for as much as it takes.

    Attributes:
        world: The world of the episodes.
    """

    def __init__(
        self, task: TaskConfig, choice: PolicyChoice, patience: Patience = PATIENCE, port: RobotPort | None = None,
        latency: float = 0.0,
    ) -> None:  # fmt: skip
        self._task = task
        self._choice = resolve(choice, task)
        self._patience = patience
        self._latency = latency
        self.world = LocalWorld(task, port)
        self._shelf = PolicyShelf()

    def run(
        self,
        seed: int,
        video: Path | None = None,
        on_begin: Callable[[], None] = lambda: None,
        *,
        keep_success: bool = False,
        index: int | None = None,
    ) -> EpisodeResult:
        """Run one episode.

        Args:
            seed: Where things lie, and the policy's seed.
            video: File (.mp4 or .gif) for a video of the episode, written when it fails; None records nothing.
            on_begin: Called when everything lies where the seed says, before the robot moves.
            keep_success: Write the video of an episode that succeeds too.
            index: Index of the initial state; in a task of ours it is the seed, which is the default.

        Raises:
            ConfigurationError: If the index is another one than the seed.
        """
        if index not in (None, seed):
            raise ConfigurationError(f"episode {index} has the seed {seed}; valid: the same number, in a task of ours")
        world, choice = self.world, self._choice
        session = session_in(world, choice, seed, self._task.duration, self._shelf, self._patience)
        charge_latency(session, self._latency)
        frames: list[NDArray[np.uint8]] = []
        world.begin(session, seed)
        start = world.state_digest()
        if world.premise:
            words = f"at the start these conditions do not hold: {', '.join(world.premise)}"
            return EpisodeResult(
                seed, False, 0.0, PREMISE_FAILED, words, is_error=True, premise=world.premise, start_digest=start,
                task=self._task.name, index=seed,
            )  # fmt: skip
        on_begin()
        if video is not None:
            world.on_period = lambda: self._film(frames)
        try:
            run_lockstep(session, world)
        finally:
            world.on_period = None
        success = session.outcome(Instant(world.world.time, 0.0)).reason is RunReason.CONDITION_MET
        is_kept = video is not None and (keep_success or not success) and bool(frames)
        saved = save_video(video, frames, VIDEO_RATE) if is_kept and video is not None else ""
        return self._result(session, start, saved)

    def close(self) -> None:
        """Free policy and world."""
        self._shelf.close()
        self.world.close()

    def _result(self, session: PolicySession, start: str, video: str) -> EpisodeResult:
        world = self.world
        outcome = session.outcome(Instant(world.world.time, 0.0))
        success = outcome.reason is RunReason.CONDITION_MET
        latencies = session.run.latencies
        return EpisodeResult(
            session.goal.seed, success, round(world.time, 4), outcome.reason.value,
            outcome.message if outcome.reason is not RunReason.COMPLETED else f"not done: {outcome.message}",
            outcome.latency_p50, video, self._task.name, session.goal.seed,
            outcome.reason.value in ERRORS and not isinstance(session.error, NotAchievedError),
            world.progress.share(success), (), start, world.actions.hexdigest(), world.state_digest(),
            latencies.percentile(95.0), latencies.percentile(99.0),
            round(session.stale_periods / session.periods, 6) if session.periods else 0.0,
        )  # fmt: skip

    def _film(self, frames: list[NDArray[np.uint8]]) -> None:
        if len(frames) <= self.world.time * VIDEO_RATE:
            frames.append(self.world.draw("watch", *VIDEO_SIZE))
