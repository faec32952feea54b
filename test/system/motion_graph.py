"""sim_node, safety_node and motion_node as processes, and a client that asks for motions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from graph import Graph, wait_for
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from strands_robots.action import MoveTo, SetGripper
from strands_robots.msg import ActionChunk, GateState, JointCommand, SafetyState
from strands_robots.srv import ResetWorld, ResumeGraph, StopGraph

from strands_robots.core.chunk import Chunk
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import chunk_to_msg
from strands_robots.ros.messages.stamps import to_seconds

PATIENCE = 2.0
"""Heartbeats and reports may be this late [s]: motions are tested here, on a machine that is busy with other things."""

GOAL_STATUS = {4: "succeeded", 5: "canceled", 6: "aborted"}


class Asked:
    """One goal that was sent."""

    def __init__(self, client: ActionClient, goal: Any) -> None:
        self.feedback: list[Any] = []
        self._client = client
        keep = self.feedback
        sent = self._asynchronously(
            lambda: client.send_goal_async(goal, feedback_callback=lambda message: keep.append(message.feedback))
        )
        wait_for(sent.done, 10.0, "the goal's acceptance")
        self.handle = sent.result()
        assert self.handle.accepted
        self._result = self._asynchronously(self.handle.get_result_async)

    def cancel(self) -> None:
        """Ask for the end of the goal."""
        wait_for(self._asynchronously(self.handle.cancel_goal_async).done, 10.0, "the answer to the cancellation")

    def _asynchronously(self, call: Callable[[], Any]) -> Any:
        """Return the future that `call` returns.

        The executor's thread calls it: rclpy's action client forgets an answer that comes before the call returned.
        """
        task = self._client._node.executor.create_task(call)
        wait_for(task.done, 5.0, "the executor")
        return task.result()

    def result(self, timeout: float = 30.0) -> Any:
        """Return the result."""
        wait_for(self._result.done, timeout, "the result")
        self.status = GOAL_STATUS.get(self._result.result().status, "")
        return self._result.result().result


class MotionGraph:
    """The processes and what the client sees of them."""

    def __init__(self, graph: Graph, folder: Path, mode: str = "realtime", robots: tuple[str, ...] = ("so101=so101",)):
        names = [robot.partition("=")[0] for robot in robots]
        self.graph = graph
        self.sim = graph.start("sim_node", robots=list(robots), cameras=False, mode=mode, heartbeat_timeout=PATIENCE)
        self.safety = graph.start(
            "safety_node",
            run_id="run-1",
            arm_on_start=True,
            latch_folder=str(folder),
            robots=names,
            gate_state_timeout=PATIENCE,
        )
        self.motion = graph.start("motion_node", robots=list(robots), use_sim_time=True)
        client = self.client = graph.client()
        self.gates = {name: client.listen(GateState, f"{name}/gate_state", qos.STATE, keep=50) for name in names}
        self.safety_states = client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.joints: deque[JointState] = client.listen(JointState, f"{names[0]}/joint_states", qos.STATE, keep=4000)
        self.applied: deque[JointCommand] = client.listen(
            JointCommand, f"{names[0]}/command_applied", qos.COMMAND, keep=4000
        )
        self.move_client = ActionClient(client, MoveTo, "move_to")
        self.grip_client = ActionClient(client, SetGripper, "set_gripper")
        self.chunks = client.create_publisher(ActionChunk, f"{names[0]}/action_chunk", qos.COMMAND)
        wait_for(lambda: self.move_client.server_is_ready() and self.grip_client.server_is_ready(), 30.0, "motion_node")
        wait_for(self._is_armed, 40.0, "armed robots")

    def _is_armed(self) -> bool:
        """Whether every robot is armed; a stop that a loaded machine caused while the processes started is resumed."""
        if not all(self.gates.values()):
            return False
        if self.is_latched and self.safety_states and self.safety_states[-1].state == SafetyState.STOPPED:
            self.resume()
        return not self.is_latched

    def move(self, **fields: Any) -> Asked:
        """Send a goal of MoveTo for so101."""
        return Asked(self.move_client, MoveTo.Goal(**{"robot": "so101", "source": "operator/test", **fields}))

    def move_pose(self, x: float, y: float, z: float, frame: str = "base_link", **fields: Any) -> Asked:
        """Send a goal of MoveTo to a position of the tool."""
        goal = MoveTo.Goal(robot="so101", source="operator/test", target=MoveTo.Goal.TARGET_POSE, **fields)
        goal.pose.header.frame_id = frame
        goal.pose.pose.position.x, goal.pose.pose.position.y, goal.pose.pose.position.z = x, y, z
        return Asked(self.move_client, goal)

    def grip(self, position: float, **fields: Any) -> Asked:
        """Send a goal of SetGripper for so101."""
        goal = SetGripper.Goal(**{"robot": "so101", "source": "operator/test", **fields})
        goal.position = position
        return Asked(self.grip_client, goal)

    def positions(self) -> list[float]:
        """The last measured positions [rad]."""
        return list(self.joints[-1].position)

    def hold(self, source: str, duration: float) -> None:
        """Hold the robot for `duration` [s] as somebody else, and wait until the gate says so."""
        wait_for(lambda: not self.gates["so101"][-1].lease_holder.startswith("operator"), 5.0, "the end of a lease")
        now = to_seconds(self.joints[-1].header.stamp)
        position = self.positions()
        chunk = Chunk(
            source=source,
            sequence=time.time_ns(),
            stamp=now,
            lifetime=0.5,
            joint_names=tuple(self.joints[-1].name),
            values=np.array([position] * 2),
            control_period=duration / 2.0,
        )
        self.chunks.publish(chunk_to_msg(chunk))
        wait_for(lambda: self.gates["so101"][-1].lease_holder == source, 5.0, f"the lease of {source}")

    def reset(self) -> None:
        """Put the world to its start."""
        answer = self.client.call(ResetWorld, "world/reset", ResetWorld.Request())
        assert answer.success, answer.message

    def stop(self) -> None:
        """Stop the graph."""
        answer = self.client.call(StopGraph, "safety/stop", StopGraph.Request(source="operator/test", reason="test"))
        assert answer.success, answer.message

    @property
    def is_latched(self) -> bool:
        """True while a robot may not move."""
        return any(states[-1].latched for states in self.gates.values())

    def resume(self) -> None:
        """Arm the graph again once every robot rests."""

        def resumed() -> bool:
            stop_id = self.safety_states[-1].stop_id
            request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=stop_id)
            return bool(self.client.call(ResumeGraph, "safety/resume", request).success)

        wait_for(resumed, 10.0, "the resume")
        wait_for(lambda: not self.is_latched, 10.0, "armed robots")
