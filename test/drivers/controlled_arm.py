"""A stand-in of an arm behind ros2_control, as a process: broadcaster, controllers and their parameters, without ros2_control itself.

The joint_trajectory_controller here follows the published one (user documentation and `joint_trajectory_controller.cpp`): a new
trajectory replaces the one that runs and starts from the measured state (`interpolate_from_desired_state` false); a stamp of zero is now,
one whose end is past is refused; points in any order of joints; linear, cubic or quintic by what the points carry; a last point with a
velocity is refused; after the end it holds the last point. The forward_command_controller passes positions on. The arm follows with a lag.

SIGUSR1 silences the broadcaster, and lets it speak again. SIGUSR2 deactivates the controller, and activates it again: inactive it ignores
what it is sent (`topic_callback`: `subscriber_is_active_`) and the arm holds; activated, a joint_trajectory_controller holds the measured
position (`on_activate`: `set_hold_position`), and a forward_command_controller forgets its last command and leaves the arm's as it is
(`forward_controllers_base.cpp`, `on_activate`: `reset_controller_reference_msg`). `/own_goal` stands for a client of the controller's own
action: positions that the arm then reaches in a second, past every other client.

Source: ros-controls/ros2_controllers, branch jazzy, commit ed360c97d6e9e74cb884e3e39a949d987cd15c11.

    python controlled_arm.py <kind> <controller> <joint>=<position> ...
"""

from __future__ import annotations

import itertools
import math
import signal
import sys
import time

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

PERIOD = 0.005
LAG = 0.007
"""Time constant with which the arm follows its command [s]."""


class Segments:
    """A trajectory that runs: knots of times (N,) and of position, velocity, acceleration (N, D) as far as they are known."""

    def __init__(self, start: float, times: np.ndarray, states: list[np.ndarray]) -> None:
        self.start, self.times, self.states = start, times, states

    def sample(self, now: float) -> np.ndarray:
        """Return positions (D,) at `now` [s]: a polynomial that meets what both ends of its segment say."""
        at = now - self.start
        if at >= self.times[-1]:
            return self.states[0][-1]
        k = max(int(np.searchsorted(self.times, at, side="right")) - 1, 0)
        length = self.times[k + 1] - self.times[k]
        order = len(self.states)
        rows, values = [], []
        for end, moment in ((k, 0.0), (k + 1, length)):
            for derivative in range(order):
                rows.append(_derivative(2 * order, derivative, moment))
                values.append(self.states[derivative][end])
        factors = np.linalg.solve(np.array(rows), np.array(values))
        return _derivative(2 * order, 0, max(at - self.times[k], 0.0)) @ factors


def _derivative(size: int, derivative: int, at: float) -> np.ndarray:
    row = np.zeros(size)
    for power in range(derivative, size):
        factor = 1.0
        for k in range(derivative):
            factor *= power - k
        row[power] = factor * at ** (power - derivative)
    return row


class ControlledArm:
    """The arm, its broadcaster and one controller."""

    def __init__(self, kind: str, name: str, start: dict[str, float]) -> None:
        self.joints = list(start)
        self.is_trajectory = kind == "joint_trajectory"
        self.measured = np.array(list(start.values()))
        self.velocity = np.zeros(len(start))
        self.command = self.measured.copy()
        self.running: Segments | None = None
        self.is_silent = False
        self.is_active = True
        self.updated = time.monotonic()
        self.broadcaster = Node("joint_state_broadcaster")
        self.controller = Node(name)
        self.controller.declare_parameter("joints", self.joints)
        self.states = self.broadcaster.create_publisher(JointState, "/joint_states", 10)
        if kind == "joint_trajectory":
            self.controller.create_subscription(JointTrajectory, f"{name}/joint_trajectory", self.on_trajectory, 10)
        else:
            self.controller.create_subscription(Float64MultiArray, f"{name}/commands", self.on_positions, 10)
        self.controller.create_subscription(Float64MultiArray, "/own_goal", self.on_own_goal, 10)
        self.broadcaster.create_timer(PERIOD, self.update)

    def switch(self) -> None:
        self.is_active = not self.is_active
        self.running = None
        if self.is_active and self.is_trajectory:
            self.command = self.measured.copy()
        print("activated" if self.is_active else "deactivated", flush=True)

    def on_own_goal(self, message: Float64MultiArray) -> None:
        here, there, still = self.command, np.array(message.data), np.zeros(len(self.joints))
        self.running = Segments(time.time(), np.array([0.0, 1.0]), [np.array([here, there]), np.array([still, still])])

    def on_positions(self, message: Float64MultiArray) -> None:
        if not self.is_active:
            return
        if len(message.data) != len(self.joints):
            self.controller.get_logger().error("command size does not match number of joints")
            return
        self.running = None
        self.command = np.array(message.data)

    def on_trajectory(self, message: JointTrajectory) -> None:
        if not self.is_active:
            return
        problem = self.problem_of(message)
        if problem:
            self.controller.get_logger().error(problem)
            return
        order = [list(message.joint_names).index(joint) for joint in self.joints]
        points = message.points
        known = 1
        if all(len(point.velocities) for point in points):
            known = 3 if all(len(point.accelerations) for point in points) else 2
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        now = time.time()
        start = stamp or now
        times = [start - now + _seconds(point.time_from_start) for point in points]
        states = [
            np.array([list(getattr(point, field)) for point in points])[:, order]
            for field in ("positions", "velocities", "accelerations")[:known]
        ]
        first = [self.measured, self.velocity, np.zeros(len(self.joints))][:known]
        if times[0] > 0.0:
            times.insert(0, 0.0)
            states = [np.vstack([here, rest]) for here, rest in zip(first, states)]
        self.running = Segments(now, np.array(times), states)

    def problem_of(self, message: JointTrajectory) -> str:
        if sorted(message.joint_names) != sorted(self.joints):
            return f"Joints on incoming trajectory don't match the controller joints: {message.joint_names}"
        if not message.points:
            return "Empty trajectory received."
        times = [_seconds(point.time_from_start) for point in message.points]
        if any(late <= early for early, late in itertools.pairwise(times)):
            return "Time between points is not strictly increasing"
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        if stamp and stamp + times[-1] < time.time():
            return "Received trajectory with non-zero start time that ends in the past"
        for point in message.points:
            if len(point.positions) != len(self.joints) or not np.isfinite(point.positions).all():
                return "positions do not match the joints"
        if np.any(np.abs(message.points[-1].velocities) > 1e-9):
            return "Velocity of last trajectory point is not zero"
        return ""

    def update(self) -> None:
        if self.running is not None:
            self.command = self.running.sample(time.time())
        now = time.monotonic()
        passed, self.updated = now - self.updated, now
        step = (1.0 - math.exp(-passed / LAG)) * (self.command - self.measured)
        self.measured = self.measured + step
        self.velocity = step / max(passed, 1e-6)
        if self.is_silent:
            return
        message = JointState(name=self.joints[::-1], position=self.measured[::-1], velocity=self.velocity[::-1])
        message.header.stamp = self.broadcaster.get_clock().now().to_msg()
        self.states.publish(message)


def _seconds(duration: object) -> float:
    return float(duration.sec) + 1e-9 * duration.nanosec  # type: ignore[attr-defined]


def main() -> None:
    kind, name, *pairs = sys.argv[1:]
    rclpy.init()
    start = {joint: float(value) for joint, _, value in (pair.partition("=") for pair in pairs)}
    arm = ControlledArm(kind, name, start)

    def toggle(number: int, frame: object) -> None:
        arm.is_silent = not arm.is_silent

    signal.signal(signal.SIGUSR1, toggle)
    signal.signal(signal.SIGUSR2, lambda number, frame: arm.switch())
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(arm.broadcaster)
    executor.add_node(arm.controller)
    print("ready", flush=True)
    try:
        executor.spin()
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


if __name__ == "__main__":
    main()
