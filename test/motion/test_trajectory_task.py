"""Trajectories of a controller's client on a simulated SO-101, through its gate."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.control.trajectory import Trajectory
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.path import quintic
from strands_robots.motion.trajectory_law import TrajectoryLaw
from strands_robots.motion.trajectory_task import TrajectoryTask
from strands_robots.motion.trajectory_tolerance import JointTolerance, TrajectoryTolerances

from .simulated import Simulated

JOINTS = ["shoulder_pan", "elbow_flex"]
NONE = TrajectoryTolerances(*(np.zeros(6) for _ in range(4)), goal_time=2.0)

TRACKED = TrajectoryTolerances(np.full(6, 0.15), np.zeros(6), np.full(6, 0.02), np.full(6, 0.05), 2.0)


@pytest.fixture
def arm() -> Simulated:
    return Simulated()


def points(arm: Simulated, end: list[float], duration: float, count: int = 20) -> Trajectory:
    """A smooth trajectory of JOINTS from where they are, with velocities and accelerations, as MoveIt sends it."""
    start = arm.robot.position[[0, 2]]
    times = np.linspace(0.0, duration, count)
    tau, way = times / duration, np.array(end) - start
    rate = 30.0 * tau**2 * (1.0 - tau) ** 2 / duration
    bend = 60.0 * tau * (1.0 - tau) * (1.0 - 2.0 * tau) / duration**2
    return Trajectory(times, start + quintic(tau)[:, None] * way, rate[:, None] * way, bend[:, None] * way)


def task(
    arm: Simulated, trajectory: Trajectory, tolerances: TrajectoryTolerances = NONE, start: float = 0.0
) -> TrajectoryTask:
    return TrajectoryTask(JOINTS, trajectory, start, arm.limits, tolerances, lambda: arm.now.ros)


def reason(session: MotionSession) -> MotionReason:
    assert session.ending is not None
    return session.ending.reason


def test_a_trajectory_is_played_at_its_own_times(arm: Simulated) -> None:
    trajectory = points(arm, [0.8, 0.2], 1.5)
    session = arm.session(task(arm, trajectory, TRACKED))
    began = arm.world.time
    arm.play(session)
    assert reason(session) is MotionReason.REACHED, session.ending
    assert 1.5 <= arm.world.time - began < 2.2
    assert arm.robot.position[[0, 2]] == pytest.approx([0.8, 0.2], abs=0.02)
    report = arm.gate.report(arm.now)
    assert not report.refusals and not report.clamped
    # Every set-point is on the trajectory: the largest distance from its curve is that of the interpolation.
    curve = trajectory.at(np.linspace(0.0, 1.5, 3000))
    moving = np.array(arm.targets)[:, [0, 2]][: int(1.5 / 0.01)]
    away = np.abs(moving[:, None, :] - curve[None, :, :]).max(axis=2).min(axis=1)
    assert away.max() < 2e-3


def test_a_first_point_in_the_future_is_reached_from_where_the_robot_is(arm: Simulated) -> None:
    session = arm.session(task(arm, Trajectory(np.array([1.0]), np.array([[0.4, 0.4]]))))
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
    assert arm.robot.position[0] == pytest.approx(0.4, abs=0.02)


def test_a_trajectory_that_begins_elsewhere_is_refused_and_nothing_moves(arm: Simulated) -> None:
    session = arm.session(task(arm, Trajectory(np.array([0.0, 1.0]), np.array([[0.6, 0.6], [0.7, 0.6]]))))
    before = arm.robot.position.copy()
    arm.play(session)
    assert reason(session) is MotionReason.INVALID_GOAL and "begins 0.6000 from its set-point" in session.ending.message
    assert not arm.chunks and arm.robot.position == pytest.approx(before, abs=1e-3)


def test_a_trajectory_that_is_over_is_refused_as_old(arm: Simulated) -> None:
    for _ in range(300):
        arm.tick()
    old = task(arm, points(arm, [0.3, 0.6], 0.5), start=1.0)
    with pytest.raises(MotionError, match="ended 1") as error:
        old.check_stamp(arm.now.ros)
    assert error.value.reason == "old_stamp"


def test_a_trajectory_that_has_begun_is_joined_where_it_is_now(arm: Simulated) -> None:
    for _ in range(100):
        arm.tick()
    session = arm.session(task(arm, points(arm, [0.02, 0.6], 1.0), start=arm.now.ros - 0.5))
    began = arm.world.time
    arm.play(session)
    assert reason(session) is MotionReason.REACHED
    assert arm.world.time - began < 0.9


def test_leaving_the_path_tolerance_brakes_and_says_which_joint_and_by_how_much(arm: Simulated) -> None:
    tolerances = NONE.with_goal(arm.limits, [JointTolerance("shoulder_pan", position=0.01)], [], 0.0)
    session = arm.session(task(arm, points(arm, [1.2, 0.6], 0.9), tolerances))
    arm.play(session)
    assert reason(session) is MotionReason.BLOCKED
    assert "'shoulder_pan' is" in session.ending.message and "path_tolerance: 0.01" in session.ending.message
    assert abs(arm.robot.position[0]) < 1.0 and abs(arm.robot.velocity[0]) < 0.05


def test_missing_the_goal_tolerance_ends_after_the_goal_time(arm: Simulated) -> None:
    tolerances = NONE.with_goal(arm.limits, [], [JointTolerance("elbow_flex", position=1e-8)], 0.3)
    session = arm.session(task(arm, points(arm, [0.1, 0.5], 1.0), tolerances))
    began = arm.world.time
    arm.play(session)
    assert reason(session) is MotionReason.NOT_REACHED
    assert 1.3 < arm.world.time - began < 2.0


def test_an_interrupted_trajectory_goes_on_from_rest_on_the_same_curve(arm: Simulated) -> None:
    session = arm.session(task(arm, points(arm, [1.0, 0.0], 2.0)))
    session.prepare()
    for _ in range(60):
        arm.advance(session)
    for _ in range(80):  # the goal's thread stands still
        arm.tick()
        arm.tell(session)
    assert np.abs(arm.robot.velocity).max() < 0.05
    arm.play_on(session)
    assert reason(session) is MotionReason.REACHED
    assert arm.robot.position[[0, 2]] == pytest.approx([1.0, 0.0], abs=0.02)
    assert not arm.gate.report(arm.now).clamped


def test_a_chunk_brakes_also_where_the_points_have_corners(arm: Simulated) -> None:
    corners = Trajectory(np.arange(30) * 1.0, np.array([[0.5 * (i % 2), 0.6] for i in range(30)]))
    law = TrajectoryLaw(corners, arm.limits, [0, 2])
    rows, _ = law.rows(3.0, 0.2)
    assert len(rows) * 0.02 < 2.0


@pytest.mark.parametrize(
    ("names", "trajectory", "reason", "words"),
    [
        ([], Trajectory(np.ones(1), np.zeros((1, 0))), "invalid_joints", "joint_names is empty"),
        (["gripper", "gripper"], Trajectory(np.ones(1), np.zeros((1, 2))), "invalid_joints", "each once"),
        (["gripper"], Trajectory(np.ones(1), np.full((1, 1), np.nan)), "invalid_goal", "NaN"),
        (["gripper"], Trajectory(np.ones(1), np.full((1, 1), 9.0)), "invalid_goal", "'gripper' at point 0 is 9"),
        (["gripper"], Trajectory(np.ones(1), np.zeros((1, 1)), np.full((1, 1), 0.1)), "invalid_goal", "0 at the end"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(
    names: list[str], trajectory: Trajectory, reason: str, words: str, arm: Simulated
) -> None:
    with pytest.raises(MotionError, match=words) as error:
        TrajectoryTask(names, trajectory, 0.0, arm.limits, NONE, lambda: 0.0)
    assert error.value.reason == reason


def test_an_unknown_joint_is_named_with_the_valid_ones(arm: Simulated) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown joint 'elbow'.*shoulder_pan"):
        TrajectoryTask(["elbow"], Trajectory(np.ones(1), np.zeros((1, 1))), 0.0, arm.limits, NONE, lambda: 0.0)


def test_tolerances_of_a_goal_are_resolved_as_the_controller_does(arm: Simulated) -> None:
    own = TrajectoryTolerances(*(np.full(6, 0.5) for _ in range(4)), goal_time=2.0)
    given = own.with_goal(
        arm.limits, [JointTolerance("gripper", 0.1, -1.0)], [JointTolerance("gripper", 0.0, 0.2)], 0.0
    )
    assert (given.path_position[5], given.path_velocity[5]) == (0.1, 0.0)  # asked for, taken away
    assert (given.goal_position[5], given.goal_velocity[5], given.goal_time) == (
        0.5,
        0.2,
        2.0,
    )  # the server's own, asked for
    for wrong in (
        JointTolerance("gripper", -2.0),
        JointTolerance("gripper", float("nan")),
        JointTolerance("gripper", acceleration=1.0),
    ):
        with pytest.raises(MotionError, match="path_tolerance of 'gripper'"):
            own.with_goal(arm.limits, [wrong], [], 0.0)
    with pytest.raises(UnknownNameError, match="joint in goal_tolerance 'wrist'"):
        own.with_goal(arm.limits, [], [JointTolerance("wrist")], 0.0)
    with pytest.raises(MotionError, match="goal_time_tolerance is -1"):
        own.with_goal(arm.limits, [], [], -1.0)
