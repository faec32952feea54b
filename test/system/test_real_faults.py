"""Faults of a real arm while it moves, on the whole graph of `strands-robots real` with the servo bus as a process of its own.

The drivers alone have their faults in test/drivers; here it is what the graph, its operator and its log see of them.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest
from drivers.simulated_bus import MOUNTS, SimulatedBus, write_calibration
from graph import wait_for
from lifecycle_msgs.msg import State, Transition

pytest.importorskip("lerobot.motors.feetech")
from .real_arm import ELBOW, PAN, RealArm, real_arm

pytestmark = [pytest.mark.long, pytest.mark.learning]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealArm]:
    with real_arm(tmp_path_factory.mktemp("real")) as arm:
        yield arm


@pytest.fixture
def arm(started: RealArm) -> RealArm:
    """An arm that moves: whatever the test before did is put right as an operator would."""
    started.bus.do("plug")
    started.bus.do("heal")
    if started.state() != State.PRIMARY_STATE_ACTIVE or started.bus.torque() != "111111":
        if started.state() == State.PRIMARY_STATE_ACTIVE:
            assert started.change(Transition.TRANSITION_DEACTIVATE)
        started.connect_again()
    started.resume()
    started.swing()
    return started


def test_five_percent_lost_packets_are_counted_in_diagnostics_and_the_arm_goes_on(arm: RealArm) -> None:
    before = int(arm.driver().get("missing", "0"))
    arm.bus.do("drop 5")
    wait_for(lambda: int(arm.driver().get("missing", "0")) > before + 10, 10.0, "the count")
    arm.states.clear()
    wait_for(lambda: len(arm.states) > 150, 5.0, "a second and a half of motion")
    assert np.ptp([state.position[PAN] for state in list(arm.states)]) > 0.1, "the arm swings on"
    assert not arm.stop_reason and arm.state() == State.PRIMARY_STATE_ACTIVE


def test_stalled_joint_stops_the_graph_with_its_name(arm: RealArm) -> None:
    arm.bus.do("stall shoulder_pan")
    here = arm.position(PAN)
    away = np.minimum(np.arange(100) * 0.05, 1.0)
    arm.send(PAN, (here - math.copysign(1.0, here) * away).tolist(), 0.05)
    wait_for(lambda: "shoulder_pan" in arm.stop_reason, 10.0, "the stop")
    assert arm.gate.latched
    assert arm.state() == State.PRIMARY_STATE_ACTIVE, "a stop is no loss of the link"


def test_overheated_servo_stops_the_graph_with_its_name_and_the_others_hold(arm: RealArm) -> None:
    arm.bus.do("temperature elbow_flex 80")
    wait_for(lambda: "elbow_flex" in arm.stop_reason and "overheat" in arm.stop_reason, 5.0, "the stop")
    assert "overheat" in arm.driver()["message"] or wait_for(lambda: "overheat" in arm.driver()["message"], 3.0)
    assert arm.bus.torque() == "110111", "the hot servo has let go by itself"
    arm.bus.do("heal")
    time.sleep(0.5)
    assert arm.bus.torque()[ELBOW] == "0", "torque comes back by the operator only"


def test_brown_out_stops_the_graph_and_gives_no_torque_back_by_itself(arm: RealArm) -> None:
    arm.bus.do("voltage 3.0")
    wait_for(lambda: arm.stop_reason, 5.0, "the stop")
    wait_for(lambda: arm.state() == State.PRIMARY_STATE_INACTIVE, 10.0, "inactive")
    arm.bus.do("voltage 12")
    time.sleep(0.5)
    assert arm.bus.torque() == "000000"
    start = arm.wait_true_rest()
    arm.connect_again()
    assert arm.bus.torque() == "111111", arm.process.text[-3000:]
    assert arm.largest_deviation(start, 1.0) < 0.05, "it takes torque where it fell"
    assert arm.gate.latched


def test_unplugged_in_motion_holds_its_last_target_and_moves_again_by_the_operator_only(arm: RealArm) -> None:
    arm.bus.do("unplug")
    wait_for(lambda: "link lost" in arm.stop_reason, 5.0, "the stop")
    wait_for(lambda: arm.state() == State.PRIMARY_STATE_INACTIVE, 10.0, "inactive")
    held = arm.wait_true_rest()
    arm.bus.do("plug")
    assert arm.largest_deviation(held, 1.0) < 0.01, "nobody but the operator connects again"
    assert not arm.change(Transition.TRANSITION_ACTIVATE)
    assert arm.state() == State.PRIMARY_STATE_INACTIVE
    # cleanup lets the arm go, so it may sink until it has torque again; from then on it must not move.
    arm.connect_again()
    start = arm.wait_true_rest()
    assert arm.largest_deviation(start, 0.5) < 0.01
    assert arm.gate.latched, "connecting is not resuming"
    assert arm.process.exit_code is None


def test_killed_servo_bus_is_a_lost_link_and_its_successor_is_connected_by_the_operator(arm: RealArm) -> None:
    arm.bus.kill()
    wait_for(lambda: "link lost" in arm.stop_reason, 5.0, "the stop")
    wait_for(lambda: arm.state() == State.PRIMARY_STATE_INACTIVE, 10.0, "inactive")
    arm.bus = SimulatedBus(arm.folder)
    start = arm.truth()
    time.sleep(0.5)
    assert arm.state() == State.PRIMARY_STATE_INACTIVE
    arm.connect_again()
    assert arm.largest_deviation(start, 0.5) < 0.2, "the new arm was let go for the time of the transitions only"


def test_what_cannot_be_connected_ends_with_a_reason(arm: RealArm) -> None:
    """Six drivers that must not start, beside the one that runs."""
    folder = arm.folder / "others"
    folder.mkdir(exist_ok=True)
    elsewhere = folder / "slow"
    elsewhere.mkdir(exist_ok=True)
    other, slow = SimulatedBus(folder), SimulatedBus(elsewhere)
    slow.do("baud 57600")
    stranger = write_calibration(folder / "stranger.json", (MOUNTS[0] + 40, *MOUNTS[1:]))
    mine = str(arm.calibration)
    user = os.open(os.path.realpath(other.port), os.O_RDWR | os.O_NOCTTY)
    cases = {
        "does not exist; found: ": {"robot": "a=so101", "port": "/dev/nothing", "calibration": mine},
        f"port '{arm.bus.port}' is busy": {"robot": "b=so101", "port": arm.bus.port, "calibration": mine},
        f"pid {os.getpid()}": {"robot": "c=so101", "port": other.port, "calibration": mine},
        "answer at 57600 baud": {"robot": "d=so101", "port": slow.port, "calibration": mine},
        "cannot be read": {"robot": "f=so101", "port": slow.port, "calibration": str(folder / "none.json")},
        "already serves": {"robot": "so101=so101", "port": slow.port, "calibration": mine},
    }
    try:
        for words, given in cases.items():
            if words == "already serves":
                slow.do("baud 1000000")
            process = arm.graph.start("driver_node", autostart="activate", **given)
            assert process.wait(40.0) != 0
            assert words in process.text, process.text
            assert not arm.stop_reason, f"'{words}': the running arm noticed it: {arm.stop_reason}"
        os.close(user)
        another = arm.graph.start(
            "driver_node", autostart="activate", robot="g=so101", port=other.port, calibration=str(stranger)
        )
        assert another.wait(40.0) != 0
        assert "is of another arm: 'shoulder_pan'" in another.text, another.text
    finally:
        other.close()
        slow.close()
    assert arm.state() == State.PRIMARY_STATE_ACTIVE and not arm.stop_reason, f"it noticed: {arm.stop_reason}"


def test_killed_driver_leaves_the_arm_holding_and_ends_the_graph_and_its_successor_makes_no_jump(arm: RealArm) -> None:
    os.kill(arm.node_pid("driver_node"), signal.SIGKILL)
    held = arm.wait_true_rest()
    assert arm.bus.torque() == "111111"
    assert arm.process.wait(30.0) != 0
    assert "driver_node" in arm.process.text.strip().splitlines()[-1]
    assert arm.largest_deviation(held, 0.5) < 0.01, "the servos hold"
    arm.graph.start(
        "driver_node", robot="so101=so101", port=arm.bus.port, calibration=str(arm.calibration), autostart="activate"
    )
    arm.states.clear()
    end, largest = time.monotonic() + 20.0, 0.0
    while time.monotonic() < end and len(arm.states) < 200:
        largest = max(largest, float(np.abs(arm.truth() - held).max()))
        time.sleep(0.005)
    print(f"largest deviation of a joint over the restart: {largest:.4f} rad")
    assert len(arm.states) >= 200, "the successor drives"
    assert largest < 0.02, "no jump"
