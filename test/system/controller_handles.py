"""A stand-in for the part of move_group that commands a robot: MoveIt's simple controller manager, in Python.

Written from the C++ of moveit2, branch jazzy, commit 4d841063574c31a21f69ae12a39fddb77a7eb984, folder
moveit_plugins/moveit_simple_controller_manager: what it reads of moveit_controllers.yaml, what its three handles put into a goal, and
what they make of a goal's end. Trajectories are as robot_trajectory.cpp gives them: stamp 0, the first point at time 0, positions,
velocities and accelerations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from graph import wait_for
from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory

EXECUTION = {4: "SUCCEEDED", 5: "PREEMPTED", 6: "ABORTED"}
"""`finishControllerExecution`: ExecutionStatus by the goal's final status."""

KINDS = {
    "FollowJointTrajectory": FollowJointTrajectory,
    "GripperCommand": GripperCommand,
    "ParallelGripperCommand": ParallelGripperCommand,
}


class ControllerHandle:
    """One controller of moveit_controllers.yaml."""

    def __init__(self, node: Any, name: str, config: Mapping[str, Any]) -> None:
        self.name, self.joints = name, list(config["joints"])
        self._node, self._config, self._kind = node, config, KINDS[config["type"]]
        self._client = ActionClient(node, self._kind, f"{name}/{config['action_ns']}")
        self.result: Any = None
        self.feedback: list[Any] = []

    def is_connected(self, timeout: float = 30.0) -> None:
        """Wait for the action server."""
        wait_for(self._client.server_is_ready, timeout, self.name)

    def send_trajectory(self, trajectory: JointTrajectory) -> None:
        """`sendTrajectory`: send what the handle makes of a trajectory."""
        self.send(self._goal(trajectory))

    def send(self, goal: Any) -> None:
        """Send a goal; a rejected one would be an error of MoveIt's."""
        kept = self.feedback
        future = self._in_executor(
            lambda: self._client.send_goal_async(goal, feedback_callback=lambda message: kept.append(message.feedback))
        )
        wait_for(future.done, 10.0, "the goal's acceptance")
        self._handle = future.result()
        assert self._handle.accepted, "Goal was rejected by server"
        self._ended = self._in_executor(self._handle.get_result_async)

    @property
    def has_ended(self) -> bool:
        """Whether the goal has ended."""
        return bool(self._ended.done())

    def cancel_execution(self) -> None:
        """`cancelExecution`."""
        wait_for(self._in_executor(self._handle.cancel_goal_async).done, 10.0, "the cancellation")

    def wait_for_execution(self, timeout: float = 30.0) -> str:
        """`waitForExecution`: return the ExecutionStatus."""
        wait_for(self._ended.done, timeout, "the end of the goal")
        self.result = self._ended.result().result
        return EXECUTION[self._ended.result().status]

    def _goal(self, trajectory: JointTrajectory) -> Any:
        if self._kind is FollowJointTrajectory:
            return FollowJointTrajectory.Goal(trajectory=trajectory)  # goal_template_ is empty
        column = list(trajectory.joint_names).index(self.joints[0])
        position = trajectory.points[-1].positions[column]
        effort = float(self._config.get("max_effort", 0.0))
        if self._kind is GripperCommand:
            goal = GripperCommand.Goal()
            goal.command.position, goal.command.max_effort = position, effort
            return goal
        goal = ParallelGripperCommand.Goal()
        goal.command.name, goal.command.position = [self.joints[0]], [position]
        if effort > 0.0:
            goal.command.effort = [effort]
        return goal

    def _in_executor(self, call: Any) -> Any:
        task = self._node.executor.create_task(call)
        wait_for(task.done, 5.0, "the executor")
        return task.result()


def controllers(node: Any, config: Mapping[str, Any]) -> dict[str, ControllerHandle]:
    """`MoveItSimpleControllerManager::initialize`: the handles that a moveit_controllers.yaml names."""
    manager = config["moveit_simple_controller_manager"]
    return {name: ControllerHandle(node, name, manager[name]) for name in manager["controller_names"]}
