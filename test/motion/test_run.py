"""Motions of a simulated SO-101, played in chunks through its gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.control.refusal import Refusal
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.motion.ik import Orientation
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.motion_run import AHEAD
from strands_robots.motion.move_to import Reached
from strands_robots.motion.task import MoveTask, checked_source, checked_speed

from .simulated import PERIOD, SUBSTEPS, Simulated, scene_file

DOWN = rotation_matrix(np.array([0.0, np.pi, 0.0]))


@pytest.fixture
def arm() -> Simulated:
    return Simulated()


def reached(arm: Simulated, session: MotionSession) -> Reached:
    """The judgement of the arm where it is now."""
    assert isinstance(session.task, MoveTask)
    judgement = session.task.reached(arm.robot.position)
    assert judgement is not None
    return judgement


def reason(session: MotionSession) -> MotionReason:
    assert session.ending is not None
    return session.ending.reason


def start(arm: Simulated, session: MotionSession, duration: float) -> None:
    """Plan, and play for `duration` [s]."""
    session.prepare()
    for _ in range(round(duration / PERIOD)):
        arm.advance(session)
    assert session.ending is None


def assert_smooth(arm: Simulated, speed: float = 1.0) -> None:
    """Set-points keep the velocity limit times `speed` and the acceleration limits."""
    velocity = np.diff(np.array(arm.targets), axis=0) / PERIOD
    acceleration = np.diff(velocity, axis=0) / PERIOD
    assert (np.abs(velocity) <= speed * arm.limits.velocity * (1.0 + 1e-6)).all()
    assert (np.abs(acceleration) <= arm.limits.acceleration * (1.0 + 1e-6)).all()


@pytest.mark.parametrize("speed", [0.2, 0.5, 1.0])
def test_joints_reach_their_target_within_the_tolerance_and_the_speed(arm: Simulated, speed: float) -> None:
    session = arm.session(arm.joints(["shoulder_pan", "elbow_flex"], [1.0, -0.4], speed))
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
    assert arm.robot.position[[0, 2]] == pytest.approx([1.0, -0.4], abs=0.01)
    assert reached(arm, session).joint_error < 0.01
    assert_smooth(arm, speed)
    report = arm.gate.report(arm.now)
    assert not report.refusals and not report.clamped


def test_chunks_are_of_bounded_length(arm: Simulated) -> None:
    arm.play(arm.session(arm.joints(["shoulder_pan"], [1.5], 1.0)))
    assert max(len(chunk.values) * chunk.control_period for chunk in arm.chunks[:-3]) < AHEAD + 0.45
    assert {chunk.source for chunk in arm.chunks} == {"operator/test"}
    sequences = [chunk.sequence for chunk in arm.chunks]
    assert sequences == sorted(set(sequences))


def test_gravity_is_corrected_by_what_is_measured(arm: Simulated) -> None:
    stretched = Pose(np.array([0.36, 0.0, 0.12]), DOWN)
    session = arm.session(arm.pose(stretched, Orientation.FREE))
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
    assert reached(arm, session).position_error < 0.002
    # What the set-point asks for without correction is further away: the servos sag.
    assert np.abs(arm.targets[-1] - arm.robot.position).max() > 0.005


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize("straight", [False, True])
def test_the_measured_tool_reaches_its_pose(arm: Simulated, orientation: Orientation, straight: bool) -> None:
    turned = rotation_matrix(np.array([0.0, 0.0, 0.4])) @ DOWN
    arm.play(arm.session(arm.pose(Pose(np.array([0.2, 0.0, 0.12]), turned), Orientation.FULL)))
    session = arm.session(arm.pose(Pose(np.array([0.22, 0.04, 0.05]), turned), orientation, straight=straight))
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
    judgement = reached(arm, session)
    assert judgement.position_error < 0.002 and judgement.orientation_error < 0.02
    assert_smooth(arm)


def test_an_unreachable_pose_does_not_move_the_arm(arm: Simulated) -> None:
    session = arm.session(arm.pose(Pose(np.array([0.6, 0.0, 0.1]), DOWN), Orientation.FREE))
    arm.play(session)
    assert reason(session) is MotionReason.UNREACHABLE
    assert not arm.chunks and session.miss[0] == pytest.approx(0.122, abs=0.002)


@pytest.mark.parametrize("at", [0.2, 0.6, 1.1])
def test_a_cancelled_motion_brakes_within_its_limits_and_ends_at_rest(arm: Simulated, at: float) -> None:
    session = arm.session(arm.joints(["shoulder_pan", "shoulder_lift"], [1.8, -0.2], 0.8))
    start(arm, session, at)
    cancelled_at = arm.world.time
    session.cancel("test")
    arm.play_on(session)
    assert reason(session) is MotionReason.CANCELLED
    assert arm.world.time - cancelled_at < 0.5
    assert np.abs(arm.robot.velocity).max() < 0.1
    assert_smooth(arm)
    stopped = arm.targets[-1].copy()
    for _ in range(100):
        arm.tick()
    assert np.allclose(arm.targets[-1], stopped, atol=1e-6)


def test_a_motion_cancelled_before_its_start_sends_nothing(arm: Simulated) -> None:
    session = arm.session(arm.joints(["shoulder_pan"], [1.0]))
    session.cancel("test")
    arm.play(session)
    assert reason(session) is MotionReason.CANCELLED and not arm.chunks


def test_without_news_the_robot_comes_to_rest_on_the_path(arm: Simulated) -> None:
    session = arm.session(arm.joints(["shoulder_pan"], [1.8], 1.0))
    start(arm, session, 0.4)
    for _ in range(100):
        arm.tick()
    assert 0.1 < arm.targets[-1][0] < 1.5
    assert np.abs(arm.robot.velocity).max() < 0.05
    assert_smooth(arm)


def test_a_late_motion_goes_on_from_where_the_robot_came_to_rest(arm: Simulated) -> None:
    session = arm.session(arm.joints(["shoulder_pan"], [1.8], 1.0))
    start(arm, session, 0.4)
    for _ in range(100):
        arm.tick()
    arm.tell(session)
    arm.play_on(session)
    assert reason(session) is MotionReason.REACHED
    assert arm.robot.position[0] == pytest.approx(1.8, abs=0.01)
    assert_smooth(arm)


def test_a_stop_ends_the_motion_with_its_reason(arm: Simulated) -> None:
    session = arm.session(arm.joints(["shoulder_pan"], [1.8]))
    start(arm, session, 0.5)
    arm.gate.stop("light curtain", arm.now)
    arm.play_on(session)
    assert session.ending is not None and session.ending.reason is MotionReason.STOPPED
    assert "stop: light curtain" in session.ending.message
    count = len(arm.chunks)
    assert session.next_chunk(arm.now) is None and len(arm.chunks) == count


def test_a_refused_motion_ends_with_the_gates_reason(arm: Simulated) -> None:
    first = arm.session(arm.joints(["shoulder_pan"], [1.8], 0.2))
    start(arm, first, 0.3)
    second = arm.session(arm.joints(["wrist_roll"], [1.0]), source="policy/x")
    second.prepare()
    for _ in range(100):
        chunk = first.next_chunk(arm.now)
        if chunk is not None:
            arm.send(chunk)
        arm.advance(second)
        arm.tell(first)
        if second.ending is not None:
            break
    assert second.ending is not None and second.ending.reason is MotionReason.REFUSED
    assert "'operator/test' holds the robot" in second.ending.message
    assert first.ending is None
    assert arm.gate.report(arm.now).refusals.get(Refusal.LEASE.value)


def test_a_motion_that_is_taken_over_ends_and_names_who_did(arm: Simulated) -> None:
    low = arm.session(arm.joints(["shoulder_pan"], [1.8], 0.2), source="agent/motion")
    start(arm, low, 0.3)
    high = arm.session(arm.joints(["shoulder_pan"], [0.0], 0.2))
    high.prepare()
    for _ in range(50):
        arm.advance(high)
        arm.tell(low)
        low.next_chunk(arm.now)
        if low.ending is not None:
            break
    assert low.ending is not None and low.ending.reason is MotionReason.REFUSED
    assert "'operator/test' took the robot over" in low.ending.message
    arm.play_on(high)
    assert reason(high) is MotionReason.REACHED


def test_an_arm_that_meets_a_wall_gives_way_and_says_which_joint(tmp_path: Path) -> None:
    wall = '<geom name="wall" type="box" size=".3 .01 .3" pos="0.25 0.1 0.15"/>'
    arm = Simulated(scene_file(tmp_path, wall))
    session = arm.session(arm.joints(["shoulder_pan"], [-1.5]))
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.BLOCKED
    assert "'shoulder_pan' met something" in session.ending.message
    for _ in range(50):
        arm.tick()
    # The set-point is back at the arm: it does not press on.
    assert np.abs(arm.targets[-1] - arm.robot.position).max() < 0.06
    assert_smooth(arm)


def test_a_joint_held_just_before_its_target_is_reported_as_not_reached(tmp_path: Path) -> None:
    wall = '<geom name="wall" type="box" size=".3 .01 .3" pos="0.25 0.06 0.15"/>'
    arm = Simulated(scene_file(tmp_path, wall))
    free = arm.session(arm.joints(["shoulder_pan"], [-1.5], 0.2))
    arm.play(free)
    met = float(arm.robot.position[0])
    session = arm.session(arm.joints(["shoulder_pan"], [met - 0.08], 0.5))
    arm.play(session)
    assert reason(session) is MotionReason.NOT_REACHED
    assert reached(arm, session).joint_error > 0.01


def test_a_reset_of_the_world_ends_the_motion(arm: Simulated) -> None:
    for _ in range(100):
        arm.tick()
    session = arm.session(arm.joints(["shoulder_pan"], [1.8]))
    start(arm, session, 0.5)
    arm.world.reset()
    arm.gate.restart(arm.robot.position, arm.now)
    arm.tell(session)
    assert session.next_chunk(arm.now) is None
    assert reason(session) is MotionReason.WORLD_FAILED


def test_a_silent_robot_ends_the_motion(arm: Simulated) -> None:
    session = arm.session(arm.joints(["shoulder_pan"], [1.8]))
    start(arm, session, 0.5)
    arm.world.step(SUBSTEPS * 60)
    assert session.next_chunk(arm.now) is None
    assert reason(session) is MotionReason.OBSERVATION_LOST


def test_a_robot_that_is_never_heard_is_reported(arm: Simulated) -> None:
    session = MotionSession("so101", "operator/test", arm.joints(["gripper"], [0.1]), arm.limits, arm.now, lambda: None)
    arm.world.step(SUBSTEPS * 301)
    assert not session.look(arm.now)
    assert session.ending is not None and "no so101/joint_states within 3.0 s" in session.ending.message


@pytest.mark.parametrize("source", ["motion", "boss/me", "operator/", "operator/a b"])
def test_a_source_that_is_none_is_refused_with_the_classes(source: str) -> None:
    with pytest.raises(MotionError, match="operator, teleop, external, policy, agent"):
        checked_source(source)


def test_a_goal_of_nobody_has_the_lowest_class() -> None:
    assert checked_source("") == "agent/motion"


@pytest.mark.parametrize("speed", [-0.1, 1.1, float("nan")])
def test_a_speed_scale_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(MotionError, match=r"speed_scale is .*; valid: 0.01 to 1, or 0 for 0.5"):
        checked_speed(speed)


def test_a_speed_scale_of_zero_is_half() -> None:
    assert checked_speed(0.0) == 0.5


def test_a_motion_waits_for_the_lease_that_outlives_another_motion(arm: Simulated) -> None:
    arm.play(arm.session(arm.joints(["shoulder_pan"], [0.2])))
    session = arm.session(arm.joints(["shoulder_pan"], [0.0]), source="agent/motion")
    assert arm.gate.lease_holder == "operator/test"
    assert not session.look(arm.now)
    for _ in range(50):
        arm.tick()
        arm.tell(session)
    assert session.look(arm.now)
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
