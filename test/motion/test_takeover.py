"""A motion that begins in the middle of another: where the robot will be, at the velocity that it will have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planning.scenes import box

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.motion_run import LATEST_TAKEOVER
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.scene_move import SceneGoal, SceneMoveTask
from strands_robots.planning.scene_planner import ScenePlanner
from strands_robots.planning.surroundings import Surroundings
from strands_robots.planning.tool_limits import ToolLimits

from .simulated import PERIOD, Simulated

START = {"shoulder_pan": 0.9, "shoulder_lift": 0.3, "elbow_flex": 0.0, "wrist_flex": 0.4}
"""Stretched out low, beside the wall."""


@pytest.fixture
def arm() -> Simulated:
    return Simulated(home=START)


@pytest.fixture(scope="module")
def planners() -> dict[str, ScenePlanner]:
    return {}


def scene_task(
    arm: Simulated,
    pan: float,
    planners: dict[str, ScenePlanner],
    speed: float = 0.6,
    *,
    among: Surroundings | None = None,
) -> SceneMoveTask:
    """Return the wish to turn to an angle around what stands there."""
    target = JointTarget((0,), np.array([pan]))
    wish = SceneGoal(target, "rrt_connect", "toppra", speed, 0, 20_000, ToolLimits(), (), (), (0.002,))
    return task_of(arm, wish, planners, among)


def task_of(
    arm: Simulated, wish: SceneGoal, planners: dict[str, ScenePlanner], among: Surroundings | None = None
) -> SceneMoveTask:
    planner = planners.setdefault("so101", ScenePlanner(arm.kinematics.arm))

    def make(job: PlanJob) -> Plan:
        return job.plan(planner)

    return SceneMoveTask(arm.kinematics, wish, lambda: among or Surroundings(), make)


def play_both(arm: Simulated, first: MotionSession, second: MotionSession, late: float = 0.0) -> int:
    """Play a motion until another has taken it over and ended; return the control tick at which the first one ended.

    Args:
        arm: The arm.
        first, second: The motions.
        late: How long the second one sends nothing when its time has come [s].
    """
    second.prepare()
    until, taken = arm.world.time + 20.0, 0
    silent_until = np.inf if late else -np.inf
    while second.ending is None:
        assert arm.world.time < until
        for session in (first, second):
            if session.ending is not None or (session is second and arm.world.time < silent_until):
                continue
            chunk = session.next_chunk(arm.now)
            if chunk is not None:
                arm.send(chunk)
            if session is first and first.ending is not None:
                taken, silent_until = len(arm.targets), arm.world.time + late
        arm.tick()
        for session in (first, second):
            arm.tell(session)
    return taken


def begun(arm: Simulated, task: SceneMoveTask, duration: float) -> MotionSession:
    session = arm.session(task)
    session.prepare()
    for _ in range(round(duration / PERIOD)):
        arm.advance(session)
    assert session.ending is None
    return session


def speeds(arm: Simulated) -> FloatArray:
    velocity: FloatArray = np.linalg.norm(np.diff(np.array(arm.targets), axis=0), axis=1) / PERIOD
    return velocity


def test_a_motion_goes_on_from_another_without_a_stop_and_within_the_limits(arm: Simulated, planners) -> None:
    first = begun(arm, scene_task(arm, -0.9, planners), 0.5)
    begin = arm.world.time + 0.3
    state = first.state_at(begin)
    assert state is not None and np.linalg.norm(state[1]) > 0.5
    task = scene_task(arm, 0.4, planners)
    task.prepare(*state, begin)
    second = arm.session(task)
    first.hand_over(begin, "another took its place")
    taken = play_both(arm, first, second)
    assert first.ending is not None and first.ending.reason is MotionReason.CANCELLED
    assert second.ending is not None and second.ending.reason is MotionReason.REACHED, second.ending
    assert arm.robot.position[0] == pytest.approx(0.4, abs=0.01)
    fastest = speeds(arm)[taken - 3]
    assert speeds(arm)[taken - 3 : taken + 6].min() > 0.7 * fastest > 0.4, "no stop where the one took the other over"
    velocity = np.diff(np.array(arm.targets), axis=0) / PERIOD
    acceleration = np.diff(velocity, axis=0) / PERIOD
    assert (np.abs(velocity) <= arm.limits.velocity * (1.0 + 1e-6)).all()
    assert (np.abs(acceleration) <= arm.limits.acceleration * (1.0 + 1e-6)).all()
    assert not arm.gate.report(arm.now).refusals


def test_a_wall_that_is_in_the_way_of_going_straight_on_leaves_no_way_from_motion(arm: Simulated, planners) -> None:
    first = begun(arm, scene_task(arm, -0.9, planners, 0.9), 0.55)
    begin = arm.world.time + 0.1
    state = first.state_at(begin)
    assert state is not None
    ahead = arm.kinematics.arm.tool_pose(state[0] + 0.08 * state[1])
    place = tuple(float(x) for x in ahead.position)
    among = Surroundings((box("block", place, (0.008, 0.008, 0.008)),))
    with pytest.raises(MotionError, match="no way begins from this motion: straight on") as refused:
        scene_task(arm, 0.9, planners, 0.9, among=among).prepare(*state, begin)
    assert refused.value.reason == "no_path"


def test_a_motion_that_comes_too_late_leaves_the_robot_at_rest_on_the_first_path(arm: Simulated, planners) -> None:
    first = begun(arm, scene_task(arm, -0.9, planners), 0.4)
    begin = arm.world.time + 0.2
    state = first.state_at(begin)
    assert state is not None
    task = scene_task(arm, 0.6, planners)
    task.prepare(*state, begin)
    second = arm.session(task)
    first.hand_over(begin, "another took its place")
    play_both(arm, first, second, late=LATEST_TAKEOVER + 0.05)
    assert second.ending is not None and second.ending.reason is MotionReason.REFUSED
    assert "the robot brakes on the other's path" in second.ending.message
    for _ in range(100):
        arm.tick()
    assert np.abs(np.diff(arm.targets[-2:], axis=0)).max() < 1e-9


def test_a_motion_that_has_nearly_ended_or_not_begun_is_not_taken_over(arm: Simulated, planners) -> None:
    session = arm.session(scene_task(arm, 0.7, planners))
    assert session.state_at(arm.world.time + 0.1) is None
    session.prepare()
    arm.advance(session)
    assert session.state_at(arm.world.time + 0.1) is not None
    assert session.state_at(arm.world.time + 30.0) is None
    session.cancel("test")
    assert session.state_at(arm.world.time + 0.1) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_law": "quintic"}, "another time law than toppra, begins at rest"),
        ({"speed": 0.05}, "faster than 0.05 of its speed limits"),
        ({"goal": JointTarget((1,), np.array([0.2]))}, "joints move that the goal does not"),
    ],
)
def test_what_cannot_begin_in_motion_says_so(arm: Simulated, planners, change, words: str) -> None:
    wish = SceneGoal(
        JointTarget((0,), np.array([0.5])), "rrt_connect", "toppra", 0.6, 0, 20_000, ToolLimits(), (), (), (0.002,)
    )
    start, velocity = arm.robot.position.copy(), np.zeros(6)
    velocity[0] = -1.0
    with pytest.raises(MotionError, match=words):
        task_of(arm, replace(wish, **change), planners).prepare(start, velocity, 1.0)
