"""Attempts of a policy that an expert corrects, in the world that evaluates: DAgger without a person. Needs MuJoCo; no ROS.

The expert takes part as a hand does: its commands are of class teleop, so that the gate hands the robot over and the recording marks its
frames. A policy that gets the robot back is reset and begins from a fresh observation: nothing of its earlier chunk is played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from strands_robots.control.loop import RobotPort
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.types import Instant
from strands_robots.evaluation.episode import PATIENCE, session_in
from strands_robots.evaluation.episode_result import ERRORS, PREMISE_FAILED, EpisodeResult, PolicyChoice
from strands_robots.evaluation.local_world import LocalWorld
from strands_robots.evaluation.task import TaskConfig
from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason

SOURCE = "teleop/"
"""Class of the expert's commands: a hand's."""

_DRAW = 0xDA66E5
"""Keeps the draws of take-overs apart from those of the scene, which have the same seed."""


@dataclass(frozen=True)
class CorrectionPlan:
    """When the expert has the robot.

    Attributes:
        learner: The policy that is corrected.
        expert: Who corrects it; None takes the task's own expert.
        after: The policy is left alone for a time drawn between these two [s].
        correction: The expert gives the robot back after this long [s]; 0: it keeps it to the end of the episode.
    """

    learner: PolicyChoice
    expert: PolicyChoice | None = None
    after: tuple[float, float] = (1.0, 4.0)
    correction: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.after
        if not 0.0 < low <= high <= 3600.0:
            raise ConfigurationError(f"after is {low:g} to {high:g} s; valid: above 0, the lower number first")
        if not 0.0 <= self.correction <= 3600.0:
            raise ConfigurationError(f"correction is {self.correction:g} s; valid: 0 (to the end) to 3600")

    def expert_of(self, task: TaskConfig) -> PolicyChoice:
        """Return who corrects.

        Raises:
            ConfigurationError: If neither the plan nor the task names an expert.
        """
        if self.expert is not None:
            return self.expert
        if task.expert is None:
            raise ConfigurationError(f"task '{task.name}' names no expert; valid: --expert, or a task with an expert")
        return task.expert.choice


class CorrectedRunner:
    """Runs attempts; both policies are made once.

    Args:
        task: The task.
        plan: Who has the robot when.
        port: Where the robot's state goes besides.

    Attributes:
        world: The world of the attempts.
        corrections: Take-overs of the last attempt, as (begin, end) in the episode's time [s].
    """

    def __init__(self, task: TaskConfig, plan: CorrectionPlan, port: RobotPort | None = None) -> None:
        self._expert = plan.expert_of(task)
        self._plan = plan
        self._task = task
        self._shelf = PolicyShelf()
        self.world = LocalWorld(task, port)
        self.corrections: list[tuple[float, float]] = []

    def run(self, seed: int, *, on_begin: Callable[[], None] = lambda: None) -> EpisodeResult:
        """Run one attempt: the policy, the expert, and where the plan says so the policy again, to the end of the task.

        Args:
            seed: Where things lie, when the expert takes over, and the policies' seed.
            on_begin: Called when everything lies where the seed says, before the robot moves.
        """
        draws = np.random.default_rng([_DRAW, seed])
        world, self.corrections = self.world, []
        is_expert = False
        session = self._session(seed, is_expert, draws)
        world.begin(session, seed)
        start = world.state_digest()
        if world.premise:
            words = f"at the start these conditions do not hold: {', '.join(world.premise)}"
            return EpisodeResult(seed, False, 0.0, PREMISE_FAILED, words, is_error=True, premise=world.premise)
        on_begin()
        while True:
            begin = world.time
            run_lockstep(session, world)
            if is_expert:
                self.corrections.append((begin, world.time))
            if self._is_over(session):
                return self._result(session, start)
            is_expert = not is_expert
            session = self._session(seed, is_expert, draws)
            world.hand_over(session)

    def close(self) -> None:
        """Free policies and world."""
        self._shelf.close()
        self.world.close()

    def _session(self, seed: int, is_expert: bool, draws: np.random.Generator) -> PolicySession:
        """Return the next session; it lasts as long as the plan says, and at most to the end of the task."""
        left = self._task.duration - self.world.time if self.corrections or is_expert else self._task.duration
        wanted = (self._plan.correction or left) if is_expert else float(draws.uniform(*self._plan.after))
        period = self._task.control_period
        duration = max(round(min(wanted, left) / period), 1) * period
        choice = self._expert if is_expert else self._plan.learner
        session = session_in(self.world, choice, seed, duration, self._shelf, PATIENCE)
        if is_expert:
            with session.changed:
                session.run.config = replace(session.run.config, source=f"{SOURCE}{choice.policy}")
        return session

    def _is_over(self, session: PolicySession) -> bool:
        ending = session.run.ending
        if ending is None or ending.reason is not RunReason.COMPLETED or self.world.is_failed:
            return True
        return self.world.time > self._task.duration - 0.5 * self._task.control_period

    def _result(self, session: PolicySession, start: str) -> EpisodeResult:
        world = self.world
        outcome = session.outcome(Instant(world.world.time, 0.0))
        success = outcome.reason is RunReason.CONDITION_MET
        times = ", ".join(f"{begin:.2f} to {end:.2f} s" for begin, end in self.corrections)
        words = outcome.message if success else f"not done: {outcome.message}"
        return EpisodeResult(
            session.goal.seed, success, round(world.time, 4), outcome.reason.value,
            f"{words}; {f'corrected from {times}' if times else 'no correction'}", outcome.latency_p50,
            task=self._task.name, index=session.goal.seed, is_error=outcome.reason.value in ERRORS,
            progress=world.progress.share(success), start_digest=start, end_digest=world.state_digest(),
        )  # fmt: skip
