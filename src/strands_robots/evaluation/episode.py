"""Episodes of one task with one policy, one after the other in one world. Needs MuJoCo; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.control.loop import RobotPort
from strands_robots.core.types import Instant
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


@dataclass(frozen=True)
class PolicyChoice:
    """Which policy is tried.

    Attributes:
        policy: Provider.
        config: Its settings, YAML or JSON.
        adapter: Adapter: name, path or YAML; empty for policies that speak the robot's words.
    """

    policy: str
    config: str = ""
    adapter: str = ""


@dataclass(frozen=True)
class EpisodeResult:
    """What became of one episode.

    Attributes:
        seed: Its seed.
        success: True when the task's success condition held.
        time: When it ended [s, simulated].
        reason: RunPolicy's termination_reason, or "condition_met" for a success.
        message: What happened, in words.
        latency_p50: Time of an inference that half of them stayed under [s].
        video: Path of its video; empty for none.
    """

    seed: int
    success: bool
    time: float
    reason: str
    message: str
    latency_p50: float
    video: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class EpisodeRunner:
    """Runs episodes; the policy is made once.

    Args:
        task: The task.
        choice: The policy.
        patience: How long the policy may take.
        port: Where the robot's state goes besides; None for nowhere.

    Attributes:
        world: The world of the episodes.
    """

    def __init__(
        self, task: TaskConfig, choice: PolicyChoice, patience: Patience = PATIENCE, port: RobotPort | None = None
    ) -> None:
        self._task = task
        self._choice = choice
        self._patience = patience
        self.world = LocalWorld(task, port)
        self._shelf = PolicyShelf()

    def run(
        self,
        seed: int,
        video: Path | None = None,
        on_begin: Callable[[], None] = lambda: None,
        *,
        keep_success: bool = False,
    ) -> EpisodeResult:
        """Run one episode.

        Args:
            seed: Where things lie, and the policy's seed.
            video: File (.mp4 or .gif) for a video of the episode, written when it fails; None records nothing.
            on_begin: Called when everything lies where the seed says, before the robot moves.
            keep_success: Write the video of an episode that succeeds too.
        """
        world, choice = self.world, self._choice
        goal = PolicyGoal(
            f"{seed:x}", world.robot, choice.policy, choice.config, self._task.instruction, duration=self._task.duration,
            seed=seed, lockstep=True, adapter=choice.adapter, keep_loaded=True,
        )  # fmt: skip
        session = PolicySession(goal, Instant(0.0, 0.0), self._shelf, self._patience)
        session.cameras = world.cameras
        session.bodies, session.boxes = world.body_pose, world.body_box
        session.pick_scene = world.pick_scene
        frames: list[NDArray[np.uint8]] = []
        world.begin(session, seed)
        on_begin()
        if video is not None:
            world.on_period = lambda: self._film(frames)
        try:
            run_lockstep(session, world)
        finally:
            world.on_period = None
        outcome = session.outcome(Instant(world.world.time, 0.0))
        success = outcome.reason is RunReason.CONDITION_MET
        is_kept = video is not None and (keep_success or not success) and bool(frames)
        saved = save_video(video, frames, VIDEO_RATE) if is_kept and video is not None else ""
        message = outcome.message if outcome.reason is not RunReason.COMPLETED else f"not done: {outcome.message}"
        return EpisodeResult(
            seed, success, round(world.time, 4), outcome.reason.value, message, outcome.latency_p50, saved
        )

    def close(self) -> None:
        """Free policy and world."""
        self._shelf.close()
        self.world.close()

    def _film(self, frames: list[NDArray[np.uint8]]) -> None:
        if len(frames) <= self.world.time * VIDEO_RATE:
            frames.append(self.world.draw("watch", *VIDEO_SIZE))
