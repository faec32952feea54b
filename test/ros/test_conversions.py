"""Messages and the core's types say the same, and what is malformed reaches the gate as it is."""

from __future__ import annotations

import array

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, JointCommand, RefusalCount, RobotSafety, SafetyState

from strands_robots.core.chunk import Chunk
from strands_robots.core.types import ControlMode, StopCategory
from strands_robots.ros.messages.conversions import (
    JointCommandBuffer,
    JointStateBuffer,
    chunk_from_command,
    chunk_from_msg,
    chunk_to_msg,
    clip,
    gate_report_from_msg,
    gate_state_to_msg,
    heartbeat_from_msg,
    observation_from_joint_state,
    safety_state_to_msg,
)
from strands_robots.safety.supervisor import GraphState, RobotEvidence, SupervisorState


def _chunk() -> Chunk:
    return Chunk(
        source="policy/test", sequence=7, stamp=12.25, lifetime=0.5, joint_names=("a", "b"),
        values=np.arange(6.0).reshape(3, 2), mode=ControlMode.POSITION, control_period=0.02, observation_stamp=12.125,
    )  # fmt: skip


def test_chunk_survives_the_way_through_a_message() -> None:
    chunk = _chunk()
    message = chunk_to_msg(chunk, inference_latency=0.125)
    back = chunk_from_msg(message)
    np.testing.assert_array_equal(back.values, chunk.values)
    for name in (
        "source",
        "sequence",
        "stamp",
        "lifetime",
        "joint_names",
        "mode",
        "control_period",
        "observation_stamp",
    ):
        assert getattr(back, name) == getattr(chunk, name)
    assert (message.horizon, message.inference_latency.nanosec) == (3, 125_000_000)


def test_chunk_without_observation_plays_on_arrival() -> None:
    assert chunk_from_msg(ActionChunk(horizon=1, joint_names=["a"], values=[1.0])).observation_stamp is None


@pytest.mark.parametrize(
    ("horizon", "names", "count"), [(2, ["a", "b"], 3), (0, ["a"], 1), (4, [], 2), (2**32 - 1, ["a"], 2)]
)
def test_chunk_of_wrong_size_stays_flat_for_the_gate(horizon: int, names: list[str], count: int) -> None:
    chunk = chunk_from_msg(ActionChunk(horizon=horizon, joint_names=names, values=[0.0] * count))
    assert chunk.values.shape == (count,)


def test_command_is_a_chunk_of_one_row() -> None:
    chunk = chunk_from_command(JointCommand(source="operator/x", joint_names=["a", "b"], values=[1.0, 2.0], mode=9))
    np.testing.assert_array_equal(chunk.values, [[1.0, 2.0]])
    assert (chunk.mode, chunk.control_period, chunk.observation_stamp) == (9, 0.0, None)
    assert chunk_from_command(JointCommand(joint_names=["a"], values=[1.0, 2.0])).values.shape == (2,)


def test_buffers_publish_what_was_filled_in_last() -> None:
    buffer = JointStateBuffer(("a", "b"))
    buffer.fill(1.5, np.ones(2), np.zeros(2), np.zeros(2))
    message = buffer.fill(2.5, np.array([1.0, -1.0]), np.array([2.0, 3.0]), np.array([4.0, 5.0]))
    assert message == JointState(
        header=message.header, name=["a", "b"], position=[1.0, -1.0], velocity=[2.0, 3.0], effort=[4.0, 5.0]
    )
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (2, 500_000_000)
    command = JointCommandBuffer(("a", "b")).fill(0.25, np.array([1.0, 2.0]), "policy/x", 3, ControlMode.POSITION)
    assert (command.source, command.sequence, command.values) == ("policy/x", 3, array.array("d", [1.0, 2.0]))


def test_observation_fills_what_a_joint_state_leaves_out() -> None:
    observation = observation_from_joint_state(JointState(name=["a", "b"], position=[1.0, 2.0]))
    np.testing.assert_array_equal(observation.position, [1.0, 2.0])
    np.testing.assert_array_equal(observation.velocity, [0.0, 0.0])


def test_heartbeat_says_who_is_admitted() -> None:
    robots = [RobotSafety(robot="so101", session="s1"), RobotSafety(robot="other", session="s2")]
    beat = heartbeat_from_msg(SafetyState(session="s", sequence=3, state=SafetyState.ARMED, arm_epoch=2, robots=robots))
    assert (beat.session, beat.sequence, beat.armed, beat.arm_epoch) == ("s", 3, True, 2)
    assert beat.admitted == {"so101": "s1", "other": "s2"}
    assert not heartbeat_from_msg(SafetyState(state=SafetyState.STOPPING)).armed


def test_supervisor_state_becomes_a_message_with_the_same_fields() -> None:
    evidence = RobotEvidence("so101", "s1", latched=True, at_rest=False, age=0.5)
    state = SupervisorState(
        "run", "s", 4, 2, GraphState.STOPPING, 1, "operator/x", "why", (evidence,), "text \u00e4" + "x" * 600
    )
    message = safety_state_to_msg(state, 1700000000.0)
    assert (message.run_id, message.sequence, message.arm_epoch, message.state, message.stop_id) == ("run", 4, 2, 2, 1)
    assert message.robots == [RobotSafety(robot="so101", session="s1", latched=True, at_rest=False, age=0.5)]
    assert message.message.isascii()
    assert len(message.message) == 512


def test_gate_report_survives_the_way_through_a_message() -> None:
    message = GateState(
        robot="so101", session="s", latched=True, latch_reason="why", arm_epoch=3, stop_category=2, torque_enabled=True,
        lease_holder="policy/x", playing=True, at_rest=True, max_velocity=0.5, accepted=5, clamped=1,
        refusals=[RefusalCount(reason="expired", count=2)], last_refusal="expired: text",
    )  # fmt: skip
    report = gate_report_from_msg(message)
    assert report.stop_category is StopCategory.CONTROLLED_AND_HOLD
    assert report.refusals == {"expired": 2}
    message.header.stamp.sec = 4
    assert gate_state_to_msg(report, 4.0) == message


def test_clip_is_printable_ascii_within_the_bound() -> None:
    assert clip("a\nb\u00e9", 32) == "a\\nb\\xe9"
    assert clip("x" * 40, 32) == "x" * 29 + "..."
