"""What stops an armed robot by itself, what does not, and that the graph hears of it."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import rfc8785

from strands_robots.control.limits_record import limits_record
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig

from .gates import DT, Bench
from .watched_arm import CONTACT, TRACKING, WatchedArm


def swing(arm: WatchedArm, goal: float = 0.9) -> None:
    """Send the shoulder and the elbow somewhere, in a chunk that lasts."""
    verdict = arm.submit([[goal, goal, 0.25]] * 50, control_period=0.05, lifetime=1.0)
    assert verdict.accepted, verdict.message


# Tracking


@pytest.mark.guarantee("Supervision", "a joint that does not follow", "control/joint_watch.py")
def test_joint_that_is_held_stops_the_robot() -> None:
    arm = WatchedArm(tracking=TRACKING)
    swing(arm)
    arm.held = {0: 0.1}
    arm.run(0.4)
    assert not arm.gate.is_latched
    arm.run(0.4)
    assert arm.alarm == "tracking"
    report = arm.gate.report(arm.now)
    assert report.latch_reason.startswith("stop: tracking: 'shoulder' is 0.")
    assert "valid: up to 0.200" in report.latch_reason


def test_held_joint_is_pressed_no_further_after_the_stop() -> None:
    arm = WatchedArm(tracking=TRACKING)
    swing(arm)
    arm.held = {0: 0.1}
    arm.run(1.0)
    assert arm.alarm == "tracking"
    assert np.allclose(arm.tick().target[:2], [0.1, arm.position[1]])


def test_joint_that_is_late_for_a_moment_stops_nothing() -> None:
    arm = WatchedArm(tracking=TRACKING)
    swing(arm)
    for _ in range(3):
        arm.held = {0: float(arm.position[0]) - 0.25}
        arm.run(0.25)
        arm.held = {}
        arm.run(0.05)
    assert not arm.gate.is_latched


@pytest.mark.guarantee(
    "Supervision", "what is held stays held, and a grip is no alarm", "control/supervision.py gives_way"
)
def test_gripper_that_holds_something_stops_nothing_and_keeps_holding_after_a_stop() -> None:
    arm = WatchedArm(tracking=TRACKING)
    arm.held = {2: 0.4}
    assert arm.submit([[0.5, 0.5, 0.0]] * 50, control_period=0.05).accepted
    arm.run(1.0)
    assert not arm.gate.is_latched
    arm.held = {2: 0.4, 0: 0.0}
    arm.run(1.0)
    assert arm.alarm == "tracking"
    assert arm.tick().target[2] == pytest.approx(0.0, abs=1e-6)


# Contact


@pytest.mark.guarantee(
    "Supervision", "contact force (simulation)", "sim/world/contact_forces.py; control/reading_watch.py"
)
def test_contact_force_that_lasts_stops_the_robot_and_names_what_it_touches() -> None:
    arm = WatchedArm(contact=CONTACT)
    arm.gate.readings.contact_force, arm.gate.readings.contact_with = 31.0, "shelf"
    arm.run(0.04)
    assert not arm.gate.is_latched
    arm.run(0.02)
    assert arm.alarm == "contact"
    assert arm.gate.report(arm.now).latch_reason == (
        "stop: contact: arm and 'shelf' press with 31.0 N for 0.05 s; valid: up to 30.0 N"
    )


def test_contact_force_of_a_moment_stops_nothing() -> None:
    arm = WatchedArm(contact=CONTACT)
    for _ in range(10):
        arm.gate.readings.contact_force = 500.0
        arm.run(0.03)
        arm.gate.readings.contact_force = 0.0
        arm.tick()
    assert not arm.gate.is_latched


def test_fingers_may_press_as_a_grip_does_and_no_more() -> None:
    arm = WatchedArm(contact=CONTACT)
    arm.gate.readings.finger_force, arm.gate.readings.finger_with = 55.0, "cube"
    arm.run(1.0)
    assert not arm.gate.is_latched
    arm.gate.readings.finger_force = 61.0
    arm.run(0.1)
    assert arm.alarm == "contact"
    assert "fingers and 'cube' press with 61.0 N" in arm.gate.report(arm.now).latch_reason


def test_fingers_without_a_limit_of_their_own_are_not_watched() -> None:
    arm = WatchedArm(contact={"force": 30.0, "time": 0.05})
    arm.gate.readings.finger_force = 1e3
    arm.run(0.2)
    assert not arm.gate.is_latched


# Joint limits


@pytest.mark.guarantee("Supervision", "a measured joint beyond its limit", "control/joint_watch.py")
def test_measured_joint_beyond_its_limit_stops_the_robot() -> None:
    arm = WatchedArm(joint_limit={"margin": 0.1})
    arm.run(0.05)
    arm.held = {1: 2.09}
    arm.run(0.1)
    assert not arm.gate.is_latched
    arm.held = {1: -2.11}
    arm.run(0.05)
    assert arm.alarm == "joint_limit"
    assert "'elbow' is at -2.110; valid: -2.000 to 2.000 and 0.100 beyond" in arm.gate.report(arm.now).latch_reason


@pytest.mark.guarantee(
    "Supervision",
    "a robot already outside the workspace may only move back towards it",
    "control/workspace_check.py; control/joint_watch.py",
)
def test_joint_that_is_outside_when_armed_may_come_back_but_not_leave_again() -> None:
    arm = WatchedArm(joint_limit={"margin": 0.1})
    arm.held = {1: 2.5}
    arm.position[1] = 2.5
    arm.watch.restart()
    arm.run(0.1)
    for position in (2.4, 2.2, 2.0):
        arm.held = {1: position}
        arm.run(0.05)
    assert not arm.gate.is_latched
    arm.held = {1: 2.15}
    arm.run(0.05)
    assert arm.alarm == "joint_limit"


# Drives


@pytest.mark.guarantee(
    "Supervision", "a drive that is too hot, draws too much, or is not read any more", "control/reading_watch.py"
)
@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("temperature", {"temperature": 66.0}, "'shoulder' has 66.0 deg C for 0.20 s; valid: up to 65.0 deg C"),
        ("current", {"current": 3.0}, "'shoulder' has 3.0 A for 0.20 s; valid: up to 2.5 A"),
    ],
)
def test_drive_over_its_threshold_stops_the_robot(kind: str, given: dict[str, float], words: str) -> None:
    arm = WatchedArm(**{kind: {"limit": 65.0 if kind == "temperature" else 2.5, "time": 0.2}})
    arm.cool(**given)
    arm.run(0.15)
    assert not arm.gate.is_latched
    arm.run(0.1)
    assert arm.alarm == kind
    assert words in arm.gate.report(arm.now).latch_reason


def test_drive_over_its_threshold_for_a_moment_stops_nothing() -> None:
    arm = WatchedArm(current={"limit": 2.5, "time": 0.2})
    for _ in range(5):
        arm.cool(current=9.0)
        arm.run(0.1)
        arm.cool()
        arm.run(0.05)
    assert not arm.gate.is_latched


@pytest.mark.guarantee(
    "Supervision", "a drive that is too hot, draws too much, or is not read any more", "control/reading_watch.py"
)
def test_drive_that_cannot_be_read_any_more_stops_the_robot() -> None:
    arm = WatchedArm(
        temperature={"limit": {"shoulder": 65.0, "elbow": 65.0, "gripper": None}, "time": 0.2, "max_age": 0.5}
    )
    arm.gate.readings.temperature[2] = np.nan
    for _ in range(10):
        arm.gate.readings.temperature_time = arm.steady
        arm.run(0.1)
    assert not arm.gate.is_latched, "the gripper's drive is not watched"
    arm.gate.readings.temperature[1] = np.nan
    for _ in range(7):
        arm.gate.readings.temperature_time = arm.steady
        arm.run(0.1)
    assert arm.alarm == "temperature"
    assert "no reading of 'elbow'" in arm.gate.report(arm.now).latch_reason


@pytest.mark.guarantee(
    "Supervision", "a drive that is too hot, draws too much, or is not read any more", "control/reading_watch.py"
)
def test_readings_that_are_not_renewed_stop_the_robot() -> None:
    arm = WatchedArm(current={"limit": 2.5, "time": 0.2, "max_age": 0.5})
    arm.run(0.45)
    assert not arm.gate.is_latched
    arm.run(0.1)
    assert arm.alarm == "current"
    assert "no reading of the drives" in arm.gate.report(arm.now).latch_reason


def test_node_that_does_not_measure_a_drive_says_so_and_does_not_watch_it() -> None:
    arm = WatchedArm(("contact",), temperature={"limit": 65.0, "time": 0.2}, contact=CONTACT)
    assert arm.watch.unmeasured == ["temperature"]
    arm.cool(temperature=90.0)
    arm.run(1.0)
    assert not arm.gate.is_latched


# Clock


@pytest.mark.guarantee("Supervision", "ROS time that jumps back or ahead of real time", "control/clock_watch.py")
def test_ros_time_that_goes_back_stops_the_robot() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    swing(arm)
    arm.run(0.1)
    arm.ros -= 0.6
    arm.tick()
    assert arm.alarm == "clock"
    assert "went back by 0.59" in arm.gate.report(arm.now).latch_reason


@pytest.mark.guarantee("Supervision", "ROS time that jumps back or ahead of real time", "control/clock_watch.py")
def test_ros_time_that_runs_ahead_of_real_time_stops_the_robot() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    arm.run(0.1)
    arm.ros += 0.6
    arm.tick()
    assert arm.alarm == "clock"
    assert "went on by 0.61" in arm.gate.report(arm.now).latch_reason


def test_time_that_passes_for_both_clocks_is_no_jump() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    arm.run(0.1)
    arm.ros, arm.steady = arm.ros + 0.2, arm.steady + 0.2
    arm.tick()
    arm.steady += 0.2  # ROS time stood still, as in a paused world
    arm.tick()
    assert not arm.gate.is_latched


def test_small_step_back_drops_the_chunk_but_stops_nothing() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    swing(arm)
    arm.run(0.1)
    arm.ros -= 0.1
    arm.tick()
    assert not arm.gate.is_latched
    assert not arm.gate.report(arm.now).playing


def test_world_that_was_reset_has_another_time_without_a_stop() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    arm.run(0.1)
    arm.ros = 0.0
    arm.gate.restart(arm.position, arm.now)
    arm.run(0.1)
    assert not arm.gate.is_latched


def test_clock_that_jumped_while_the_robot_was_latched_is_no_news_when_it_is_armed() -> None:
    arm = WatchedArm(clock={"jump": 0.5})
    arm.run(0.1)
    arm.gate.stop("test", arm.now)
    arm.ros += 100.0
    arm.run(0.1)
    arm.beat(armed=False)
    arm.arm()
    arm.run(0.1)
    assert not arm.gate.is_latched


# Speed zones

ZONES = {"zones": {"free": 1.0, "near": 0.25, "inside": 0.0}, "timeout": 0.2, "missing": "slowest"}


def run_in_zone(arm: WatchedArm, zone: str, duration: float) -> None:
    assert arm.watch.zones is not None
    for _ in range(round(duration / 0.1)):
        arm.watch.zones.select(zone, arm.steady)
        arm.run(0.1)


@pytest.mark.guarantee(
    "Supervision",
    "a speed zone scales the velocity limits; no signal is the slowest zone or a stop",
    "control/speed_zones.py",
)
def test_zone_scales_the_velocity_limits() -> None:
    arm = WatchedArm(speed_zones={**ZONES, "zones": {"free": 1.0, "near": 0.25}})
    assert arm.watch.zones is not None and arm.watch.zones.select("near", arm.steady)
    arm.tick()
    swing(arm)
    run_in_zone(arm, "near", 1.0)
    assert arm.most == pytest.approx(0.5, rel=1e-6)
    report = arm.gate.report(arm.now)
    assert (report.speed_zone, report.speed_scale) == ("near", 0.25)
    run_in_zone(arm, "free", 0.3)
    assert arm.most > 1.0


def test_robot_that_is_fast_slows_down_within_its_acceleration_when_somebody_comes_near() -> None:
    arm = WatchedArm(speed_zones={**ZONES, "zones": {"free": 1.0, "near": 0.25}})
    rows = np.array([[-0.9 + 1.8 * k / 50, 0.0, 0.25] for k in range(51)])
    run_in_zone(arm, "free", 0.1)
    arm.gate.restart(rows[0], arm.now)
    arm.position = rows[0].copy()
    assert arm.submit(rows, control_period=0.02, lifetime=1.0).accepted
    run_in_zone(arm, "free", 0.4)
    assert arm.velocity[0] > 1.5
    before = arm.velocity[0]
    speeds = []
    for _ in range(20):
        assert arm.watch.zones is not None
        arm.watch.zones.select("near", arm.steady)
        arm.tick()
        speeds.append(arm.velocity[0])
    assert np.diff([before, *speeds]).min() >= -10.0 * DT - 1e-9
    assert speeds[-1] <= 0.5 + 1e-9
    assert not arm.gate.is_latched


def test_zone_of_no_speed_stops_the_robot() -> None:
    arm = WatchedArm(speed_zones=ZONES)
    assert arm.watch.zones is not None
    arm.watch.zones.select("inside", arm.steady)
    arm.tick()
    assert arm.alarm == "speed_zone"
    assert "zone 'inside' stops; valid: free, near" in arm.gate.report(arm.now).latch_reason


@pytest.mark.guarantee(
    "Supervision",
    "a speed zone scales the velocity limits; no signal is the slowest zone or a stop",
    "control/speed_zones.py",
)
def test_missing_signal_is_the_slowest_zone() -> None:
    arm = WatchedArm(speed_zones={**ZONES, "zones": {"free": 1.0, "near": 0.25}})
    assert arm.watch.zones is not None
    run_in_zone(arm, "free", 0.1)
    arm.run(0.3)
    assert not arm.gate.is_latched
    report = arm.gate.report(arm.now)
    assert (report.speed_zone, report.speed_scale) == ("", 0.25)


@pytest.mark.guarantee(
    "Supervision",
    "a speed zone scales the velocity limits; no signal is the slowest zone or a stop",
    "control/speed_zones.py",
)
def test_missing_signal_stops_where_it_is_configured_to() -> None:
    arm = WatchedArm(speed_zones={**ZONES, "missing": "stop"})
    run_in_zone(arm, "free", 0.0)
    arm.tick()
    assert arm.alarm == "speed_zone"
    assert "no valid signal of a speed zone" in arm.gate.report(arm.now).latch_reason


def test_unknown_zone_is_as_good_as_no_signal() -> None:
    arm = WatchedArm(speed_zones={**ZONES, "zones": {"free": 1.0, "near": 0.25}})
    assert arm.watch.zones is not None
    run_in_zone(arm, "free", 0.1)
    assert not arm.watch.zones.select("moon", arm.steady)
    assert arm.watch.zones.scale(arm.steady) == 0.25


# The gate and the graph


@pytest.mark.guarantee(
    "Supervision",
    "an alarm latches the robot in the tick that sees it, as a new stop that no earlier resume outlives",
    "control/gate.py _supervise",
)
def test_alarm_is_a_stop_that_no_earlier_resume_outlives_and_is_forgotten_when_armed() -> None:
    arm = WatchedArm(contact=CONTACT)
    count = arm.gate.report(arm.now).latch_count
    arm.gate.readings.contact_force = 100.0
    arm.run(0.1)
    assert arm.gate.report(arm.now).latch_count > count
    for _ in range(3):
        arm.beat()
    assert arm.gate.is_latched, "heartbeats of the arming before the alarm open nothing"
    arm.gate.readings.contact_force = 0.0
    arm.beat(armed=False)
    arm.arm()
    arm.run(0.2)
    assert arm.alarm == "" and arm.gate.alarm is None


def test_latched_robot_is_not_watched() -> None:
    arm = WatchedArm(contact=CONTACT, tracking=TRACKING)
    arm.gate.stop("hand", arm.now)
    arm.gate.readings.contact_force = 100.0
    arm.run(0.5)
    report = arm.gate.report(arm.now)
    assert (report.alarm, report.latch_reason) == ("", "stop: hand")


@pytest.mark.guarantee(
    "Supervision", "the graph stops with it, names robot and cause", "safety/supervisor.py on_gate_report"
)
def test_robot_that_stopped_itself_stops_the_graph_with_its_name_and_the_cause() -> None:
    arm = WatchedArm(contact=CONTACT)
    supervisor = Supervisor(SupervisorConfig("run", "sup", arm_on_start=True), arm.steady)
    supervisor.on_gate_report(arm.gate.report(arm.now), arm.steady)
    assert supervisor.is_armed
    arm.gate.readings.contact_force, arm.gate.readings.contact_with = 45.0, "table"
    arm.run(0.1)
    supervisor.on_gate_report(arm.gate.report(arm.now), arm.steady)
    state = supervisor.tick(arm.steady)
    assert state.state is GraphState.STOPPING
    assert state.stop_source == "robot/arm"
    assert state.stop_reason.startswith("robot 'arm' latched: stop: contact: arm and 'table' press with 45.0 N")


def test_record_of_the_limits_is_canonical_and_names_everything_in_force() -> None:
    arm = WatchedArm(("contact",), tracking=TRACKING, contact=CONTACT, temperature={"limit": 65.0, "time": 1.0})
    record = limits_record(arm.gate)
    limits = record["limits"]
    assert isinstance(limits, dict)
    assert record["sha256"] == hashlib.sha256(rfc8785.dumps(json.loads(json.dumps(limits)))).hexdigest()
    assert limits["joints"]["elbow"] == {"lower": -2, "upper": 2, "velocity": 2, "acceleration": 10, "effort": 3}  # type: ignore[index,call-overload]
    assert limits["supervision"]["contact"]["force"] == 30  # type: ignore[index,call-overload]
    assert limits["gate"]["stop_category"] == "controlled_and_hold"  # type: ignore[index,call-overload]
    assert limits["not_measured"] == ["temperature"]
    other = WatchedArm(("contact",), tracking=TRACKING, contact={**CONTACT, "force": 31.0})
    assert limits_record(other.gate)["sha256"] != record["sha256"]


def test_gate_without_supervision_says_so_in_the_record() -> None:
    limits = limits_record(Bench().gate)["limits"]
    assert isinstance(limits, dict) and limits["supervision"] is None
