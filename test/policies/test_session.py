"""A goal in real time against a robot that follows: what is sent, and what becomes of each trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from graph import wait_for

from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import PolicyError
from strands_robots.core.types import Action, Instant, Observation, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.host import opening
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.policies.run.realtime import run_realtime

from .observations import LIMITS, NAMES, REPORT, FollowingRobot, observe

SINE = '{"joints": {"elbow_flex": [{"amplitude": 0.3, "frequency": 1.0}]}, "ramp": 0.2}'


class Rig:
    """A robot whose state is heard 100 times a second, as the session's link."""

    def __init__(self, goal: PolicyGoal) -> None:
        self.robot = FollowingRobot()
        self.is_listening = True
        self.is_heard = True
        self.progress = 0
        self.cameras: set[str] = set()
        self.session = PolicySession(goal, self.now())
        self.session.on_limits(LIMITS)
        self._is_over = threading.Event()
        self._feeder = threading.Thread(target=self._feed)

    def now(self) -> Instant:
        return Instant(time.monotonic(), time.monotonic())

    def send(self, chunk: Chunk, latency: float) -> None:
        if self.robot.take(chunk):
            self.session.on_applied(chunk.source, chunk.sequence, NAMES, self.robot.position)

    def is_connected(self) -> bool:
        return self.is_listening

    def open_cameras(self, cameras: Iterable[str]) -> None:
        self.cameras.update(cameras)

    def report_progress(self) -> None:
        self.progress += 1

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> RunOutcome:
        """Run the goal to its end while `meanwhile` interferes, and return the outcome."""
        runner = threading.Thread(target=run_realtime, args=(self.session, self))
        self._feeder.start()
        runner.start()
        try:
            meanwhile()
            runner.join(10.0)
            assert not runner.is_alive()
            return self.session.outcome(self.now())
        finally:
            self._is_over.set()
            self._feeder.join()

    def wait_for_chunks(self, count: int) -> None:
        wait_for(lambda: len(self.robot.chunks) >= count, 5.0, f"{count} chunks")

    def _feed(self) -> None:
        while not self._is_over.wait(0.01):
            if self.is_heard:
                now = self.now()
                self.session.on_observation(observe(now.ros, *self.robot.at(now.ros)), now)
                self.session.on_gate(self.robot.report, now)


class Faulty:
    """A policy that answers well once and then does as told."""

    def __init__(self, answer: Callable[[Observation], Action]) -> None:
        self.answer = answer
        self.asked = 0
        self.is_closed = False
        self.needs = PolicyNeeds()
        self.gives = PolicyGives()

    def reset(self, seed: int) -> None:
        self.asked = 0

    def infer(self, observation: Observation) -> Action:
        self.asked += 1
        if self.asked == 1:
            return Action(NAMES, np.tile(np.linspace(0.0, 0.1, 10)[:, None], 2), 0.02)
        return self.answer(observation)

    def close(self) -> None:
        self.is_closed = True


def _use(monkeypatch: pytest.MonkeyPatch, policy: Policy) -> None:
    monkeypatch.setattr(opening, "create_policy", lambda name, config, context: policy)
    monkeypatch.setattr(opening, "needs_process", lambda name: False)


def _raise(error: Exception) -> Callable[[Observation], Action]:
    def answer(observation: Observation) -> Action:
        raise error

    return answer


def test_goal_runs_to_its_end_and_says_what_moved() -> None:
    rig = Rig(PolicyGoal("id", "arm", "sine", SINE, duration=1.0))
    outcome = rig.run()
    assert (outcome.success, outcome.reason, outcome.joint_names) == (True, RunReason.COMPLETED, NAMES)
    assert outcome.motion[0] == 0.0
    assert outcome.motion[1] == pytest.approx(0.6, abs=0.06)
    assert (outcome.steps, outcome.elapsed) == (50, pytest.approx(1.0))
    assert outcome.chunks == rig.progress == len(rig.robot.chunks)


def test_cancelled_goal_holds_the_commanded_position_at_once() -> None:
    rig = Rig(PolicyGoal("id", "arm", "sine", SINE, duration=60.0))

    def cancel() -> None:
        rig.wait_for_chunks(3)
        rig.session.end(RunReason.CANCELLED, "by the client")

    outcome = rig.run(cancel)
    assert (outcome.success, outcome.reason) == (False, RunReason.CANCELLED)
    hold = rig.robot.chunks[-1]
    assert (len(hold.values), hold.observation_stamp) == (1, None)


def test_stop_ends_the_goal_and_nothing_more_is_sent() -> None:
    rig = Rig(PolicyGoal("id", "arm", "sine", SINE, duration=60.0))
    sent: list[int] = []

    def stop() -> None:
        rig.wait_for_chunks(2)
        rig.robot.report = replace(REPORT, latched=True, latch_reason="stop: test")
        wait_for(rig.session.run.has_ended)
        sent.append(len(rig.robot.chunks))

    outcome = rig.run(stop)
    assert outcome.reason is RunReason.STOPPED
    assert "stop: test" in outcome.message
    assert len(rig.robot.chunks) == sent[0]


def test_refused_chunks_end_the_goal_with_the_gates_words() -> None:
    rig = Rig(PolicyGoal("id", "arm", "sine", SINE, duration=60.0))
    rig.robot.refusal = "limit: too fast"
    outcome = rig.run()
    assert (outcome.reason, outcome.chunks) == (RunReason.REFUSED, 3)
    assert "limit: too fast" in outcome.message


def test_silence_of_the_robot_ends_the_goal() -> None:
    rig = Rig(PolicyGoal("id", "arm", "sine", SINE, duration=60.0))

    def unplug() -> None:
        rig.wait_for_chunks(2)
        rig.is_heard = False

    assert rig.run(unplug).reason is RunReason.OBSERVATION_LOST


def test_robot_that_does_not_listen_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(PolicyGoal("id", "arm", "hold", duration=1.0))
    rig.is_listening = False
    rig.session.run.config = replace(rig.session.run.config, start_timeout=0.3)
    outcome = rig.run()
    assert (outcome.reason, outcome.message) == (RunReason.REFUSED, "no subscriber to arm/action_chunk")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_raise(ZeroDivisionError("division by zero")), "ZeroDivisionError: division by zero"),
        (_raise(PolicyError("the model is gone")), "the model is gone"),
        (lambda _: Action(NAMES, np.full((5, 2), np.nan), 0.02), "row 0 of 'shoulder_pan' is nan"),
        (lambda _: Action(NAMES, np.zeros((5, 3)), 0.02), "valid: (H, 2)"),
        (lambda _: None, "the policy answered NoneType"),
    ],
)
def test_failing_policy_ends_the_goal_and_the_robot_holds(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Observation], Action], words: str
) -> None:
    policy = Faulty(answer)
    _use(monkeypatch, policy)
    rig = Rig(PolicyGoal("id", "arm", "test", duration=60.0))
    outcome = rig.run()
    assert outcome.reason is RunReason.POLICY_FAILED
    assert words in outcome.message
    wait_for(lambda: policy.is_closed)
    assert np.isfinite(rig.robot.chunks[-1].values).all()
    assert len(rig.robot.chunks[-1].values) == 1


def test_slow_policy_does_not_interrupt_the_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(observation: Observation) -> Action:
        time.sleep(0.05)
        return Action(NAMES, np.zeros((30, 2)), 0.02)

    _use(monkeypatch, Faulty(answer))
    rig = Rig(PolicyGoal("id", "arm", "test", duration=1.5))
    assert rig.run().success
    for earlier, later in zip(rig.robot.chunks[1:], rig.robot.chunks[2:]):
        assert earlier.observation_stamp is not None
        assert later.stamp < earlier.observation_stamp + len(earlier.values) * earlier.control_period


@pytest.mark.parametrize(
    ("policy", "config", "words"), [("sin", "", "did you mean 'sine'"), ("sine", "{}", "joints"), ("sine", "[", "YAML")]
)
def test_goal_that_cannot_start_is_refused(policy: str, config: str, words: str) -> None:
    outcome = Rig(PolicyGoal("id", "arm", policy, config, duration=1.0)).run()
    assert (outcome.success, outcome.reason, outcome.chunks) == (False, RunReason.REFUSED, 0)
    assert words in outcome.message
