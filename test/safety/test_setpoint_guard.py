"""A set-point that the arm could not follow is never sent, and every start is where the joints are: for every driver's gate."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.supervision import Supervision
from strands_robots.core.types import Instant
from strands_robots.description.supervision_config import LimitsConfig, TrackingConfig

from .gates import DT, Bench, limits


class StiffArm(Bench):
    """A bench whose arm follows only while `is_driven`; its gripper need not follow."""

    def __init__(self, tolerance: float = 0.4, **options: object) -> None:
        super().__init__(**options)
        tracking = TrackingConfig(error={"shoulder": tolerance, "elbow": tolerance, "gripper": None}, time=0.8)
        supervision = Supervision(LimitsConfig(tracking=tracking), limits(), DT)
        self.gate = Gate(self.gate.config, limits(), self.position, supervision)
        self.is_driven = True

    def tick(self, dt: float = DT) -> object:
        before = self.position.copy()
        setpoint = super().tick(dt)
        if not self.is_driven:
            self.position, self.velocity = before, np.zeros(3)
        return setpoint


def sent_away(arm: StiffArm, shoulder: float) -> None:
    """Move the set-point away from an arm whose drives do not act on it."""
    arm.is_driven = False
    assert arm.submit([[shoulder, 0.0, 0.25]]).accepted
    arm.run(1.0)
    assert abs(arm.gate.tick(arm.now, DT, arm.position, arm.velocity).target[0] - shoulder) < 1e-6


@pytest.mark.guarantee(
    "Supervision", "motions and armings start where the joints are measured", "control/setpoint_guard.py take_start"
)
def test_next_motion_starts_where_the_joint_is_and_not_at_the_old_set_point() -> None:
    arm = StiffArm().arm()
    sent_away(arm, 0.3)
    arm.is_driven = True
    rows = [[0.3 - 0.001 * k, 0.0, 0.25] for k in range(50)]
    assert arm.submit(rows, control_period=0.02).accepted
    path = arm.run(1.0)[:, 0]
    assert abs(path[0]) < 0.02, "the whole 0.3 rad were sent at once"
    assert np.abs(np.diff(np.concatenate([[0.0], path]))).max() <= 2.0 * DT + 1e-9, "faster than the velocity limit"


def test_held_stream_against_an_obstacle_goes_on_pressing() -> None:
    arm = StiffArm().arm()
    arm.is_driven = False
    targets = []
    for _ in range(60):
        assert arm.submit([[0.3, 0.0, 0.25]]).accepted
        targets += arm.run(0.05)[:, 0].tolist()
    assert min(targets[100:]) > 0.29, "a stream without a pause is one motion"


@pytest.mark.guarantee(
    "Supervision", "motions and armings start where the joints are measured", "control/setpoint_guard.py take_start"
)
def test_arming_after_an_interruption_holds_every_joint_that_must_follow_where_it_is() -> None:
    arm = StiffArm().arm()
    arm.is_driven = False
    arm.gate.interrupt("link lost: test", arm.now)
    arm.run(0.2)
    arm.position = np.array([0.05, -0.02, 0.10])
    arm.velocity = np.zeros(3)
    arm.run(0.3)
    arm.arm()
    target = arm.tick().target  # type: ignore[attr-defined]
    assert target[:2] == pytest.approx([0.05, -0.02]), "0.05 rad are no sag after an interruption"
    assert target[2] == pytest.approx(0.25), "a gripper goes on holding"


@pytest.mark.guarantee("Supervision", "drives that do not act on set-points stop the robot", "control/gate.py _detach")
def test_drives_that_do_not_act_stop_the_robot_and_its_set_point_follows_the_joints() -> None:
    arm = StiffArm().arm()
    arm.gate.readings.detached = "controller 'jtc' is inactive, not active"
    arm.gate.readings.is_detached[:] = True
    arm.is_driven = False
    arm.position = np.array([0.2, 0.1, 0.05])
    arm.velocity = np.zeros(3)
    target = arm.tick().target  # type: ignore[attr-defined]
    assert arm.gate.is_latched and "inactive" in arm.gate.report(arm.now).latch_reason
    assert target == pytest.approx([0.2, 0.1, 0.05])
    arm.gate.readings.detached = ""
    arm.gate.readings.is_detached[:] = False
    arm.position = np.array([0.3, 0.1, 0.02])
    arm.arm()
    assert arm.tick().target == pytest.approx([0.3, 0.1, 0.02])  # type: ignore[attr-defined]


@pytest.mark.guarantee(
    "Supervision",
    "a set-point that the arm could not follow is never sent, by any driver",
    "control/setpoint_guard.py check",
)
def test_set_point_out_of_reach_is_not_sent_but_stops_the_robot_with_both_numbers() -> None:
    arm = StiffArm().arm()
    arm.tick()
    arm.position = np.array([-0.9, 0.0, 0.25])  # 0.9 rad in one tick: an encoder, a hand, a controller
    arm.velocity = np.zeros(3)
    arm.is_driven = False
    target = arm.tick().target  # type: ignore[attr-defined]
    assert target[0] == pytest.approx(-0.9)
    report = arm.gate.report(arm.now)
    assert report.latched and report.alarm == "tracking"
    assert "'shoulder' would be 0.900" in report.latch_reason and "up to 0.600" in report.latch_reason


@pytest.mark.guarantee(
    "Supervision",
    "a set-point that the arm could not follow is never sent, by any driver",
    "control/setpoint_guard.py check",
)
def test_late_tick_moves_the_set_point_no_further_than_three_on_time() -> None:
    arm = StiffArm().arm()
    rows = [[0.02 * k, 0.0, 0.25] for k in range(50)]
    assert arm.submit(rows, control_period=0.02).accepted
    arm.run(0.4)
    before = float(arm.position[0])
    after = float(arm.tick(0.2).target[0])  # type: ignore[attr-defined]
    assert after - before <= 3 * DT * 2.0 + 1e-9


def test_robot_without_tracking_supervision_is_bounded_by_the_time_that_a_driver_gives() -> None:
    config = GateConfig(robot="arm", session="s1", control_period=DT, follow_time=0.25)
    arm = Bench()
    arm.gate = Gate(config, limits(), arm.position)
    arm.arm()
    arm.tick()
    away = np.array([0.65, 0.0, 0.25])
    target = arm.gate.tick(Instant(arm.ros + DT, arm.steady + DT), DT, away, np.zeros(3)).target
    assert np.abs(target - away)[0] <= 0.7
    away = np.array([0.75, 0.0, 0.25])
    target = arm.gate.tick(Instant(arm.ros + 2 * DT, arm.steady + 2 * DT), DT, away, np.zeros(3)).target
    assert target[0] == pytest.approx(0.75) and arm.gate.is_latched
