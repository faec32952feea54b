"""What every robot on the graph does, simulated or real. A subclass gives the fixture `robot`, started once."""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from graph import wait_for
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from strands_robots.msg import JointCommand, StopRequest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

from .robot_under_test import RobotUnderTest

PUBLISHED = {
    "joint_states": "sensor_msgs/msg/JointState",
    "robot_description": "std_msgs/msg/String",
    "command_applied": "strands_robots/msg/JointCommand",
    "gate_state": "strands_robots/msg/GateState",
}
SUBSCRIBED = {
    "command": "strands_robots/msg/JointCommand",
    "action_chunk": "strands_robots/msg/ActionChunk",
    "joint_trajectory": "trajectory_msgs/msg/JointTrajectory",
    "joint_commands": "sensor_msgs/msg/JointState",
}
NAN, INF = float("nan"), float("inf")


class RobotContract:
    """The contract. Every test leaves the robot alive; `free` arms it and waits until nobody holds it."""

    @pytest.fixture
    def free(self, robot: RobotUnderTest) -> RobotUnderTest:
        robot.make_free()
        return robot

    # --- Names, types, quality of service --------------------------------------------------------------------------

    def test_starts_latched(self, robot: RobotUnderTest) -> None:
        assert robot.first_gate.latched and robot.first_gate.latch_reason
        assert robot.first_gate.robot == robot.name and robot.first_gate.session

    @pytest.mark.parametrize(("topic", "kind"), [*PUBLISHED.items(), *SUBSCRIBED.items()])
    def test_topic_has_its_type_and_is_reliable(self, robot: RobotUnderTest, topic: str, kind: str) -> None:
        name = f"/{robot.name}/{topic}"
        find = (
            robot.client.get_publishers_info_by_topic
            if topic in PUBLISHED
            else robot.client.get_subscriptions_info_by_topic
        )
        own = [info for info in find(name) if info.node_name != robot.client.get_name()]
        assert [info.topic_type for info in own] == [kind], f"exactly one endpoint on {name}"
        assert own[0].qos_profile.reliability is ReliabilityPolicy.RELIABLE
        is_latched = topic == "robot_description"
        assert own[0].qos_profile.durability is (
            DurabilityPolicy.TRANSIENT_LOCAL if is_latched else DurabilityPolicy.VOLATILE
        )

    def test_robot_description_is_urdf_with_the_joints_for_late_readers(self, robot: RobotUnderTest) -> None:
        heard = robot.client.listen(String, f"{robot.name}/robot_description", qos.DESCRIPTION)
        root = ElementTree.fromstring(wait_for(lambda: heard and heard[0].data, what="robot_description"))
        assert root.tag == "robot"
        assert set(robot.joints) <= {joint.get("name") for joint in root.iter("joint")}

    # --- What it says ----------------------------------------------------------------------------------------------

    def test_joint_states_come_at_100_hz_of_ros_time(self, robot: RobotUnderTest) -> None:
        robot.states.clear()
        wait_for(lambda: len(robot.states) >= 100, 20.0, "100 joint states")
        stamps = [to_seconds(state.header.stamp) for state in list(robot.states)[:100]]
        assert np.median(np.diff(stamps)) == pytest.approx(0.01, abs=0.001)
        assert (np.diff(stamps) > 0.0).all()

    def test_joint_states_are_complete(self, robot: RobotUnderTest) -> None:
        state = robot.states[-1]
        assert list(state.name) == robot.joints
        for array in (state.position, state.velocity, state.effort):
            assert len(array) == len(robot.joints) and np.isfinite(array).all()

    def test_command_applied_comes_every_control_tick_while_holding(self, free: RobotUnderTest) -> None:
        free.applied.clear()
        wait_for(lambda: len(free.applied) >= 100, 20.0, "100 applied commands")
        applied = list(free.applied)
        stamps = [to_seconds(command.header.stamp) for command in applied]
        assert np.median(np.diff(stamps)) == pytest.approx(0.01, abs=0.001)
        assert {command.source for command in applied} == {""}
        assert np.ptp([list(command.values) for command in applied], axis=0) == pytest.approx(0.0)

    def test_gate_state_comes_at_20_hz(self, robot: RobotUnderTest) -> None:
        robot.gates.clear()
        start = time.monotonic()
        wait_for(lambda: len(robot.gates) >= 20, 10.0, "20 gate states")
        assert time.monotonic() - start < 3.0

    # --- What it accepts -------------------------------------------------------------------------------------------

    def test_command_moves_the_joint_and_is_reported(self, free: RobotUnderTest) -> None:
        goal = free.other(0, 0.3)
        accepted = free.gate.accepted
        command = free.command(goal)
        free.applied.clear()
        free.command_publisher.publish(command)
        wait_for(
            lambda: any(a.source == "operator/test" for a in list(free.applied)), what="command_applied of the source"
        )
        assert next(a for a in list(free.applied) if a.source).sequence == command.sequence
        free.moved_to(0, goal[0])
        wait_for(lambda: free.gate.accepted == accepted + 1, what="accepted counted")

    def test_command_for_one_joint_leaves_the_others(self, free: RobotUnderTest) -> None:
        goal, before = free.other(1, 0.2), free.target
        free.command_publisher.publish(free.command([goal[1]], joint_names=[free.joints[1]]))
        free.moved_to(1, goal[1])
        assert [v for i, v in enumerate(free.target) if i != 1] == pytest.approx(
            [v for i, v in enumerate(before) if i != 1]
        )

    def test_chunk_is_played_and_its_last_row_held(self, free: RobotUnderTest) -> None:
        start, goal = np.array(free.target), np.array(free.other(0, 0.4))
        rows = [(start + (goal - start) * 0.5 * (1.0 - np.cos(np.pi * s))).tolist() for s in np.linspace(0.0, 1.0, 50)]
        free.applied.clear()
        free.chunk_publisher.publish(free.chunk(rows, 0.02))
        free.moved_to(0, goal[0])
        wait_for(lambda: not free.gate.playing, what="the end of the chunk")
        played = np.array([list(a.values) for a in list(free.applied) if a.source])
        assert len(played) > 50 and np.abs(np.diff(played[:, 0])).max() < 0.05
        time.sleep(0.3)
        assert free.target == pytest.approx(goal.tolist(), abs=1e-6)

    def test_joint_trajectory_with_uneven_points_is_played(self, free: RobotUnderTest) -> None:
        start, goal = free.target, free.other(0, 0.3)
        middle = [0.5 * (a + b) for a, b in zip(start, goal)]
        points = [_point(start, 0.0), _point(middle, 0.37), _point(goal, 0.9)]
        free.trajectory_publisher.publish(JointTrajectory(joint_names=free.joints, points=points))
        wait_for(lambda: free.gate.lease_holder == "external/joint_trajectory", what="the topic's source")
        free.moved_to(0, goal[0])

    def test_empty_joint_trajectory_stops_the_motion(self, free: RobotUnderTest) -> None:
        goal = free.other(0, 0.8)
        free.trajectory_publisher.publish(JointTrajectory(joint_names=free.joints, points=[_point(goal, 4.0)]))
        before = free.position[0]
        wait_for(lambda: abs(free.position[0] - before) > 0.05, what="motion")
        free.trajectory_publisher.publish(JointTrajectory(joint_names=free.joints))
        wait_for(lambda: free.gate.at_rest and not free.gate.playing, what="rest")
        assert abs(free.position[0] - goal[0]) > 0.3

    def test_joint_commands_of_ros2_control_move_the_joint(self, free: RobotUnderTest) -> None:
        goal = free.other(0, 0.2)
        free.joint_commands_publisher.publish(JointState(name=free.joints, position=goal))
        wait_for(lambda: free.gate.lease_holder == "external/joint_commands", what="the topic's source")
        free.moved_to(0, goal[0])

    # --- What it refuses -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            ("not_finite", {"values": NAN}),
            ("not_finite", {"values": INF}),
            ("not_finite", {"values": -INF}),
            ("wrong_length", {"values": []}),
            ("wrong_length", {"values": [0.0]}),
            ("wrong_length", {"values": [0.0] * 64}),
            ("wrong_length", {"joint_names": [], "values": []}),
            ("unknown_joint", {"joint_names": ["no_such_joint"], "values": [0.0]}),
            ("unsupported_mode", {"mode": 250}),
            ("unsupported_mode", {"mode": JointCommand.MODE_EFFORT}),
            ("expired", {"stamp": -10.0}),
            ("future", {"stamp": 10.0}),
            ("invalid_time", {"lifetime": to_duration(0.0)}),
            ("sequence", {"sequence": 0}),
            ("malformed_source", {"source": ""}),
            ("malformed_source", {"source": "root/me"}),
            ("malformed_source", {"source": "operator"}),
        ],
    )
    def test_bad_command_is_refused_by_name(self, free: RobotUnderTest, reason: str, changes: dict[str, Any]) -> None:
        free.command_publisher.publish(free.command(free.target))
        changes = dict(changes)
        if isinstance(changes.get("values"), float):
            changes["values"] = [changes["values"], *free.other(0, 0.3)[1:]]
        if isinstance(changes.get("stamp"), float):
            changes["stamp"] = to_time(max(free.now() + changes["stamp"], 0.001))
        wait_for(lambda: free.gate.lease_holder == "operator/test", what="the valid command")
        before = free.target
        words = free.refused(
            lambda: free.command_publisher.publish(free.command(free.other(0, 0.3), **changes)), reason
        )
        assert (words.startswith(f"{reason}: ") and "valid" in words) or "class/name" in words
        assert free.target == pytest.approx(before)

    def test_replayed_command_is_refused(self, free: RobotUnderTest) -> None:
        command = free.command(free.target)
        free.command_publisher.publish(command)
        wait_for(lambda: free.gate.lease_holder == "operator/test", what="the first one")
        free.refused(lambda: free.command_publisher.publish(command), "sequence")

    def test_chunk_that_is_not_rows_by_joints_is_refused(self, free: RobotUnderTest) -> None:
        rows = [free.target] * 4
        free.refused(lambda: free.chunk_publisher.publish(free.chunk(rows, 0.02, horizon=5)), "wrong_length")
        free.refused(lambda: free.chunk_publisher.publish(free.chunk(rows, 0.02, horizon=0)), "wrong_length")
        free.refused(lambda: free.chunk_publisher.publish(free.chunk(rows, 0.0)), "invalid_time")

    def test_trajectory_that_cannot_be_played_is_refused(self, free: RobotUnderTest) -> None:
        def send(*points: JointTrajectoryPoint) -> None:
            free.trajectory_publisher.publish(JointTrajectory(joint_names=free.joints, points=list(points)))

        here = free.target
        free.refused(lambda: send(_point(here[:-1], 1.0)), "wrong_length")
        free.refused(lambda: send(_point(here, 1.0), _point(here, 1.0)), "invalid_time")
        free.refused(lambda: send(_point(here, 1e6)), "invalid_time")
        free.refused(lambda: send(_point([NAN] * len(here), 1.0)), "not_finite")

    def test_target_outside_the_limits_is_clamped_and_counted(self, free: RobotUnderTest) -> None:
        clamped = free.gate.clamped
        far = free.target
        far[0] = free.upper[0] + 0.5
        free.applied.clear()
        free.command_publisher.publish(free.command(far))
        wait_for(lambda: free.gate.clamped == clamped + 1, what="clamped counted")
        wait_for(lambda: not free.gate.playing, 10.0, "the end of the motion")
        assert max(a.values[0] for a in list(free.applied)) <= free.upper[0] + 1e-9
        free.moved_to(0, free.upper[0])
        free.command_publisher.publish(free.command(free.other(0, 0.5)))
        wait_for(lambda: not free.gate.playing, 10.0, "the way back")

    def test_second_source_of_the_same_class_is_refused_and_a_higher_one_takes_over(self, free: RobotUnderTest) -> None:
        here = free.target
        free.command_publisher.publish(free.command(here, source="policy/a"))
        wait_for(lambda: free.gate.lease_holder == "policy/a", what="the lease")
        words = free.refused(lambda: free.command_publisher.publish(free.command(here, source="policy/b")), "lease")
        assert "policy/a" in words
        free.command_publisher.publish(free.command(here, source="policy/a"))
        free.command_publisher.publish(free.command(here, source="operator/x"))
        wait_for(lambda: free.gate.lease_holder == "operator/x", what="the takeover")

    def test_arrays_of_ten_megabytes_are_refused(self, free: RobotUnderTest) -> None:
        accepted = free.gate.accepted
        huge = JointState(name=free.joints)
        huge.position.frombytes(np.zeros(1_310_720).tobytes())
        free.refused(lambda: free.joint_commands_publisher.publish(huge), "too_large", "wrong_length")
        point = JointTrajectoryPoint(time_from_start=to_duration(1.0))
        point.positions.frombytes(np.zeros(1_310_720).tobytes())
        trajectory = JointTrajectory(joint_names=free.joints, points=[point])
        free.refused(lambda: free.trajectory_publisher.publish(trajectory), "too_large", "wrong_length")
        assert free.gate.accepted == accepted

    def test_messages_beyond_their_bounds_do_no_harm(self, free: RobotUnderTest) -> None:
        # The bound is only checked by our own side when the message is set; a foreign writer may send anything.
        accepted = free.gate.accepted
        data = bytearray(serialize_message(free.command(free.target)))
        for junk in (bytes(data[:20]), bytes(data) + bytes(10_000_000), b"\x00\x01\x00\x00" + b"\xff" * 1000):
            free.publisher(JointCommand, f"{free.name}/command", qos.COMMAND).publish(junk)
        self._is_alive(free)
        assert free.gate.accepted <= accepted + 1, "only the one that is a command with a tail may count"

    def test_flood_of_commands_changes_nothing_but_counters(self, free: RobotUnderTest) -> None:
        before = free.refusals("unknown_joint")
        for _ in range(500):
            free.command_publisher.publish(free.command([0.0], joint_names=["no_such_joint"]))
        wait_for(lambda: free.refusals("unknown_joint") > before, what="refusals")
        self._is_alive(free)
        assert not free.gate.latched

    # --- Stop and resume -------------------------------------------------------------------------------------------

    def test_stop_request_stops_latches_and_only_a_new_epoch_lets_it_move(self, free: RobotUnderTest) -> None:
        goal = free.other(0, 0.6)
        self._start_motion(free, goal)
        free.stop_publisher.publish(StopRequest(source="operator/test", reason="contract"))
        wait_for(lambda: free.gate.latched and free.gate.at_rest, what="stopped at rest")
        assert free.gate.latch_reason.startswith("stop") and not free.gate.lease_holder
        held = free.target
        assert abs(held[0] - goal[0]) > 0.05
        # The same epoch goes on being announced, and commands go on coming.
        words = free.refused(lambda: free.command_publisher.publish(free.command(goal)), "latched")
        assert "resume" in words
        time.sleep(0.4)
        assert free.gate.latched and free.target == pytest.approx(held)
        free.arm()
        time.sleep(0.2)
        assert free.target == pytest.approx(held), "resuming restarts no motion"
        free.command_publisher.publish(free.command(goal))
        free.moved_to(0, goal[0])

    @pytest.mark.parametrize(
        "data",
        [
            b"\x00\x01\x00\x00",
            b"\x00\x01\x00\x00" + b"\xff" * 36,
            pytest.param(
                b"\xff" * 40,
                marks=pytest.mark.skipif(
                    os.environ.get("RMW_IMPLEMENTATION") == "rmw_cyclonedds_cpp",
                    reason="Cyclone DDS itself drops what has no CDR header: it reaches no subscriber",
                ),
            ),
        ],
        ids=["header only", "garbage behind a header", "garbage"],
    )
    def test_stop_request_that_cannot_be_read_stops_as_well(self, free: RobotUnderTest, data: bytes) -> None:
        publisher = free.publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        publisher.publish(data)
        wait_for(lambda: free.gate.latched, what="latched")

    def test_supervisor_that_says_stop_stops(self, free: RobotUnderTest) -> None:
        self._start_motion(free, free.other(0, 0.5))
        free.supervisor.disarm()
        wait_for(lambda: free.gate.latched and free.gate.at_rest, what="stopped at rest")

    def test_silent_supervisor_stops_and_its_return_is_no_resume(self, free: RobotUnderTest) -> None:
        self._start_motion(free, free.other(0, 0.6))
        free.supervisor.is_silent = True
        wait_for(lambda: free.gate.latch_reason == "heartbeat_lost" and free.gate.at_rest, what="heartbeat_lost")
        free.supervisor.is_silent = False
        time.sleep(0.3)
        assert free.gate.latched

    def test_arming_another_session_arms_nothing(self, free: RobotUnderTest) -> None:
        free.stop_publisher.publish(StopRequest())
        wait_for(lambda: free.gate.latched, what="latched")
        free.supervisor.disarm()
        time.sleep(0.15)
        free.supervisor.arm()
        free.supervisor.admitted = "another start of the robot node"
        time.sleep(0.4)
        assert free.gate.latched

    @staticmethod
    def _start_motion(free: RobotUnderTest, goal: list[float]) -> None:
        """Begin a slow motion towards the goal, and wait until the joint moves."""
        start, goal_array = np.array(free.target), np.array(goal)
        rows = [(start + (goal_array - start) * s).tolist() for s in np.linspace(0.0, 1.0, 200)]
        before = free.position[0]
        free.chunk_publisher.publish(free.chunk(rows, 0.02))
        wait_for(lambda: abs(free.position[0] - before) > 0.02, what="motion")

    @staticmethod
    def _is_alive(robot: RobotUnderTest) -> None:
        robot.states.clear()
        robot.gates.clear()
        wait_for(lambda: len(robot.states) > 20 and len(robot.gates) > 2, 15.0, "a living robot")
        assert all(process.exit_code is None for process in robot.graph.processes)


def _point(positions: list[float], seconds: float) -> JointTrajectoryPoint:
    return JointTrajectoryPoint(positions=positions, time_from_start=to_duration(seconds))
