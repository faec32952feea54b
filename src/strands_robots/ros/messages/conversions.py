"""Messages <-> the core's types.

Nothing is checked here that the gate checks: a wrong shape or mode travels on and is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from strands_robots.control.gate import GateReport
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.text import printable
from strands_robots.core.types import Observation, StopCategory
from strands_robots.msg import ActionChunk, GateState, JointCommand, RefusalCount, RobotSafety, SafetyState
from strands_robots.ros.messages.stamps import fill_time, to_duration, to_seconds, to_time

if TYPE_CHECKING:
    from strands_robots.safety.supervisor import SupervisorState


def chunk_from_msg(message: ActionChunk) -> Chunk:
    """Return the chunk of an ActionChunk.

    Values of another size than horizon x joints stay flat, for the gate to refuse.
    """
    values: FloatArray = np.array(message.values, dtype=np.float64)
    shape = (message.horizon, len(message.joint_names))
    if values.size == shape[0] * shape[1]:
        values = values.reshape(shape)
    observed = to_seconds(message.observation_stamp)
    return Chunk(
        source=message.source,
        sequence=message.sequence,
        stamp=to_seconds(message.header.stamp),
        lifetime=to_seconds(message.lifetime),
        mode=message.mode,
        joint_names=tuple(message.joint_names),
        values=values,
        control_period=to_seconds(message.control_period),
        observation_stamp=observed or None,
    )


def chunk_from_command(message: JointCommand) -> Chunk:
    """Return a JointCommand as a chunk of one row.

    Values of another length than the joints stay flat, for the gate to refuse.
    """
    values: FloatArray = np.array(message.values, dtype=np.float64)
    if values.size == len(message.joint_names):
        values = values.reshape(1, -1)
    return Chunk(
        source=message.source,
        sequence=message.sequence,
        stamp=to_seconds(message.header.stamp),
        lifetime=to_seconds(message.lifetime),
        mode=message.mode,
        joint_names=tuple(message.joint_names),
        values=values,
    )


def chunk_to_msg(chunk: Chunk, inference_latency: float = 0.0) -> ActionChunk:
    """Return a chunk as an ActionChunk.

    Args:
        chunk: Chunk with values (H, D).
        inference_latency: How long the policy took [s].
    """
    message = ActionChunk(
        source=chunk.source,
        sequence=chunk.sequence,
        lifetime=to_duration(chunk.lifetime),
        mode=int(chunk.mode),
        joint_names=list(chunk.joint_names),
        horizon=int(chunk.values.shape[0]),
        control_period=to_duration(chunk.control_period),
        observation_stamp=to_time(chunk.observation_stamp or 0.0),
        inference_latency=to_duration(inference_latency),
    )
    message.values.frombytes(np.ascontiguousarray(chunk.values, dtype=np.float64).tobytes())
    fill_time(message.header.stamp, chunk.stamp)
    return message


class JointStateBuffer:
    """One JointState message that is filled in place, so that publishing at 100 Hz allocates nothing.

    Attributes:
        message: The message; publish it after `fill`.
    """

    def __init__(self, joint_names: Sequence[str], frame_id: str = "") -> None:
        size = len(joint_names)
        self.message = JointState(name=list(joint_names))
        self.message.header.frame_id = frame_id
        arrays = (self.message.position, self.message.velocity, self.message.effort)
        for array in arrays:
            array.frombytes(bytes(8 * size))
        self._position, self._velocity, self._effort = (np.frombuffer(array, dtype=np.float64) for array in arrays)

    def fill(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> JointState:
        """Set the message and return it.

        Args:
            stamp: ROS time of the measurement [s].
            position, velocity, effort: (D,) [rad], [rad/s], [Nm].
        """
        self._position[:] = position
        self._velocity[:] = velocity
        self._effort[:] = effort
        fill_time(self.message.header.stamp, stamp)
        return self.message


class JointCommandBuffer:
    """One JointCommand message that is filled in place; for command_applied.

    Attributes:
        message: The message; publish it after `fill`.
    """

    def __init__(self, joint_names: Sequence[str], frame_id: str = "") -> None:
        self.message = JointCommand(joint_names=list(joint_names))
        self.message.header.frame_id = frame_id
        self.message.values.frombytes(bytes(8 * len(joint_names)))
        self._values = np.frombuffer(self.message.values, dtype=np.float64)

    def fill(self, stamp: float, values: FloatArray, source: str, sequence: int, mode: int) -> JointCommand:
        """Set the message and return it.

        Args:
            stamp: ROS time at which the values went to the actuators [s].
            values: (D,) in the unit of `mode`.
            source: Who commanded them; empty while the robot holds on its own.
            sequence: Sequence of the chunk being played.
            mode: Number of ControlMode.
        """
        message = self.message
        self._values[:] = values
        message.source = source
        message.sequence = sequence
        message.mode = int(mode)
        fill_time(message.header.stamp, stamp)
        return message


def observation_from_joint_state(message: JointState) -> Observation:
    """Return the joint part of an observation; quantities that the message does not carry are zero."""
    names = tuple(message.name)

    def column(values: Sequence[float]) -> FloatArray:
        return np.array(values, dtype=np.float64) if len(values) == len(names) else np.zeros(len(names))

    return Observation(
        stamp=to_seconds(message.header.stamp),
        joint_names=names,
        position=column(message.position),
        velocity=column(message.velocity),
        effort=column(message.effort),
    )


def heartbeat_from_msg(message: SafetyState) -> Heartbeat:
    """Return what a gate needs of a SafetyState."""
    return Heartbeat(
        session=message.session,
        sequence=message.sequence,
        armed=message.state == SafetyState.ARMED,
        arm_epoch=message.arm_epoch,
        admitted={robot.robot: robot.session for robot in message.robots},
        reason=message.stop_reason,
        latch_counts={robot.robot: robot.latch_count for robot in message.robots},
        stop_id=message.stop_id,
    )


def safety_state_to_msg(state: SupervisorState, wall_time: float) -> SafetyState:
    """Return the supervisor's state as a message.

    Args:
        state: State after a tick.
        wall_time: Wall clock [s].
    """
    return SafetyState(
        header=_header(wall_time),
        run_id=state.run_id,
        session=state.session,
        sequence=state.sequence,
        arm_epoch=state.arm_epoch,
        state=int(state.state),
        stop_id=state.stop_id,
        stop_source=clip(state.stop_source, 128),
        stop_reason=clip(state.stop_reason, 256),
        robots=[
            RobotSafety(
                robot=r.robot,
                session=r.session,
                latch_count=r.latch_count,
                latched=r.latched,
                at_rest=r.at_rest,
                age=float(r.age),
            )
            for r in state.robots
        ],
        message=clip(state.message, 512),
    )


def gate_state_to_msg(report: GateReport, stamp: float) -> GateState:
    """Return a gate's report as a message.

    Args:
        report: Report of the gate.
        stamp: ROS time [s].
    """
    return GateState(
        header=_header(stamp),
        robot=report.robot,
        session=report.session,
        latched=report.latched,
        latch_reason=clip(report.latch_reason, 256),
        alarm=clip(report.alarm, 32),
        arm_epoch=report.arm_epoch,
        stop_category=int(report.stop_category),
        torque_enabled=report.torque_enabled,
        lease_holder=clip(report.lease_holder, 128),
        playing=report.playing,
        at_rest=report.at_rest,
        max_velocity=float(report.max_velocity),
        speed_scale=float(report.speed_scale),
        speed_zone=clip(report.speed_zone, 64),
        accepted=report.accepted,
        clamped=report.clamped,
        refusals=[RefusalCount(reason=clip(name, 32), count=count) for name, count in sorted(report.refusals.items())][
            :32
        ],
        last_refusal=clip(report.last_refusal, 1024),
        latch_count=report.latch_count,
        stop_session=clip(report.stop_session, 64),
        stop_id=report.stop_id,
        retired=report.retired,
    )


def gate_report_from_msg(message: GateState) -> GateReport:
    """Return a robot's report of its gate.

    A stop category that does not exist is taken as the mildest, for it only informs.
    """
    categories = {int(category) for category in StopCategory}
    return GateReport(
        robot=message.robot,
        session=message.session,
        latched=message.latched,
        latch_reason=message.latch_reason,
        arm_epoch=message.arm_epoch,
        stop_category=StopCategory(
            message.stop_category if message.stop_category in categories else StopCategory.CONTROLLED_AND_HOLD
        ),
        torque_enabled=message.torque_enabled,
        lease_holder=message.lease_holder,
        playing=message.playing,
        at_rest=message.at_rest,
        max_velocity=message.max_velocity,
        accepted=message.accepted,
        clamped=message.clamped,
        refusals={entry.reason: entry.count for entry in message.refusals},
        last_refusal=message.last_refusal,
        latch_count=message.latch_count,
        stop_session=message.stop_session,
        stop_id=message.stop_id,
        alarm=message.alarm,
        speed_scale=message.speed_scale,
        speed_zone=message.speed_zone,
        retired=message.retired,
    )


def clip(text: str, length: int) -> str:
    """Return the text in printable ASCII, cut to a message's bound; ends in "..." where it was cut."""
    clean = text if text.isascii() and text.isprintable() else printable(text)
    return clean if len(clean) <= length else clean[: length - 3] + "..."


def _header(stamp: float) -> Header:
    return Header(stamp=to_time(stamp))
