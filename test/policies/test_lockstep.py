"""A goal that steps the world itself: nothing but the world's time decides, so it repeats to the byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import WorldError
from strands_robots.core.stepping import StepAnswer
from strands_robots.core.types import Instant
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason

from .observations import LIMITS, NAMES, REPORT, FollowingRobot, observe

SINE = '{"joints": {"elbow_flex": [{"amplitude": 0.3, "frequency": 1.0}]}, "ramp": 0.2}'


class SteppedWorld:
    """A world in lockstep with one robot that follows."""

    def __init__(self, **goal: object) -> None:
        self.session = PolicySession(
            PolicyGoal("id", "arm", "sine", SINE, lockstep=True, **goal),  # type: ignore[arg-type]
            Instant(0.0, 0.0),
        )
        self.session.on_limits(LIMITS)
        self.robot = FollowingRobot()
        self.world_mode = "lockstep"
        self.robots = ("arm",)
        self.periods = 0
        self.path: list[tuple[float, ...]] = []
        self.calls: list[tuple[str, int, bool]] = []
        self.failure = ""
        self.fail_at = 1 << 30

    def mode(self) -> tuple[str, float]:
        return self.world_mode, 0.01

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        self.calls.append((client, steps, release))
        self.session.on_gate(self.robot.report, Instant(0.0, 0.0))
        if self.periods >= self.fail_at and not release:
            if self.failure == "gone":
                raise WorldError("nobody serves world/step")
            if self.failure == "latched":
                self.session.on_gate(replace(REPORT, latched=True, latch_reason="stop: test"), Instant(0.0, 0.0))
            return StepAnswer(False, self.failure, (), None, None)
        refusals = ("arm: " + self.robot.refusal,) if chunk is not None and not self.robot.take(chunk) else ()
        self.periods += steps
        now = self.periods * 0.01
        position = self.robot.at(now)
        self.path.append(tuple(position))
        if "arm" not in self.robots:
            return StepAnswer(True, "", (), None, None)
        sequence = self.robot.chunks[-1].sequence if self.robot.chunks else 0
        applied = ("policy/sine", sequence, NAMES, position)
        return StepAnswer(not refusals, "", refusals, observe(now, *position), applied)

    def report_progress(self) -> None:
        return

    def run(self) -> RunOutcome:
        """Run the goal and return the outcome."""
        run_lockstep(self.session, self)
        observation = self.session.run.observation
        return self.session.outcome(Instant(observation.stamp if observation else 0.0, 0.0))


def test_goal_steps_the_world_exactly_to_its_end_and_gives_it_up() -> None:
    world = SteppedWorld(duration=1.0)
    outcome = world.run()
    assert (outcome.success, outcome.reason, outcome.steps, outcome.elapsed) == (True, RunReason.COMPLETED, 50, 1.0)
    assert outcome.motion[1] == pytest.approx(0.6, abs=0.02)
    assert world.periods == 100
    assert {client for client, _, _ in world.calls} == {"policy/id"}
    assert [release for _, _, release in world.calls] == [False] * (len(world.calls) - 1) + [True]


def test_goal_of_steps_ends_after_them() -> None:
    world = SteppedWorld(steps=30)
    assert (world.run().steps, world.periods) == (30, 60)


def test_two_goals_take_the_same_path() -> None:
    first, second = SteppedWorld(duration=1.0), SteppedWorld(duration=1.0)
    assert first.run() == second.run()
    assert first.path == second.path


def test_rate_that_does_not_divide_the_control_period_still_ends_on_time() -> None:
    world = SteppedWorld(duration=1.0, rate=30.0)
    assert world.run().success
    assert world.periods == 100


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("gone", RunReason.WORLD_FAILED),
        ("'other' owns stepping", RunReason.WORLD_FAILED),
        ("latched", RunReason.STOPPED),
    ],
)
def test_world_that_does_not_step_ends_the_goal(failure: str, reason: RunReason) -> None:
    world = SteppedWorld(duration=1.0)
    world.failure, world.fail_at = failure, 20
    assert world.run().reason is reason
    assert world.calls[-1][2]


def test_refused_chunk_ends_the_goal_with_the_gates_words() -> None:
    world = SteppedWorld(duration=1.0)
    world.robot.refusal = "limit: too fast"
    outcome = world.run()
    assert (outcome.reason, outcome.message) == (RunReason.REFUSED, "arm: limit: too fast")


def test_world_in_another_mode_is_not_stepped() -> None:
    world = SteppedWorld(duration=1.0)
    world.world_mode = "realtime"
    outcome = world.run()
    assert outcome.reason is RunReason.WORLD_FAILED
    assert "valid: lockstep" in outcome.message
    assert world.calls == []


def test_robot_that_the_world_does_not_have_is_named() -> None:
    world = SteppedWorld(duration=1.0)
    world.robots = ()
    assert world.run().message == "the world has no robot 'arm'"


def test_cancelled_goal_stops_stepping() -> None:
    world = SteppedWorld(duration=1.0)
    world.session.end(RunReason.CANCELLED, "by the client")
    assert world.run().reason is RunReason.CANCELLED
    assert world.periods == 0
