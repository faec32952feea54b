"""Messages of the standard command topics -> chunks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.types import ControlMode, JointLimits
from strands_robots.motion.setpoint_motion import SetpointMotion
from strands_robots.ros.messages.stamps import to_duration, to_time
from strands_robots.ros.robot.standard_inputs import StandardInput

LIMITS = JointLimits(("pan", "lift"), *(np.full(2, v) for v in (-2.0, 2.0, 1.0, 10.0, 1.0)))
TARGET = np.array([0.1, 0.2])
NOW = 50.0


def point(seconds: float, *positions: float, **more: tuple[float, ...]) -> JointTrajectoryPoint:
    fields = {name: list(values) for name, values in more.items()}
    return JointTrajectoryPoint(positions=list(positions), time_from_start=to_duration(seconds), **fields)


def trajectory(
    *points: JointTrajectoryPoint,
    stamp: float = 0.0,
    names: tuple[str, ...] = ("pan", "lift"),
    motion: SetpointMotion | None = None,
):
    message = JointTrajectory(joint_names=list(names), points=list(points))
    message.header.stamp = to_time(stamp)
    motion = SetpointMotion(TARGET, NOW) if motion is None else motion
    return StandardInput("external/joint_trajectory").from_trajectory(message, NOW, motion, LIMITS)


def moving(velocity: float, age: float = 0.004) -> SetpointMotion:
    """A set-point of both joints that has moved for a while and was at TARGET `age` [s] ago."""
    motion = SetpointMotion(TARGET - 0.02 * velocity, NOW - age - 0.02)
    for k in (1, 2):
        motion = motion.update(TARGET - 0.01 * velocity * (2 - k), NOW - age - 0.01 * (2 - k))
    return motion


def test_trajectory_starts_now_at_the_present_target() -> None:
    chunk = trajectory(point(1.0, 0.5, 0.6))
    assert (chunk.source, chunk.stamp, chunk.observation_stamp) == ("external/joint_trajectory", NOW, NOW)
    assert chunk.values.shape == (101, 2) and chunk.control_period == 0.01
    assert chunk.values[0] == pytest.approx(TARGET) and chunk.values[-1] == pytest.approx([0.5, 0.6])


def test_columns_follow_the_message_and_take_their_own_joint_as_start() -> None:
    chunk = trajectory(point(1.0, 0.6), names=("lift",))
    assert chunk.joint_names == ("lift",) and chunk.values[0] == pytest.approx([0.2])


def test_stamp_in_the_past_skips_what_is_over() -> None:
    assert trajectory(point(0.0, 0.1, 0.2), point(1.0, 0.5, 0.6), stamp=49.5).observation_stamp == pytest.approx(49.5)


def test_stamp_in_the_future_holds_until_then() -> None:
    chunk = trajectory(point(1.0, 0.5, 0.6), stamp=50.5)
    assert chunk.observation_stamp == NOW and len(chunk.values) == 151
    assert chunk.values[:51] == pytest.approx(np.tile(TARGET, (51, 1)))


def test_velocities_of_all_points_make_it_cubic() -> None:
    chunk = trajectory(point(0.0, 0.0, 0.0, velocities=(0.0, 0.0)), point(1.0, 1.0, 1.0, velocities=(0.0, 0.0)))
    assert chunk.values[25, 0] == pytest.approx(3 * 0.25**2 - 2 * 0.25**3)


def test_trajectory_that_replaces_a_motion_begins_with_its_velocity() -> None:
    goal = TARGET + 0.104 * 0.8
    chunk = trajectory(point(0.1, *goal, velocities=(0.8, 0.8)), motion=moving(0.8))
    assert chunk.observation_stamp == pytest.approx(NOW - 0.004), "from when the last set-point was given"
    assert np.diff(chunk.values[:, 0])[:-1] / 0.01 == pytest.approx(0.8, rel=1e-6), "no ripple"


def test_trajectory_with_accelerations_begins_with_the_present_one() -> None:
    chunk = trajectory(
        point(0.1, *(TARGET + 0.08), velocities=(0.8, 0.8), accelerations=(0.0, 0.0)), motion=moving(0.8, 0.0)
    )
    assert np.diff(chunk.values[:, 0]) / 0.01 == pytest.approx(0.8, rel=1e-6)


def test_moving_robot_goes_on_to_the_first_point_of_a_stamp_in_the_future() -> None:
    chunk = trajectory(point(0.08, *(TARGET + 0.08), velocities=(0.8, 0.8)), stamp=NOW + 0.02, motion=moving(0.8, 0.0))
    assert np.diff(chunk.values[:, 0]) / 0.01 == pytest.approx(0.8, rel=1e-6)


def test_stamp_in_the_past_whose_first_point_is_still_to_come_begins_now() -> None:
    chunk = trajectory(point(1.0, 0.6, 0.6), stamp=NOW - 0.5)
    assert chunk.observation_stamp == NOW and len(chunk.values) == 51
    assert chunk.values[0] == pytest.approx(TARGET)


def test_set_point_that_stands_has_no_motion() -> None:
    motion = moving(0.8)
    assert motion.is_moving(NOW) and not motion.is_moving(NOW + 0.2)
    assert not motion.update(motion.position, NOW + 0.006).is_moving(NOW + 0.006)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([point(1.0, 0.5, 0.5, effort=(1.0, 1.0))], "point 0 has 2 efforts"),
        ([point(1.0, 0.5, 0.5, velocities=(0.1, 0.1)), point(2.0, 0.5, 0.5)], "point 0 has velocities, point 1 has none"),
        ([point(1.0, 0.5, 0.5), point(2.0, 0.5, 0.5, velocities=(0.1, 0.1))], "point 1 has velocities, point 0 has none"),
        ([point(1.0, 0.5, 0.5, accelerations=(0.1, 0.1))], "accelerations without velocities"),
        (
            [
                point(1.0, 0.5, 0.5, velocities=(0.0, 0.0), accelerations=(0.1, 0.1)),
                point(2.0, 0.5, 0.5, velocities=(0.0, 0.0)),
            ],
            "point 0 has accelerations, point 1 has none",
        ),
    ],
)  # fmt: skip
def test_what_no_joint_would_follow_is_refused_and_not_dropped(points: list[JointTrajectoryPoint], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        trajectory(*points)


def test_stream_with_velocities_is_followed_without_ripple_or_lag() -> None:
    """A client streams points 0.1 s ahead at 50 Hz; what comes out moves as it asked."""
    motion, given, heard = SetpointMotion(np.zeros(2), 0.0), StandardInput("external/x"), []
    chunk, speed = None, 0.5
    for tick in range(300):
        now = 0.01 * tick
        if chunk is not None:
            assert chunk.observation_stamp is not None
            rows = chunk.values[:, 0]
            at = (now - chunk.observation_stamp) / chunk.control_period
            motion = motion.update(np.array([float(np.interp(at, np.arange(len(rows)), rows)), 0.0]), now)
            heard.append((now, motion.position[0]))
        if tick % 2 == 0:
            received = now + 0.003
            ahead = point(0.1, speed * (received + 0.1), 0.0, velocities=(speed, 0.0))
            message = JointTrajectory(joint_names=["pan", "lift"], points=[ahead])
            chunk = given.from_trajectory(message, received, motion, LIMITS)
    times, targets = np.array(heard[100:]).T
    velocity = np.diff(targets) / 0.01
    assert np.abs(velocity / speed - 1.0).max() < 0.03, "ripple"
    assert np.abs(targets - speed * times).max() < 0.01, "lag"


def test_no_points_hold_the_present_target() -> None:
    chunk = trajectory()
    assert chunk.joint_names == LIMITS.names and chunk.values == pytest.approx(TARGET[None, :])


def test_unknown_joint_is_left_to_the_gate() -> None:
    assert trajectory(point(1.0, 0.5), names=("elbow",)).joint_names == ("elbow",)


@pytest.mark.parametrize(
    "points",
    [[point(1.0, 0.5)], [point(1.0, 0.5, 0.5, velocities=(0.0,))], [point(1.0)]],
    ids=["short", "velocity", "none"],
)
def test_point_with_the_wrong_number_of_values_is_refused(points: list[JointTrajectoryPoint]) -> None:
    with pytest.raises(ShapeError, match="point 0 has"):
        trajectory(*points)


def test_times_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="time_from_start"):
        trajectory(point(1.0, 0.5, 0.5), point(1.0, 0.6, 0.6))


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"position": [0.1, 0.2], "velocity": [1.0, 1.0]}, ControlMode.POSITION),
        ({"velocity": [0.1, 0.2]}, ControlMode.VELOCITY),
        ({"effort": [0.1, 0.2]}, ControlMode.EFFORT),
    ],
)
def test_joint_commands_take_the_first_quantity_that_is_given(
    fields: dict[str, list[float]], mode: ControlMode
) -> None:
    chunk = StandardInput("external/joint_commands").from_joint_state(JointState(name=["pan", "lift"], **fields), NOW)
    assert chunk.mode is mode and chunk.values == pytest.approx(np.array([[0.1, 0.2]]))
    assert (chunk.stamp, chunk.lifetime, chunk.control_period) == (NOW, 0.5, 0.0)


def test_joint_commands_of_the_wrong_length_stay_flat_for_the_gate() -> None:
    chunk = StandardInput("external/x").from_joint_state(JointState(name=["pan"], position=[0.1, 0.2]), NOW)
    assert chunk.values.shape == (2,)


def test_sequences_increase_from_wall_clock_nanoseconds() -> None:
    given = StandardInput("external/x")
    sequences = [given.next_sequence() for _ in range(1000)]
    assert all(b > a for a, b in pairwise(sequences)) and sequences[0] > 1_700_000_000 * 10**9
