"""The two standard command topics -> chunks. They carry no source, lifetime or sequence: the configuration does."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from strands_robots.control.trajectory import Trajectory
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ShapeError
from strands_robots.core.types import ControlMode, JointLimits
from strands_robots.motion.setpoint_motion import SetpointMotion
from strands_robots.ros.messages.stamps import to_seconds


@dataclass
class StandardInput:
    """One topic whose messages say nothing of their sender.

    Attributes:
        source: Who is taken as the sender, "external/<topic>".
        lifetime: How long after receipt a message may be accepted [s].
        period: Time between two rows made of a trajectory [s].
    """

    source: str
    lifetime: float = 0.5
    period: float = 0.01
    last_sequence: int = 0

    def next_sequence(self) -> int:
        """Return the next sequence, from wall-clock nanoseconds, always larger than the last."""
        self.last_sequence = max(time.time_ns(), self.last_sequence + 1)
        return self.last_sequence

    def from_joint_state(self, message: JointState, now: float) -> Chunk:
        """Return a JointState of targets as a chunk of one row.

        Positions are taken where there are any, else velocities, else efforts.

        Args:
            message: Targets, as topic_based_ros2_control and Isaac send them.
            now: ROS time of receipt [s].
        """
        values, mode = message.position, ControlMode.POSITION
        if not len(values) and len(message.velocity):
            values, mode = message.velocity, ControlMode.VELOCITY
        elif not len(values) and len(message.effort):
            values, mode = message.effort, ControlMode.EFFORT
        row: FloatArray = np.array(values, dtype=np.float64)
        return Chunk(
            source=self.source,
            sequence=self.next_sequence(),
            stamp=now,
            lifetime=self.lifetime,
            joint_names=tuple(message.name),
            values=row.reshape(1, -1) if row.size == len(message.name) else row,
            mode=mode,
        )

    def from_trajectory(
        self, message: JointTrajectory, now: float, motion: SetpointMotion, limits: JointLimits
    ) -> Chunk:
        """Return a JointTrajectory as a chunk.

        A stamp of zero starts now. A stamp in the past skips what should have happened already. A stamp in the future is waited for by a
        robot at rest; one that moves goes on to the first point. Without points it is a request to stop where the robot is.

        Args:
            message: The trajectory; its points may be unevenly spaced.
            now: ROS time of receipt [s].
            motion: How the set-point moves now; the trajectory begins with its position, velocity and acceleration.
            limits: Joint limits, for the robot's joint order.

        Raises:
            ShapeError: If a point has the wrong number of values, or not the same quantities as the others.
            ConfigurationError: If the times are not usable.

        Source: joint_trajectory_controller, user documentation, topic interface; ros2_controllers, branch jazzy, commit ed360c97d6e9,
            `validate_trajectory_msg`, which refuses efforts where the controller commands none.
        """
        names = tuple(message.joint_names)
        if not message.points:
            return self._chunk(limits.names, motion.position[None, :].copy(), now, 0.0, None)
        start = to_seconds(message.header.stamp) or now
        trajectory = trajectory_of(message)
        known = [limits.index[name] for name in names if name in limits.index]
        begin = motion.stamp if motion.is_moving(now) else now
        if len(known) == len(names) and start + trajectory.times[0] > begin:
            trajectory = _begun(trajectory, start, begin, motion, known, now)
            start = begin
        rows, period = trajectory.resample(self.period)
        is_row = len(rows) == 1
        return self._chunk(names, rows, now, 0.0 if is_row else period, None if is_row else min(start, now))

    def _chunk(self, names: tuple[str, ...], rows: FloatArray, now: float, period: float, start: float | None) -> Chunk:
        return Chunk(
            source=self.source,
            sequence=self.next_sequence(),
            stamp=now,
            lifetime=self.lifetime,
            joint_names=names,
            values=rows,
            control_period=period,
            observation_stamp=start,
        )


def _begun(
    trajectory: Trajectory, start: float, begin: float, motion: SetpointMotion, columns: list[int], now: float
) -> Trajectory:
    """Return a trajectory that starts at `start`, from the state of motion at `begin` [s, ROS time] on."""
    if start < begin:  # What is over is skipped: the first point is still to come, and the way to it begins now.
        trajectory = dataclasses.replace(trajectory, times=trajectory.times + (start - begin))
    is_moving = motion.is_moving(now)
    return trajectory.begin_at(
        motion.position[columns],
        max(start - begin, 0.0),
        motion.velocity[columns] if is_moving else None,
        motion.acceleration[columns] if is_moving else None,
    )


def trajectory_of(message: JointTrajectory) -> Trajectory:
    """Return the points of a message, which has at least one.

    Raises:
        ShapeError: If a point has the wrong number of values, or not the same quantities as the others.
        ConfigurationError: If the times are not usable.
    """
    points, width = message.points, len(message.joint_names)
    quantities = ("velocities", "accelerations")
    for i, point in enumerate(points):
        for name in ("positions", *quantities):
            given = len(getattr(point, name))
            if given != width and (given or name == "positions"):
                raise ShapeError(f"point {i} has {given} {name} for {width} joint names; valid: {width}")
        if len(point.effort):
            raise ShapeError(f"point {i} has {len(point.effort)} efforts, which no joint here takes; valid: none")
        for name in quantities:
            if bool(len(getattr(point, name))) != bool(len(getattr(points[0], name))):
                which = (0, i) if len(getattr(points[0], name)) else (i, 0)
                raise ShapeError(f"point {which[0]} has {name}, point {which[1]} has none; valid: all points, or none")
    has_velocities, has_accelerations = (bool(len(getattr(points[0], name))) and width > 0 for name in quantities)
    if has_accelerations and not has_velocities:
        raise ShapeError("the points have accelerations without velocities; valid: both, velocities alone, or neither")
    return Trajectory(
        times=np.array([to_seconds(point.time_from_start) for point in points]),
        positions=np.array([point.positions for point in points], dtype=np.float64).reshape(len(points), width),
        velocities=np.array([point.velocities for point in points], dtype=np.float64) if has_velocities else None,
        accelerations=np.array([point.accelerations for point in points], dtype=np.float64)
        if has_accelerations
        else None,
    )
