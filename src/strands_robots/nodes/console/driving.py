"""Moves robots by the buttons that pages hold, through teleoperation: one page has the seat of a robot, the others see which."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node

from strands_robots.console.drive_leader import BadMotionError, PageLeader
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.description.robot_spec import robot_spec
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.teleop.leader import LeaderThread
from strands_robots.teleop.making import make_mover
from strands_robots.teleop.teleop_options import TeleopOptions
from strands_robots.teleop.teleoperation import Teleop

SOURCE = "teleop/console"
PERIOD = 0.02
"""Time between two chunks, and two reads of the buttons [s]."""

JOIN_TIME = 1.0


class _Seat:
    """One robot that a page moves. `close` lets it go; not from the executor's thread."""

    def __init__(self, node: Node, calls: ExecutorCalls, text: str, tell: Callable[[str], None]) -> None:
        spec = robot_spec(text, 0, camera_rate=30.0)
        options = TeleopOptions(source=SOURCE, period=PERIOD)
        self.leader = PageLeader(spec.config.joints)
        mover = make_mover(spec.name, spec.config, options)
        self.teleop = Teleop(spec.name, self.leader.name, True, spec.config.limits(), mover, options)
        self._calls = calls
        self._feed = calls.wait(lambda: RobotSubscriber(node, spec.name, self.teleop, lockstep=False))
        self._reading = LeaderThread(self.leader, self.teleop, PERIOD, tell)
        self._ending = threading.Event()
        self._loop = threading.Thread(target=self._run, name=f"drive {spec.name}", daemon=True)
        self._reading.start()
        self._loop.start()

    def close(self) -> None:
        self.leader.release()
        self._ending.set()
        self._loop.join(JOIN_TIME)
        self._reading.stop(JOIN_TIME)
        self._calls.wait(self._feed.close)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(due - time.monotonic(), 0.0)):
            chunk = self.teleop.step(time.monotonic())
            if chunk is not None:
                self._feed.send(chunk)
            due = max(due + PERIOD, time.monotonic())


@dataclass
class _Driver:
    """The page that has a robot's seat; the seat itself is None until it is ready, and `problem` says why it will not be."""

    tab: str
    seat: _Seat | None = None
    problem: str = ""


class RosDriving:
    """A Driving on ROS; the threads of the servers call it, and nothing in it waits. `close` lets every robot go.

    Args:
        node: The node; its executor spins.
        robots: Robots that may be moved, "<name>=<robot>" each.
        tell: Takes a line for the log.
    """

    def __init__(self, node: Node, robots: tuple[str, ...], tell: Callable[[str], None]) -> None:
        self._node, self._tell = node, tell
        self._calls = ExecutorCalls(node)
        self._robots = {text.partition("=")[0]: text for text in robots}
        self._poses = {name: _poses(text) for name, text in self._robots.items()}
        self._lock = threading.Lock()
        self._drivers: dict[str, _Driver] = {}

    def take(self, robot: str, tab: str) -> str:
        """Give a page the seat of a robot; returns why not, or nothing."""
        if robot not in self._robots:
            return f"'{robot[:64]}' cannot be driven from here; valid: {', '.join(self._robots) or 'none: the console was given no robots'}"
        with self._lock:
            driver = self._drivers.get(robot)
            if driver is not None and driver.tab != tab:
                return f"another page drives '{robot}'; valid: leave it there first"
            if driver is not None:
                return ""
            self._drivers[robot] = made = _Driver(tab)
        threading.Thread(target=self._sit, args=(robot, made), name="seat", daemon=True).start()
        return ""

    def hold(self, tab: str, press: str, motion: Mapping[str, Any]) -> None:
        """Take one beat of a button that is held."""
        driver = self._of(tab, str(motion.get("robot", "")))
        if driver is None or driver.seat is None:
            return
        try:
            driver.seat.leader.hold(press, motion)
        except BadMotionError as error:
            driver.problem = str(error)
            driver.seat.leader.release()

    def release(self, tab: str) -> None:
        """Let every button of a page go."""
        with self._lock:
            seats = [driver.seat for driver in self._drivers.values() if driver.tab == tab and driver.seat is not None]
        for seat in seats:
            seat.leader.release()

    def leave(self, tab: str) -> None:
        """Take a page's seats away."""
        self.release(tab)
        with self._lock:
            left = [robot for robot, driver in self._drivers.items() if driver.tab == tab]
            drivers = [self._drivers.pop(robot) for robot in left]
        for driver in drivers:
            if driver.seat is not None:
                threading.Thread(target=driver.seat.close, name="seat", daemon=True).start()

    def words(self) -> dict[str, Any]:
        """Return who drives each robot that may be driven, and what teleoperation says of it."""
        with self._lock:
            drivers = dict(self._drivers)
        found: dict[str, Any] = {}
        for robot in self._robots:
            driver = drivers.get(robot)
            if driver is None:
                found[robot] = {"tab": "", "message": "", "poses": self._poses[robot]}
                continue
            report = driver.seat.teleop.report(time.monotonic()) if driver.seat is not None else None
            found[robot] = {
                "tab": driver.tab,
                "is_ready": report is not None,
                "is_engaged": report is not None and report.engaged,
                "message": driver.problem or (report.message if report is not None else "getting ready"),
                "poses": self._poses[robot],
            }
        return found

    def close(self) -> None:
        """Let every robot go; by the executor's thread at the node's end, which therefore closes no subscription."""
        with self._lock:
            drivers, self._drivers = list(self._drivers.values()), {}
        for driver in drivers:
            if driver.seat is not None:
                driver.seat.leader.release()

    def _of(self, tab: str, robot: str) -> _Driver | None:
        with self._lock:
            driver = self._drivers.get(robot)
        return driver if driver is not None and driver.tab == tab else None

    def _sit(self, robot: str, driver: _Driver) -> None:
        """Make the seat: loading a robot's kinematics takes a second."""
        try:
            seat = _Seat(self._node, self._calls, self._robots[robot], self._tell)
        except StrandsRobotsError as error:
            driver.problem = str(error)
            return
        with self._lock:
            is_wanted = self._drivers.get(robot) is driver
            driver.seat = seat if is_wanted else None
        if not is_wanted:
            seat.close()


def _poses(text: str) -> dict[str, dict[str, float]]:
    """Return the named poses of a robot; none where it cannot be read, which a page hears when it takes the robot."""
    try:
        return {"home": dict(robot_spec(text, 0, camera_rate=30.0).config.home)}
    except StrandsRobotsError:
        return {}
