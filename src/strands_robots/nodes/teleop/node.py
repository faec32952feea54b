"""teleop_node: a person moves one robot with a leader arm, a gamepad, a joystick or the terminal's keys."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_srvs.srv import SetBool
from strands_robots.msg import RefusalCount, StopRequest, TeleopState

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_spec import robot_spec
from strands_robots.live.terminal import Keys
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_time
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.teleop.joystick import AXES, JoystickConfig, JoystickLeader
from strands_robots.teleop.keyboard import ORDERS, KeyboardLeader, Order, help_lines
from strands_robots.teleop.leader import LeaderThread
from strands_robots.teleop.making import KEYBOARD, free_joints, make_leader, make_mover, parse_joints, parse_options
from strands_robots.teleop.mover import checked_mode
from strands_robots.teleop.screen import Screen
from strands_robots.teleop.teleop_options import ENGAGING, FRAMES, TeleopOptions
from strands_robots.teleop.teleoperation import EngageError, Teleop, TeleopReport

STATE_PERIOD = 0.2
"""Longest time between two messages on teleop/state [s, steady time]."""

SPEED_STEP = 1.25
"""Factor of one press of a speed key."""


@dataclass(frozen=True)
class TeleopParameters:
    """Parameters of teleop_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robot: str = parameter("so101=so101", "Robot as sim_node or driver_node has it, '<name>=<robot>'.")
    leader: str = parameter(
        "keyboard",
        "keyboard (of the node's terminal), joy (sensor_msgs/Joy), or a type of lerobot-teleoperate as so101_leader.",
    )
    leader_options: str = parameter("", "Options of LeRobot's type, YAML or JSON: {port: /dev/ttyACM1, id: my_leader}.")
    leader_joints: tuple[str, ...] = parameter((), "<leader's joint>=<robot's joint> each, where their names differ.")
    terminal: bool = parameter(False, "Read keys from the node's terminal and show the state there.")
    source: str = parameter("", "Who commands, teleop/<name>; empty for teleop/<leader>.")
    mode: str = parameter("tool", "What keys and joystick move at the start.", choices=("tool", "joints"))
    engaging: str = parameter(
        "offset",
        "How a leader arm that stands elsewhere is joined: keep the difference, or close it slowly.",
        choices=ENGAGING,
    )
    handover_speed: float = parameter(
        0.25, "Part of the velocity limits at which a difference is closed.", minimum=0.05, maximum=1.0
    )
    speed: float = parameter(0.5, "Part of all speeds that is used at the start.", minimum=0.05, maximum=1.0)
    linear_speed: float = parameter(0.2, "Speed of the tool at speed 1 [m/s].", minimum=0.001, maximum=2.0)
    angular_speed: float = parameter(1.5, "Turning speed of the tool at speed 1 [rad/s].", minimum=0.01, maximum=6.0)
    frame: str = parameter("base", "Frame along whose axes the tool moves.", choices=FRAMES)
    rate: float = parameter(50.0, "Chunks a second, and reads of the leader [Hz].", minimum=10.0, maximum=200.0)
    max_age: float = parameter(
        0.25, "Without a usable frame for this long the robot is released [s].", minimum=0.05, maximum=2.0
    )
    joy_topic: str = parameter("joy", "Topic of the joystick.")
    joy_axes: tuple[float, ...] = parameter(
        tuple(map(float, AXES)), "Axes along x, y, z and about x, y, z, or of the first six joints; -1 for none."
    )
    joy_signs: tuple[float, ...] = parameter((1.0,) * 6, "1 or -1 for each of them.")
    joy_dead_zone: float = parameter(0.1, "An axis nearer to 0 is at 0.", minimum=0.0, maximum=0.8)
    joy_dead_man: int = parameter(4, "Button that must be held to move.", minimum=0, maximum=63)
    joy_open: int = parameter(1, "Button that opens the gripper; -1 for none.", minimum=-1, maximum=63)
    joy_close: int = parameter(0, "Button that closes the gripper; -1 for none.", minimum=-1, maximum=63)
    joy_stop: int = parameter(6, "Button that stops the graph; -1 for none.", minimum=-1, maximum=63)


class TeleopNode(Node):
    """Wires one leader to one robot. Three threads beside the executor: one reads the leader, one asks for chunks, and where there
    is a terminal one reads its keys."""

    def __init__(self) -> None:
        super().__init__("teleop_node")
        given = read_parameters(self, TeleopParameters)
        self._ending = threading.Event()
        self._period = 1.0 / given.rate
        spec = robot_spec(given.robot, 0, camera_rate=30.0)
        options = _options(given)
        self._stops = self.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self._leader = make_leader(
            given.leader, parse_options(given.leader_options), parse_joints(given.leader_joints), spec.config,
            checked_mode(given.mode), _joystick(given), self._on_order,
        )  # fmt: skip
        has_terminal = given.terminal and sys.stdin.isatty()
        if given.leader == KEYBOARD and not has_terminal:
            raise ConfigurationError(
                "leader keyboard needs a terminal, and this node has none; valid: strands-robots teleop keyboard in a terminal"
            )
        mover = make_mover(spec.name, spec.config, options)
        self._teleop = Teleop(
            spec.name, self._leader.name, self._leader.has_dead_man, spec.config.limits(), mover, options
        )
        self._feed = RobotSubscriber(self, spec.name, self._teleop, lockstep=False)
        self._states = self.create_publisher(TeleopState, f"{spec.name}/teleop/state", qos.STATE)
        if isinstance(self._leader, JoystickLeader):
            joystick = self._leader
            self.create_subscription(Joy, given.joy_topic, lambda joy: joystick.take(joy.axes, joy.buttons), qos.STATE)
        create_deferred_service(self, SetBool, f"{spec.name}/teleop/engage", self._on_engage, refuse=refusal(SetBool))
        self._reading = LeaderThread(self._leader, self._teleop, self._period, self.get_logger().info)
        self._loop = threading.Thread(target=self._run, name="teleop", daemon=True)
        self._keys = Keys(self._on_key, sys.stdin.fileno()) if has_terminal else None
        self._screen = Screen(_words(given, free_joints(spec.config)), lambda: self._teleop.report(time.monotonic()))
        self._start()
        self.create_timer(0.2, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"'{given.leader}' moves '{spec.name}' as '{options.source}', run '{given.run_id}'")

    def destroy_node(self) -> None:
        """Let the robot go, give the terminal back, and end the threads."""
        self._ending.set()
        if self._keys is not None:
            self._screen.stop()
            self._keys.__exit__()
        self._loop.join(0.3)
        self._reading.stop(0.4)
        audit_of(self).close(0.1)
        super().destroy_node()

    def _start(self) -> None:
        self._reading.start()
        self._loop.start()
        if self._keys is not None:
            self._keys.__enter__()
            self._screen.start()

    def _run(self) -> None:
        """Body of the thread that asks for chunks and tells what goes on."""
        due = told = time.monotonic()
        last: tuple[object, ...] = ()
        while not self._ending.wait(max(due - time.monotonic(), 0.0)):
            now = time.monotonic()
            chunk = self._teleop.step(now)
            if chunk is not None:
                self._feed.send(chunk)
            report = self._teleop.report(now)
            key = (report.engaged, report.mode, report.speed)
            if key != last or now - told >= STATE_PERIOD:
                last, told = key, now
                self._states.publish(_message(report))
            due = max(due + self._period, now)

    def _on_engage(self, request: SetBool.Request) -> Future[SetBool.Response]:
        self._teleop.engage(request.data, time.monotonic())
        answer: Future[SetBool.Response] = Future()
        answer.set_result(SetBool.Response(success=True, message="engaged" if request.data else "let go"))
        return answer

    def _on_key(self, key: str) -> None:
        """Take a key, in the thread that reads the terminal."""
        if isinstance(self._leader, KeyboardLeader):
            self._leader.press(key)
        elif key.lower() in ORDERS:
            self._on_order(ORDERS[key.lower()])

    def _on_order(self, order: Order) -> None:
        """Do what was asked for besides motion, in the asker's thread."""
        teleop = self._teleop
        if order is Order.STOP:
            self._stops.publish(StopRequest(source=teleop.options.source, reason=f"stop of leader {teleop.leader}"))
        elif order is Order.QUIT:
            os.kill(os.getpid(), signal.SIGINT)
        elif order is Order.CLUTCH and not teleop.has_dead_man:
            try:
                teleop.engage(not teleop.is_engaged, time.monotonic())
            except EngageError as error:
                self.get_logger().warning(str(error))
        elif order is not Order.CLUTCH:
            teleop.set_speed(teleop.speed * (SPEED_STEP if order is Order.FASTER else 1.0 / SPEED_STEP))

    def _check(self) -> None:
        if not self._loop.is_alive() or not self._reading.is_alive:
            raise RuntimeError("a thread of teleop_node has ended; the lines above say how")


def _options(given: TeleopParameters) -> TeleopOptions:
    return TeleopOptions(
        source=given.source or f"teleop/{given.leader}",
        period=1.0 / given.rate,
        speed=given.speed,
        linear_speed=given.linear_speed,
        angular_speed=given.angular_speed,
        engaging=given.engaging,
        handover_speed=given.handover_speed,
        frame=given.frame,
        max_age=given.max_age,
    )


def _joystick(given: TeleopParameters) -> JoystickConfig:
    return JoystickConfig(
        axes=tuple(int(axis) for axis in given.joy_axes),
        signs=given.joy_signs,
        dead_zone=given.joy_dead_zone,
        dead_man=given.joy_dead_man,
        open=given.joy_open,
        close=given.joy_close,
        stop=given.joy_stop,
    )


def _words(given: TeleopParameters, joints: tuple[str, ...]) -> tuple[str, ...]:
    if given.leader == KEYBOARD:
        return help_lines(joints)
    return ("c take or release the robot   +/- speed   space STOP   x quit",)


def _message(report: TeleopReport) -> TeleopState:
    message = TeleopState(
        robot=report.robot,
        source=report.source,
        leader=report.leader[:32],
        mode=int(report.mode),
        engaged=report.engaged,
        message=clip(report.message, 512),
        speed=report.speed,
        input_rate=report.input_rate,
        input_age=report.input_age,
        frames=report.frames,
        bad_frames=[RefusalCount(reason=reason, count=count) for reason, count in report.bad_frames.items()],
        refused_steps=report.refused_steps,
    )
    message.header.stamp = to_time(report.stamp)
    return message


def main() -> int:
    """Run teleop_node until a signal."""
    return run_node(TeleopNode)


if __name__ == "__main__":
    raise SystemExit(main())
