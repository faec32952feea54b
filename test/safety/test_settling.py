"""The first arming of a graph that arms on start: only what was heard for a while without a gap is armed."""

from __future__ import annotations

import pytest

from strands_robots.control.gate import GateReport
from strands_robots.core.types import StopCategory
from strands_robots.safety.settling import LONGEST_SILENCE, Settling
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig, SupervisorState


class Start:
    """A graph that starts: a supervisor which waits for one steady second, and an arm with what its gate would do."""

    def __init__(self, settle_time: float = 1.0) -> None:
        self.now = 10.0
        config = SupervisorConfig("run", "sup", arm_on_start=True, gate_state_timeout=0.5, settle_time=settle_time)
        self.supervisor = Supervisor(config, self.now)
        self.session, self.latch_count = "s1", 0
        self.is_armed = False

    def report(self) -> None:
        report = GateReport(
            robot="arm", session=self.session, latched=not self.is_armed, latch_reason="" if self.is_armed else "starting",
            arm_epoch=1, stop_category=StopCategory.CONTROLLED_AND_HOLD, torque_enabled=True, lease_holder="", playing=False,
            at_rest=True, max_velocity=0.0, accepted=0, clamped=0, latch_count=self.latch_count,
        )  # fmt: skip
        self.supervisor.on_gate_report(report, self.now)

    def run(self, duration: float, period: float = 0.05, is_heard: bool = True) -> SupervisorState:
        """Let time pass [s], with ticks and reports every period [s]."""
        end = self.now + duration
        while self.now < end - 1e-9:
            self.now += period
            if is_heard:
                self.report()
            state = self.supervisor.tick(self.now)
            self.is_armed = self.is_armed or (
                state.state is GraphState.ARMED and [robot.session for robot in state.robots] == [self.session]
            )
        return state


def test_robot_is_armed_after_a_steady_second_and_not_before() -> None:
    start = Start()
    state = start.run(0.95)
    assert (start.is_armed, state.state, state.message) == (False, GraphState.ARMED, "armed; waiting for arm")
    assert start.run(0.2).message == "armed" and start.is_armed


@pytest.mark.guarantee(
    "The first arming", "a robot that was not heard steadily is not armed by itself", "safety/settling.py"
)
def test_gap_before_the_first_arming_begins_the_time_anew_and_is_no_stop() -> None:
    start = Start()
    start.run(0.9)
    start.run(1.5, is_heard=False)
    assert start.run(0.9).state is GraphState.ARMED and not start.is_armed
    start.run(0.3)
    assert start.is_armed


def test_gap_of_the_supervisor_itself_begins_the_time_anew() -> None:
    start = Start()
    start.run(0.9)
    start.now += 0.3
    start.supervisor.tick(start.now)
    start.run(0.9)
    assert not start.is_armed
    start.run(0.3)
    assert start.is_armed


def test_robot_node_that_starts_again_before_it_was_armed_is_waited_for() -> None:
    start = Start()
    start.run(0.9)
    start.session = "s2"
    assert start.run(0.9).state is GraphState.ARMED and not start.is_armed
    start.run(0.3)
    assert start.is_armed


def test_what_is_missing_is_named_and_holds_the_first_arming() -> None:
    start = Start()
    start.supervisor.settling.hold("motion_node, audit_node")
    assert start.run(5.0).message == "armed; waiting for arm, and that for motion_node, audit_node"
    assert not start.is_armed
    start.supervisor.settling.hold("")
    start.run(0.4)
    assert not start.is_armed, "half the time has to pass after the last node has come up"
    start.run(0.2)
    assert start.is_armed


def test_gap_while_nodes_are_missing_begins_the_time_anew_as_well() -> None:
    start = Start()
    start.supervisor.settling.hold("motion_node")
    start.run(2.0)
    start.run(0.5, is_heard=False)
    start.supervisor.settling.hold("")
    start.run(0.9)
    assert not start.is_armed
    start.run(0.2)
    assert start.is_armed


@pytest.mark.guarantee("The first arming", "once armed, silence stops the graph as ever", "safety/supervisor.py tick")
def test_armed_robot_that_falls_silent_stops_the_graph_as_ever() -> None:
    start = Start()
    start.run(1.2)
    assert start.run(0.6, is_heard=False).state is not GraphState.ARMED


def test_robot_that_stays_silent_before_it_was_armed_stops_the_graph_in_the_end() -> None:
    start = Start()
    start.run(0.5)
    assert start.run(LONGEST_SILENCE - 1.0, is_heard=False).state is GraphState.ARMED
    assert "no gate_state from 'arm'" in start.run(2.0, is_heard=False).stop_reason


def test_robot_that_latches_before_it_was_armed_stops_the_graph() -> None:
    start = Start()
    start.run(0.5)
    start.latch_count = 1
    assert start.run(0.05).state is not GraphState.ARMED


@pytest.mark.guarantee(
    "The first arming", "a stop in that time is a stop like any other: only a resume arms", "safety/supervisor.py"
)
def test_stop_before_the_first_arming_needs_a_resume() -> None:
    start = Start()
    start.run(0.5)
    start.supervisor.request_stop("operator/anna", "not yet", start.now)
    assert start.run(3.0).stop_source == "operator/anna" and not start.is_armed


@pytest.mark.parametrize("settle_time", [0.0, 0.05])
def test_no_time_to_settle_arms_what_is_heard(settle_time: float) -> None:
    settling = Settling(settle_time, 0.25)
    settling.hear("arm", "s1", 1.0)
    assert settling.hear("arm", "s1", 1.06)
