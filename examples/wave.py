"""Wave with the wrist of a running robot: an ActionChunk from a plain rclpy program.

make sim                    # in one terminal
source install/setup.bash && python examples/wave.py
"""

from __future__ import annotations

import math
import time

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from strands_robots.msg import ActionChunk, GateState, JointCommand

from strands_robots.control.latch_advice import latch_advice

PERIOD = 0.05
DURATION = 4.0


class Wave(Node):
    """Waits for the robot, sends one chunk, and says what the gate made of it."""

    def __init__(self) -> None:
        super().__init__("wave", parameter_overrides=[Parameter("use_sim_time", value=True)])
        self.applied: JointCommand | None = None
        self.gate: GateState | None = None
        self.moved = 0.0
        self._first: float | None = None
        self.create_subscription(JointCommand, "so101/command_applied", self._on_applied, 10)
        self.create_subscription(GateState, "so101/gate_state", self._on_gate, 10)
        self.create_subscription(JointState, "so101/joint_states", self._on_state, 10)
        self.chunks = self.create_publisher(ActionChunk, "so101/action_chunk", 10)

    def is_ready(self) -> bool:
        """Return whether the robot is armed and the clock runs."""
        is_armed = self.gate is not None and not self.gate.latched
        return is_armed and self.applied is not None and self.get_clock().now().nanoseconds > 0

    def wave(self) -> None:
        """Publish a chunk that turns the wrist to and fro around where it is."""
        start = list(self.applied.values)
        wrist = list(self.applied.joint_names).index("wrist_roll")
        rows = round(DURATION / PERIOD)
        message = ActionChunk(
            source="operator/wave",
            sequence=time.time_ns(),
            lifetime=Duration(seconds=0.5).to_msg(),
            joint_names=["wrist_roll"],
            horizon=rows,
            control_period=Duration(seconds=PERIOD).to_msg(),
            values=[
                start[wrist] + 0.6 * math.sin(2.0 * math.pi * k / rows * 3) * math.sin(math.pi * k / rows)
                for k in range(rows)
            ],
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self.chunks.publish(message)

    def _on_applied(self, message: JointCommand) -> None:
        self.applied = message

    def _on_gate(self, message: GateState) -> None:
        self.gate = message

    def _on_state(self, message: JointState) -> None:
        position = message.position[list(message.name).index("wrist_roll")]
        self._first = position if self._first is None else self._first
        self.moved = max(self.moved, abs(position - self._first))


def why_not(node: Wave) -> str:
    """Return why there is no robot to wave with, and what to do."""
    if node.gate is None:
        return "no robot 'so101' was heard within 10 s; start one with: make sim"
    if node.gate.latched:
        return f"'so101' is latched: {latch_advice(node.gate.latch_reason)}"
    return "'so101' is armed, but its set-points or /clock were not heard within 10 s"


def main() -> None:
    """Wave once."""
    rclpy.init()
    node = Wave()
    deadline = time.monotonic() + 10.0
    while not node.is_ready():
        rclpy.spin_once(node, timeout_sec=0.1)
        if time.monotonic() > deadline:
            raise SystemExit(why_not(node))
    time_is_past_arming = node.get_clock().now() + Duration(seconds=0.05)
    while node.get_clock().now() < time_is_past_arming:
        rclpy.spin_once(node, timeout_sec=0.1)
    accepted, refused = node.gate.accepted, node.gate.last_refusal
    node.wave()
    end = time.monotonic() + DURATION + 1.0
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    if node.gate.accepted == accepted:
        raise SystemExit(
            f"the gate refused: {node.gate.last_refusal if node.gate.last_refusal != refused else 'nothing arrived'}"
        )
    print(f"the wrist moved by {node.moved:.2f} rad")
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
