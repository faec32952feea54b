"""`strands-robots real` with the simulated servo bus: from the command line to the bytes, and the driver's lifecycle."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from graph import wait_for
from lifecycle_msgs.msg import State, Transition
from strands_robots.msg import GateState

from strands_robots.ros.messages import qos

pytest.importorskip("lerobot.motors.feetech")
from .real_arm import RealArm, real_arm


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealArm]:
    with real_arm(tmp_path_factory.mktemp("real")) as arm:
        yield arm


def test_real_arm_holds_but_stays_stopped_until_somebody_resumes(real: RealArm) -> None:
    gates = real.client.listen(GateState, "so101/gate_state", qos.STATE)
    wait_for(lambda: gates and gates[-1].at_rest, 40.0, "an arm at rest")
    assert real.bus.torque() == "111111"
    time.sleep(1.0)
    assert gates[-1].latched
    assert real.state() == State.PRIMARY_STATE_ACTIVE


def test_wrong_transition_is_refused_and_the_node_lives(real: RealArm) -> None:
    for wrong in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CONFIGURE, 250):
        assert not real.change(wrong)
    assert real.state() == State.PRIMARY_STATE_ACTIVE
    assert real.process.exit_code is None


def test_unplugged_driver_leaves_the_active_state_and_comes_back_by_transitions_only(real: RealArm) -> None:
    real.bus.do("unplug")
    wait_for(lambda: real.state() == State.PRIMARY_STATE_INACTIVE, 10.0, "inactive")
    real.bus.do("plug")
    assert not real.change(Transition.TRANSITION_ACTIVATE)
    assert real.state() == State.PRIMARY_STATE_INACTIVE
    assert real.change(Transition.TRANSITION_CLEANUP)
    assert real.change(Transition.TRANSITION_CONFIGURE)
    before = real.bus.joint("shoulder_lift")
    assert real.change(Transition.TRANSITION_ACTIVATE)
    time.sleep(0.3)
    assert real.bus.joint("shoulder_lift") == pytest.approx(before, abs=0.05)
    assert real.process.exit_code is None


def test_cleanup_lets_the_arm_go(real: RealArm) -> None:
    assert real.change(Transition.TRANSITION_DEACTIVATE)
    assert real.bus.torque() == "111111"
    assert real.change(Transition.TRANSITION_CLEANUP)
    assert real.bus.torque() == "000000"
