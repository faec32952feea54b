"""`strands-robots real` with the simulated servo bus: from the command line to the bytes, and the driver's lifecycle."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Client, Graph, Process, wait_for
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from strands_robots.msg import GateState

from strands_robots.ros import qos

pytest.importorskip("lerobot.motors.feetech")


@dataclass
class RealGraph:
    """The graph of a real arm with its bus."""

    bus: SimulatedBus
    process: Process
    client: Client

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return bool(self.client.call(ChangeState, "driver_node/change_state", request, 20.0).success)

    def state(self) -> int:
        return int(self.client.call(GetState, "driver_node/get_state", GetState.Request()).current_state.id)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGraph]:
    folder: Path = tmp_path_factory.mktemp("real")
    bus = SimulatedBus(folder)
    calibration = write_calibration(folder / "mine.json")
    try:
        with Graph() as graph:
            command = [sys.executable, "-m", "strands_robots.cli.main", "real", "--robot", "so101", "--port", bus.port]
            command += ["--calibration", str(calibration), "--no-incidents"]
            process = Process(command, {**graph.environment, "ROS_HOME": str(folder)})
            graph.processes.append(process)
            yield RealGraph(bus, process, graph.client())
    finally:
        bus.close()


def test_real_arm_holds_but_stays_stopped_until_somebody_resumes(real: RealGraph) -> None:
    gates = real.client.listen(GateState, "so101/gate_state", qos.STATE)
    wait_for(lambda: gates and gates[-1].at_rest, 40.0, "an arm at rest")
    assert real.bus.torque() == "111111"
    time.sleep(1.0)
    assert gates[-1].latched
    assert real.state() == State.PRIMARY_STATE_ACTIVE


def test_wrong_transition_is_refused_and_the_node_lives(real: RealGraph) -> None:
    for wrong in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CONFIGURE, 250):
        assert not real.change(wrong)
    assert real.state() == State.PRIMARY_STATE_ACTIVE
    assert real.process.exit_code is None


def test_unplugged_driver_leaves_the_active_state_and_comes_back_by_transitions_only(real: RealGraph) -> None:
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


def test_cleanup_lets_the_arm_go(real: RealGraph) -> None:
    assert real.change(Transition.TRANSITION_DEACTIVATE)
    assert real.bus.torque() == "111111"
    assert real.change(Transition.TRANSITION_CLEANUP)
    assert real.bus.torque() == "000000"
