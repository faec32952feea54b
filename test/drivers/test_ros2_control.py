"""A robot behind ros2_control: which controllers fit it, what its states are worth, and what is sent; the messages are the test's."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import pytest

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.share import config_names
from strands_robots.drivers.controller_states import check_states
from strands_robots.drivers.controllers import ControlledRobot, load_controllers
from strands_robots.drivers.driver import DriverError, LinkLostError
from strands_robots.drivers.making import RealRobot, RobotConnection, make_driver
from strands_robots.drivers.patience import Patience
from strands_robots.drivers.ros2_control import MeasuredJoints, Ros2ControlDriver

JOINTS = ("a", "b", "c")
ONE = "{controllers: [{name: jtc, kind: joint_trajectory}], manager: '', stale: 0.02, lost: 0.05}"


class Messages:
    """A link whose states the test gives, and which keeps what is sent."""

    def __init__(self) -> None:
        self.waiting: list[MeasuredJoints] = []
        self.sent: list[tuple[int, list[float]]] = []
        self.switched: list[bool] = []
        self.is_open = False
        self.rivalry = ""
        self.states: dict[int, str] = {}
        self.references: dict[str, float] = {}

    def open(self, patience: Patience) -> dict[str, str]:
        self.is_open = True
        return {"controllers": "jtc"}

    def samples(self) -> Iterable[MeasuredJoints]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def send(self, output: int, values: FloatArray, within: float) -> None:
        self.sent.append((output, values.tolist()))

    def switch(self, active: bool) -> None:
        self.switched.append(active)

    def inactive(self) -> dict[int, str]:
        return self.states

    def reference(self, output: int) -> dict[str, float]:
        return self.references

    def check(self) -> str:
        return self.rivalry

    def close(self) -> None:
        self.is_open = False

    def say(self, stamp: float = 0.0, **positions: float) -> None:
        values = list(positions.values())
        self.waiting.append(MeasuredJoints(list(positions), values, [], [], stamp))


def connected(text: str = ONE) -> tuple[Ros2ControlDriver, Messages]:
    messages = Messages()
    driver = Ros2ControlDriver(load_controllers(text, JOINTS), messages, np.full(3, 2.0))
    messages.say(c=3.0, a=1.0, b=2.0)
    driver.connect()
    return driver, messages


def read(driver: Ros2ControlDriver) -> tuple[list[float], list[float]]:
    position, velocity, effort = np.zeros(3), np.zeros(3), np.zeros(3)
    driver.read(position, velocity, effort)
    return position.tolist(), velocity.tolist()


def test_states_are_taken_by_name_and_targets_sent_in_the_controllers_order() -> None:
    driver, messages = connected(
        "{controllers: [{name: arm, kind: position, joints: [b, a]}, {name: hand, kind: joint_trajectory, joints: [c]}],"
        " manager: ''}"
    )
    assert read(driver)[0] == [1.0, 2.0, 3.0]
    driver.set_target(np.array([0.1, 0.2, 0.3]))
    assert messages.sent == [], "nothing is sent without torque"
    driver.set_torque(True)
    assert messages.sent == [(0, [0.2, 0.1]), (1, [0.3])]


def test_target_that_has_not_changed_is_sent_once() -> None:
    driver, messages = connected()
    driver.set_torque(True)
    messages.sent.clear()
    for _ in range(3):
        driver.set_target(np.array([0.1, 0.2, 0.3]))
    driver.set_target(np.array([0.1, 0.2, 0.4]))
    assert [values for _, values in messages.sent] == [[0.1, 0.2, 0.3], [0.1, 0.2, 0.4]]
    driver.set_torque(False)
    driver.set_target(np.array([0.5, 0.5, 0.5]))
    assert len(messages.sent) == 2


def test_velocity_that_states_do_not_have_is_that_of_the_positions() -> None:
    driver, messages = connected()
    messages.say(10.00, a=1.0, b=2.0, c=3.0)
    messages.say(10.02, a=1.1, b=2.0, c=2.9)
    assert read(driver)[1] == pytest.approx([5.0, 0.0, -5.0])


@pytest.mark.parametrize(
    ("sample", "count"),
    [
        (MeasuredJoints(["a", "b", "c"], [9.0, 9.0], [], [], 0.0), "wrong_length"),
        (MeasuredJoints(["a"], [float("nan")], [], [], 0.0), "not_finite"),
        (MeasuredJoints(["a"], [9.0], [], [], 5.0), "repeated"),
        (MeasuredJoints(["elsewhere"], [9.0], [], [], 0.0), ""),
    ],
)
def test_states_that_cannot_be_used_change_nothing_and_are_counted(sample: MeasuredJoints, count: str) -> None:
    driver, messages = connected()
    messages.say(5.0, a=1.0, b=2.0, c=3.0)
    messages.waiting.append(sample)
    assert read(driver)[0] == [1.0, 2.0, 3.0]
    assert not count or driver.health.counts[count] == 1


def test_silent_joint_is_complained_about_then_lost_and_the_others_do_not_hide_it() -> None:
    driver, messages = connected()
    read(driver)
    assert driver.complaint == ""
    end = time.monotonic() + 0.03
    while time.monotonic() < end:
        messages.say(a=1.0, b=2.0)
        read(driver)
    assert "'c'" in driver.complaint and "joint_states" in driver.complaint
    with pytest.raises(LinkLostError, match=r"'c' .*joint_states"):
        while True:
            messages.say(a=1.0, b=2.0)
            read(driver)


def test_somebody_else_who_commands_the_robot_is_complained_about() -> None:
    driver, messages = connected()
    messages.rivalry = "/other commands /jtc/joint_trajectory"
    read(driver)
    assert driver.complaint == messages.rivalry


def test_robot_without_states_is_refused_with_the_joints_that_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.drivers.ros2_control.FIRST_STATES", 0.02)
    messages = Messages()
    driver = Ros2ControlDriver(load_controllers(ONE, JOINTS), messages, np.full(3, 2.0))
    messages.say(b=1.0)
    with pytest.raises(DriverError, match=r"no numbers of a, c .*rename"):
        driver.connect()
    assert not messages.is_open


def test_renamed_joints_are_those_of_the_other_side() -> None:
    robot = load_controllers(ONE[:-1] + ", rename: {a: arm_a_joint}}", JOINTS)
    assert robot.joints == ("arm_a_joint", "b", "c") and robot.outputs[0].joints == robot.joints


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{controllers: []}", "controllers"),
        ("{controllers: [{name: x, kind: velocity}]}", "joint_trajectory"),
        ("{controllers: [{name: 'x y', kind: position}]}", "name"),
        ("{controllers: [{name: x, kind: position, joints: [a, d]}]}", "'d' is not the robot's; valid: a, b, c"),
        ("{controllers: [{name: x, kind: position, joints: [a, b]}]}", "no controller moves c"),
        (
            "{controllers: [{name: x, kind: position}, {name: y, kind: position, joints: [a]}]}",
            "'a' is moved by 'x' and 'y'",
        ),
        ("{controllers: [{name: x, kind: position}], switch: true, manager: ''}", "without a manager"),
        ("{controllers: [{name: x, kind: position}], rename: {a: b}}", "share a name"),
        ("{controllers: [{name: x, kind: position}], stale: 0.5, lost: 0.2}", "more than stale"),
        ("{controllers: [{name: x, kind: position}], speed: 3}", "speed"),
    ],
)
def test_controllers_that_do_not_fit_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_controllers(text, JOINTS)


def test_unknown_controllers_name_those_that_come_with_the_package() -> None:
    with pytest.raises(UnknownNameError, match="panda, ur"):
        load_controllers("no_such_arm", JOINTS)


@pytest.mark.parametrize(("robot", "names"), [("ur5e", ("ur", "ur_forward")), ("panda", ("panda",))])
def test_examples_fit_their_robots(robot: str, names: tuple[str, ...]) -> None:
    assert set(names) <= set(config_names("ros2_control"))
    config = RealRobot.parse(f"x={robot}").config
    for name in names:
        assert isinstance(load_controllers(name, tuple(config.joints)), ControlledRobot)


def test_stop_category_that_takes_torque_needs_somebody_who_can() -> None:
    robot = RealRobot.parse("x=ur5e")
    one = "{controllers: [{name: x, kind: position}]}"
    with pytest.raises(ConfigurationError, match="switch: true"):
        make_driver(robot, RobotConnection("ros2_control", controllers=one, stop_category=1), lambda _: Messages())
    switching = RobotConnection("ros2_control", controllers=one[:-1] + ", switch: true}", stop_category=1)
    assert make_driver(robot, switching, lambda _: Messages())


def test_switching_robot_activates_and_deactivates_its_controllers() -> None:
    driver, messages = connected("{controllers: [{name: x, kind: position}], switch: true}")
    driver.set_torque(True)
    driver.set_torque(False)
    assert messages.switched == [True, False]


def test_controllers_that_are_missing_or_not_active_are_named_with_those_that_are_loaded() -> None:
    states = {"jtc": "inactive", "joint_state_broadcaster": "active"}
    check_states(states, ["jtc"], may_be_inactive=True)
    with pytest.raises(DriverError, match=r"'jtc' is inactive; valid: active .*joint_state_broadcaster \(active\)"):
        check_states(states, ["jtc"], may_be_inactive=False)
    with pytest.raises(DriverError, match=r"'arm' is not loaded; loaded: .*jtc \(inactive\)"):
        check_states(states, ["arm"], may_be_inactive=True)


def detached(driver: Ros2ControlDriver) -> Readings:
    readings = Readings.of_size(3)
    read(driver)
    driver.read_others(readings)
    return readings


@pytest.mark.guarantee("Supervision", "drives that do not act on set-points stop the robot", "control/gate.py _detach")
def test_inactive_controller_detaches_its_joints_and_is_sent_nothing_until_it_is_active() -> None:
    driver, messages = connected(
        "{controllers: [{name: arm, kind: joint_trajectory, joints: [a, b]}, {name: hand, kind: position, joints: [c]}],"
        " manager: ''}"
    )
    driver.set_torque(True)
    messages.sent.clear()
    messages.states = {0: "controller 'arm' is inactive, not active"}
    readings = detached(driver)
    assert readings.detached == messages.states[0] == driver.complaint
    assert readings.is_detached.tolist() == [True, True, False]
    driver.set_target(np.array([0.5, 0.5, 0.5]))
    assert [output for output, _ in messages.sent] == [1], "an inactive controller is sent nothing"
    messages.states = {}
    assert detached(driver).detached == ""
    driver.set_target(np.array([1.0, 2.0, 0.5]))
    assert messages.sent[-1] == (0, [1.0, 2.0]), "active again, it is told where the arm is"


def test_inactive_controllers_are_no_matter_without_torque() -> None:
    driver, messages = connected("{controllers: [{name: x, kind: position}], switch: true}")
    messages.states = {0: "controller 'x' is inactive, not active"}
    assert detached(driver).detached == ""


def test_joint_that_left_its_place_without_a_command_detaches_the_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.drivers.moved_watch.SETTLE", 0.0)
    driver, messages = connected()
    driver.set_torque(True)
    driver.set_target(np.array([1.0, 2.0, 3.0]))
    assert detached(driver).detached == ""
    messages.say(a=1.03, b=2.0, c=3.0)
    assert detached(driver).detached == "", "0.03 rad are no motion of another client"
    messages.say(a=1.06, b=2.0, c=3.0)
    readings = detached(driver)
    assert "'a' was moved" in readings.detached and readings.is_detached.all()
    assert "1.060" in readings.detached and "1.000" in readings.detached


def test_controller_that_follows_another_set_point_detaches_the_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.drivers.moved_watch.SETTLE", 0.0)
    driver, messages = connected()
    driver.set_target(np.array([1.0, 2.0, 3.0]))
    driver.set_torque(True)
    messages.references = {"a": 1.0, "b": 2.3, "c": 3.0}
    assert "'b' was moved" in detached(driver).detached


def test_late_arrival_at_the_set_point_is_no_motion_of_another_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.drivers.moved_watch.SETTLE", 0.0)
    driver, messages = connected()
    driver.set_target(np.array([1.2, 2.0, 3.0]))
    driver.set_torque(True)
    for a in (1.0, 1.1, 1.2):
        messages.say(a=a, b=2.0, c=3.0)
        assert detached(driver).detached == ""
