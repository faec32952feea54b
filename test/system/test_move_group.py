"""What move_group sends to a robot's controllers, on a real graph; a stand-in for it, written from its sources, does."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import yaml
from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from control_msgs.msg import JointTolerance
from graph import Graph, wait_for
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from strands_robots.description.robot_config import load_robot
from strands_robots.motion.path import quintic
from strands_robots.planning.moveit.moveit_config import moveit_files
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

from .controller_handles import ControllerHandle, controllers
from .motion_graph import MotionGraph

ARM = ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"]
HOME = load_robot("so101").home
Code = FollowJointTrajectory.Result


class MoveGroup:
    """The stand-in, in the namespace of the robot as moveit.launch.py starts it, and the graph."""

    def __init__(self, processes: Graph, graph: MotionGraph) -> None:
        self.graph, self.moving = processes, graph
        text = moveit_files(load_robot("so101"), samples=200)["moveit_controllers.yaml"]
        config = yaml.safe_load(text)
        manager = config["moveit_simple_controller_manager"]
        renamed = {f"so101/{name}": manager[name] for name in manager["controller_names"]}
        older = {"so101/gripper_action_controller": {**manager["gripper_controller"], "type": "GripperCommand"}}
        everything = {**renamed, **older}
        self.handles = controllers(
            graph.client,
            {"moveit_simple_controller_manager": {"controller_names": list(everything), **everything}},
        )
        for handle in self.handles.values():
            handle.is_connected()

    @property
    def arm(self) -> ControllerHandle:
        return self.handles["so101/joint_trajectory_controller"]

    def trajectory(self, ends: dict[str, float], duration: float, count: int = 20) -> JointTrajectory:
        """A trajectory of the whole arm from where it was measured, as MoveIt's time parameterization leaves it."""
        names = list(self.moving.joints[-1].name)
        now = dict(zip(names, self.moving.positions()))
        start = np.array([now[name] for name in ARM])
        way = np.array([ends.get(name, now[name]) for name in ARM]) - start
        message = JointTrajectory(joint_names=list(ARM))
        for time in np.linspace(0.0, duration, count):
            tau = time / duration
            rate = 30.0 * tau**2 * (1.0 - tau) ** 2 / duration
            bend = 60.0 * tau * (1.0 - tau) * (1.0 - 2.0 * tau) / duration**2
            message.points.append(
                JointTrajectoryPoint(
                    positions=(start + float(quintic(np.array([tau]))[0]) * way).tolist(),
                    velocities=(rate * way).tolist(),
                    accelerations=(bend * way).tolist(),
                    time_from_start=to_duration(float(time)),
                )
            )
        return message

    def begin(self, handle: ControllerHandle, beyond: float) -> None:
        """Send the way to 1.5 rad of the first joint, and wait until it is beyond a position; a goal that ends instead says why."""
        handle.send_trajectory(self.trajectory({"shoulder_pan": 1.5}, 4.0))
        wait_for(lambda: self.moving.positions()[0] > beyond or handle.has_ended, 10.0, "motion")
        assert not handle.has_ended, handle.wait_for_execution() + ": " + handle.result.error_string

    def goal(self, ends: dict[str, float], duration: float, **fields: Any) -> FollowJointTrajectory.Goal:
        return FollowJointTrajectory.Goal(trajectory=self.trajectory(ends, duration), **fields)


@pytest.fixture(scope="module")
def move_group(tmp_path_factory: pytest.TempPathFactory) -> Generator[MoveGroup, None, None]:
    with Graph() as graph:
        yield MoveGroup(graph, MotionGraph(graph, tmp_path_factory.mktemp("latch")))


@pytest.fixture(autouse=True)
def begin_at_home(move_group: MoveGroup) -> None:
    if move_group.moving.is_latched:
        move_group.moving.resume()
    result = move_group.moving.move(joint_names=list(HOME), positions=list(HOME.values())).result()
    assert result.success, result.message


def test_a_planned_trajectory_is_executed_and_the_joints_are_there(move_group: MoveGroup) -> None:
    arm = move_group.arm
    arm.feedback.clear()
    began = to_seconds(move_group.moving.applied[-1].header.stamp)
    arm.send_trajectory(move_group.trajectory({"shoulder_pan": 0.6, "wrist_flex": 0.5}, 1.5))
    assert arm.wait_for_execution() == "SUCCEEDED", arm.result.error_string
    assert arm.result.error_code == Code.SUCCESSFUL
    assert move_group.moving.positions()[0] == pytest.approx(0.6, abs=0.02)
    sources = [
        message.source for message in list(move_group.moving.applied) if to_seconds(message.header.stamp) > began
    ]
    first = sources.index("external/controllers")
    # Once the path has ended the robot holds, and that is for no source; on a busy machine the result is heard later than that.
    assert set(sources[first:]) <= {"external/controllers", ""}
    feedback = arm.feedback[len(arm.feedback) // 2]
    assert list(feedback.joint_names) == ARM
    error = np.array(feedback.desired.positions) - np.array(feedback.actual.positions)
    assert list(feedback.error.positions) == pytest.approx(list(error))
    # The gripper follows without waiting for the arm's lease.
    gripper = move_group.handles["so101/gripper_controller"]
    gripper.send_trajectory(JointTrajectory(joint_names=["gripper"], points=[JointTrajectoryPoint(positions=[1.0])]))
    assert gripper.wait_for_execution() == "SUCCEEDED"
    assert gripper.result.reached_goal and not gripper.result.stalled
    assert gripper.result.state.position[0] == pytest.approx(1.0, abs=0.05)
    older = move_group.handles["so101/gripper_action_controller"]
    older.send_trajectory(JointTrajectory(joint_names=["gripper"], points=[JointTrajectoryPoint(positions=[0.5])]))
    assert older.wait_for_execution() == "SUCCEEDED" and older.result.position == pytest.approx(0.5, abs=0.05)


def test_cancelling_brakes_and_ends_as_preempted(move_group: MoveGroup) -> None:
    arm = move_group.arm
    move_group.begin(arm, 0.2)
    arm.cancel_execution()
    assert arm.wait_for_execution() == "PREEMPTED"
    assert move_group.moving.positions()[0] < 1.3


def test_a_newer_trajectory_preempts_the_older_one(move_group: MoveGroup) -> None:
    first, second = (
        move_group.arm,
        ControllerHandle(
            move_group.moving.client,
            "so101/joint_trajectory_controller",
            {"type": "FollowJointTrajectory", "action_ns": "follow_joint_trajectory", "joints": ARM},
        ),
    )
    second.is_connected()
    move_group.begin(first, 0.1)
    back = JointTrajectory(joint_names=["shoulder_pan"])
    back.points = [JointTrajectoryPoint(positions=[0.0], time_from_start=to_duration(1.5))]
    second.send(FollowJointTrajectory.Goal(trajectory=back))
    assert first.wait_for_execution() == "ABORTED"
    assert (first.result.error_code, first.result.error_string) == (
        Code.INVALID_GOAL, "Current goal preempted by new incoming action.",
    )  # fmt: skip
    assert second.wait_for_execution() == "SUCCEEDED", second.result.error_string
    assert move_group.moving.positions()[0] == pytest.approx(0.0, abs=0.02)


def test_a_stop_ends_the_trajectory_at_once_and_says_why(move_group: MoveGroup) -> None:
    arm = move_group.arm
    move_group.begin(arm, 0.1)
    move_group.moving.stop()
    assert arm.wait_for_execution() == "ABORTED"
    assert arm.result.error_code == Code.INVALID_GOAL and "latched" in arm.result.error_string
    # A latched robot moves for no new goal either.
    arm.send_trajectory(move_group.trajectory({"shoulder_pan": 0.0}, 1.0))
    assert arm.wait_for_execution() == "ABORTED" and "latched" in arm.result.error_string


def test_goals_that_cannot_be_played_end_with_the_code_of_the_controller(move_group: MoveGroup) -> None:
    def code(goal: FollowJointTrajectory.Goal, words: str) -> int:
        move_group.arm.send(goal)
        assert move_group.arm.wait_for_execution() == "ABORTED"
        assert re.search(words, move_group.arm.result.error_string), move_group.arm.result.error_string
        return int(move_group.arm.result.error_code)

    before = move_group.moving.positions()
    goal = move_group.goal({}, 1.0)
    goal.trajectory.joint_names[0] = "shoulder"
    assert code(goal, "unknown joint 'shoulder'; valid: .*did you mean 'shoulder_pan'") == Code.INVALID_JOINTS
    assert code(FollowJointTrajectory.Goal(), "no points") == Code.INVALID_GOAL
    goal = move_group.goal({}, 1.0)
    now = to_seconds(move_group.moving.joints[-1].header.stamp)
    goal.trajectory.header.stamp = to_time(max(now - 3.0, 0.01))
    wait_for(lambda: to_seconds(move_group.moving.joints[-1].header.stamp) > 2.0, 10.0, "time")
    assert code(goal, "ended") == Code.OLD_HEADER_TIMESTAMP
    goal = move_group.goal({}, 1.0)
    goal.trajectory.points[3].time_from_start = goal.trajectory.points[2].time_from_start
    assert code(goal, "time_from_start") == Code.INVALID_GOAL
    goal = move_group.goal({}, 1.0, path_tolerance=[JointTolerance(name="wrist_roll", position=-2.0)])
    assert code(goal, "-1 for none") == Code.INVALID_GOAL
    goal = move_group.goal(
        {"shoulder_pan": 1.5}, 1.2, path_tolerance=[JointTolerance(name="shoulder_pan", position=0.005)]
    )
    assert code(goal, "path_tolerance: 0.005") == Code.PATH_TOLERANCE_VIOLATED
    goal = move_group.goal({"elbow_flex": 0.4}, 1.0, goal_tolerance=[JointTolerance(name="elbow_flex", position=1e-9)])
    goal.goal_time_tolerance = to_duration(0.2)
    assert code(goal, "did not come to the target within 0.2 s") == Code.GOAL_TOLERANCE_VIOLATED
    assert len(before) == 6


def test_a_robot_that_carries_out_another_goal_is_not_taken(move_group: MoveGroup) -> None:
    moving = move_group.moving.move(joint_names=["shoulder_pan"], positions=[1.2], speed_scale=0.1)
    move_group.arm.send_trajectory(move_group.trajectory({}, 1.0))
    assert move_group.arm.wait_for_execution() == "ABORTED"
    assert "already carries out move_to" in move_group.arm.result.error_string
    gripper = move_group.handles["so101/gripper_controller"]
    gripper.send(ParallelGripperCommand.Goal())
    assert gripper.wait_for_execution() == "ABORTED"
    older = move_group.handles["so101/gripper_action_controller"]
    older.send(GripperCommand.Goal())
    assert older.wait_for_execution() == "ABORTED"
    moving.cancel()
    moving.result()
