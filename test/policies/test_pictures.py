"""Pictures, history and hanging policies in a goal: what a policy is shown, and what becomes of a goal whose camera is silent."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from strands_robots.core.types import Action, Observation, PictureNeed, Playback, PolicyGives, PolicyNeeds
from strands_robots.policies.host import opening
from strands_robots.policies.host.host import Patience
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason

from .observations import LIMITS, NAMES
from .test_lockstep import SteppedWorld
from .test_session import Rig


class Seeing:
    """Keeps what it is shown."""

    def __init__(self, history: int = 1, rtc: bool = False) -> None:
        self.needs = PolicyNeeds(cameras={"wrist": PictureNeed()}, history=history)
        self.gives = PolicyGives(horizon=10, rate=50.0, rtc=rtc)
        self.seen: list[Observation] = []
        self.playbacks: list[Playback | None] = []

    def reset(self, seed: int) -> None:
        self.seen.clear()

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        self.seen.append(observation)
        self.playbacks.append(playback)
        return Action(NAMES, np.zeros((10, 2)), 0.02)

    def close(self) -> None:
        return


def _use(monkeypatch: pytest.MonkeyPatch, policy: object) -> None:
    monkeypatch.setattr(opening, "create_policy", lambda name, config, context: policy)
    monkeypatch.setattr(opening, "needs_process", lambda name: False)


def _picture(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


def test_policy_is_shown_the_latest_picture_and_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Seeing()
    _use(monkeypatch, policy)
    rig = Rig(PolicyGoal("id", "arm", "test", task="stack", duration=0.5))

    def film() -> None:
        while not rig.session.run.has_ended():
            if "wrist" in rig.cameras:
                rig.session.on_picture("wrist", rig.now().ros, _picture(7))
            time.sleep(0.01)

    outcome = rig.run(film)
    assert outcome.success, outcome
    assert all((observation.images["wrist"] == 7).all() for observation in policy.seen)
    assert {observation.task for observation in policy.seen} == {"stack"}


def test_camera_that_sends_nothing_ends_the_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, Seeing())
    rig = Rig(PolicyGoal("id", "arm", "test", duration=5.0))
    rig.session.run.config = replace(rig.session.run.config, start_timeout=0.3)
    outcome = rig.run()
    assert (outcome.reason, outcome.chunks) == (RunReason.OBSERVATION_LOST, 0)
    assert "no pictures of each of wrist" in outcome.message


def test_camera_that_falls_silent_ends_the_goal_and_the_arm_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, Seeing())
    rig = Rig(PolicyGoal("id", "arm", "test", duration=10.0))

    def one_picture() -> None:
        while "wrist" not in rig.cameras:
            time.sleep(0.005)
        rig.session.on_picture("wrist", rig.now().ros, _picture(7))

    outcome = rig.run(one_picture)
    assert outcome.reason is RunReason.POLICY_FAILED
    assert "the last picture of 'wrist' is 0." in outcome.message
    assert len(rig.robot.chunks[-1].values) == 1


def test_camera_that_the_robot_lacks_is_refused_with_those_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, Seeing())
    rig = Rig(PolicyGoal("id", "arm", "test", duration=1.0))
    rig.session.cameras = {"front": (0, 0)}
    outcome = rig.run()
    assert outcome.reason is RunReason.REFUSED
    assert "unknown camera of 'arm' or of the world 'wrist'; valid: front" in outcome.message


def test_language_policy_without_task_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Seeing()
    policy.needs = PolicyNeeds(language=True)
    _use(monkeypatch, policy)
    outcome = Rig(PolicyGoal("id", "arm", "test", duration=1.0)).run()
    assert outcome.reason is RunReason.REFUSED
    assert "needs the task in words" in outcome.message


def test_real_time_chunking_is_asked_of_policies_that_can_and_refused_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = Seeing(rtc=True)
    policy.needs = PolicyNeeds()
    _use(monkeypatch, policy)
    rig = Rig(PolicyGoal("id", "arm", "test", duration=0.5))
    assert rig.run().success
    assert policy.playbacks[0] == Playback(-1, 0)
    assert all(playback is not None and playback.elapsed > 0 for playback in policy.playbacks[1:])
    _use(monkeypatch, plain := Seeing())
    plain.needs = PolicyNeeds()
    outcome = Rig(PolicyGoal("id", "arm", "test", duration=0.5, blending="rtc")).run()
    assert outcome.reason is RunReason.REFUSED
    assert "has no real-time chunking" in outcome.message


def test_cancelled_goal_does_not_wait_for_a_hanging_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    class Hanging(Seeing):
        def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
            if self.seen:
                release.wait(30.0)
            return super().infer(observation, playback)

    policy = Hanging()
    policy.needs = PolicyNeeds()
    _use(monkeypatch, policy)
    rig = Rig(PolicyGoal("id", "arm", "test", duration=60.0))

    def cancel() -> None:
        rig.wait_for_chunks(1)
        time.sleep(0.2)
        rig.session.end(RunReason.CANCELLED, "by the client")

    begin = time.monotonic()
    assert rig.run(cancel).reason is RunReason.CANCELLED
    assert time.monotonic() - begin < 5.0
    release.set()


def test_hanging_policy_is_given_up_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    class Hanging(Seeing):
        def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
            release.wait(30.0)
            return super().infer(observation, playback)

    policy = Hanging()
    policy.needs = PolicyNeeds()
    _use(monkeypatch, policy)
    rig = Rig(PolicyGoal("id", "arm", "test", duration=60.0))
    rig.session = PolicySession(rig.session.goal, rig.now(), None, Patience(infer=0.2))
    rig.session.on_limits(LIMITS)
    outcome = rig.run()
    assert outcome.reason is RunReason.POLICY_FAILED
    assert "could not answer within 0.2 s" in outcome.message
    release.set()


class FilmedWorld(SteppedWorld):
    """A stepped world with a camera whose picture is the number of the period."""

    def picture(self, camera: str) -> np.ndarray:
        assert camera == "wrist"
        return _picture(self.periods % 256)


def test_lockstep_takes_pictures_at_the_observations_and_keeps_the_history_at_the_policys_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = Seeing(history=3)
    _use(monkeypatch, policy)
    world = FilmedWorld(duration=0.4)
    outcome = world.run()
    assert outcome.success, outcome
    last = policy.seen[-1]
    frames = [*last.earlier, last]
    assert len(frames) == 3
    for frame in frames:
        assert frame.images["wrist"][0, 0, 0] == round(frame.stamp / 0.01) % 256
    stamps = [frame.stamp for frame in frames]
    np.testing.assert_allclose(np.diff(stamps), 0.02, atol=1e-9)


def test_world_that_cannot_draw_fails_the_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    from strands_robots.core.errors import WorldError

    class Blind(SteppedWorld):
        def picture(self, camera: str) -> np.ndarray:
            raise WorldError("no OpenGL")

    _use(monkeypatch, Seeing())
    world = Blind(duration=0.4)
    run_lockstep(world.session, world)
    ending = world.session.run.ending
    assert ending is not None
    assert (ending.reason, ending.message) == (RunReason.WORLD_FAILED, "no OpenGL")
