"""The graph's latch: stops from anywhere, evidence before STOPPED, motion only after a resume that means this stop."""

from __future__ import annotations

from typing import Any

import pytest

from strands_robots.control.gate import GateReport
from strands_robots.core.errors import ResumeRefusedError
from strands_robots.core.types import StopCategory
from strands_robots.safety.resume import ResumeRequest, StopFacts
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig, SupervisorState


class Graph:
    """A supervisor with a clock and one robot that reports what the test says."""

    def __init__(self, *, robots: tuple[str, ...] = ("arm",), **options: Any) -> None:
        options.setdefault("arm_on_start", True)
        self.now = 50.0
        self.supervisor = Supervisor(SupervisorConfig(run_id="run", session="sup", **options), self.now)
        self.robots = robots
        self.report_fields: dict[str, dict[str, Any]] = {name: {} for name in robots}

    def report(self, name: str = "arm", **changes: Any) -> None:
        fields: dict[str, Any] = {
            "robot": name,
            "session": "s1",
            "latched": False,
            "latch_reason": "",
            "arm_epoch": 1,
            "stop_category": StopCategory.CONTROLLED_AND_HOLD,
            "torque_enabled": True,
            "lease_holder": "",
            "playing": False,
            "at_rest": True,
            "max_velocity": 0.0,
            "accepted": 0,
            "clamped": 0,
            "stop_session": "sup",
            "stop_id": self.supervisor.stop_id,
        }
        fields.update(self.report_fields.get(name, {}))
        fields.update(changes)
        self.supervisor.on_gate_report(GateReport(**fields), self.now)

    def step(self, dt: float = 0.05, **changes: Any) -> SupervisorState:
        self.now += dt
        for name in self.robots:
            self.report(name, **changes)
        return self.supervisor.tick(self.now)


def armed(**options: Any) -> Graph:
    graph = Graph(**options)
    assert graph.step().state is GraphState.ARMED
    return graph


def test_simulation_arms_on_start_and_names_the_robots_it_arms() -> None:
    state = armed().step()
    assert (state.state, state.arm_epoch, state.stop_id) == (GraphState.ARMED, 1, 0)
    assert [(robot.robot, robot.session) for robot in state.robots] == [("arm", "s1")]


def test_hardware_waits_for_a_resume() -> None:
    graph = Graph(arm_on_start=False)
    state = graph.step(latched=True)
    assert state.state is GraphState.STOPPED
    assert graph.supervisor.resume(ResumeRequest("operator/anna", "checked", state.stop_id), graph.now) == 2


def test_restart_within_the_run_comes_back_latched() -> None:
    state = Graph(is_restart=True).step(latched=True)
    assert state.state is GraphState.STOPPED
    assert "started again" in state.stop_reason


def test_stop_is_stopping_until_the_robot_itself_reports_rest() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("operator/anna", "hand in the way", graph.now)
    assert stop_id == 1
    assert graph.step(latched=True, at_rest=False).state is GraphState.STOPPING
    assert graph.step(latched=False, at_rest=True).state is GraphState.STOPPING, "an unlatched robot is no evidence"
    state = graph.step(latched=True, at_rest=True)
    assert state.state is GraphState.STOPPED
    assert state.stop_source == "operator/anna"


def test_old_report_of_rest_is_no_evidence() -> None:
    graph = armed()
    graph.report(latched=False, at_rest=True)
    graph.supervisor.request_stop("a", "b", graph.now)
    assert graph.supervisor.tick(graph.now).state is GraphState.STOPPING


def test_robot_that_moves_again_while_stopped_is_told() -> None:
    graph = armed()
    graph.supervisor.request_stop("a", "b", graph.now)
    assert graph.step(latched=True).state is GraphState.STOPPED
    assert graph.step(latched=True, at_rest=False).state is GraphState.STOPPING


@pytest.mark.guarantee("Stop", "missing evidence is an alarm with the robot's name", "safety/supervisor.py _judge")
def test_missing_evidence_is_an_alarm_that_names_the_robot() -> None:
    graph = armed()
    graph.supervisor.request_stop("a", "b", graph.now)
    for _ in range(45):
        state = graph.step(latched=True, at_rest=False)
    assert state.state is GraphState.STOP_NOT_CONFIRMED
    assert "arm" in state.message


def test_second_stop_keeps_the_first() -> None:
    graph = armed()
    first = graph.supervisor.request_stop("a", "first", graph.now)
    assert graph.supervisor.request_stop("b", "second", graph.now) == first
    assert graph.step(latched=True).stop_reason == "first"


def test_stop_that_a_robot_reported_first_gets_the_words_of_the_request() -> None:
    graph = armed()
    state = graph.step(latched=True, latch_reason="stop: requested", latch_count=1)
    assert (state.stop_id, state.stop_source) == (1, "robot/arm")
    state = graph.step(latched=True, latch_reason="stop: requested by operator/anna: hand", latch_count=1)
    assert state.stop_reason == "robot 'arm' latched: stop: requested by operator/anna: hand"
    assert graph.supervisor.request_stop("operator/anna", "hand in the way", graph.now + 0.1) == 1
    state = graph.step(latched=True, latch_reason="stop: requested", latch_count=1)
    assert (state.stop_id, state.stop_source, state.stop_reason) == (1, "operator/anna", "hand in the way")
    assert graph.supervisor.stop == StopFacts(1, ("operator/anna",), "hand in the way")
    graph.supervisor.request_stop("operator/ben", "me too", graph.now)
    assert graph.supervisor.stop == StopFacts(1, ("operator/anna", "operator/ben"), "hand in the way")


def test_stop_of_a_robot_by_itself_keeps_its_words() -> None:
    graph = armed()
    graph.step(latched=True, latch_reason="stop: contact", latch_count=1)
    graph.supervisor.request_stop("operator/anna", "hand in the way", graph.now)
    assert graph.supervisor.stop is not None and "contact" in graph.supervisor.stop.reason


def test_stop_without_a_word_still_stops() -> None:
    graph = armed()
    graph.supervisor.request_stop("", "", graph.now)
    state = graph.step(latched=True)
    assert (state.stop_source, state.stop_reason) == ("unknown", "no reason given")


def test_resume_raises_the_epoch_above_every_gate() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True, arm_epoch=41)
    assert graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now) == 42
    assert graph.step(latched=True, arm_epoch=41).state is GraphState.ARMED


@pytest.mark.parametrize("wrong", [0, 2, 99])
def test_resume_of_another_stop_is_refused(wrong: int) -> None:
    graph = armed()
    graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True)
    with pytest.raises(ResumeRefusedError, match="valid: 1"):
        graph.supervisor.resume(ResumeRequest("operator/anna", "ok", wrong), graph.now)
    assert not graph.supervisor.is_armed


def test_resume_of_nothing_is_refused() -> None:
    graph = armed()
    with pytest.raises(ResumeRefusedError, match="nothing is stopped"):
        graph.supervisor.resume(ResumeRequest("operator/anna", "ok", 0), graph.now)


def test_resume_while_a_robot_moves_is_refused() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True, at_rest=False)
    with pytest.raises(ResumeRefusedError, match="arm does not report rest"):
        graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)


def test_resume_while_a_robot_is_silent_is_refused() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True)
    graph.now += 1.0
    with pytest.raises(ResumeRefusedError, match="no gate_state from arm"):
        graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)


def test_resume_without_a_name_is_refused() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True)
    with pytest.raises(ResumeRefusedError, match="source"):
        graph.supervisor.resume(ResumeRequest(" ", "ok", stop_id), graph.now)


def test_authority_has_the_last_word() -> None:
    class Nobody:
        def check(self, request: ResumeRequest, stop: StopFacts, now: float) -> None:
            raise ResumeRefusedError("no key")

    supervisor = Supervisor(SupervisorConfig(run_id="r", session="s"), 0.0, Nobody())
    with pytest.raises(ResumeRefusedError, match="no key"):
        supervisor.resume(ResumeRequest("operator/anna", "ok", supervisor.stop_id), 0.1)
    assert not supervisor.is_armed


def test_robot_that_latches_by_itself_stops_the_graph() -> None:
    state = armed().step(latched=True, latch_reason="heartbeat_lost")
    assert state.state is not GraphState.ARMED
    assert "heartbeat_lost" in state.stop_reason


def test_robot_that_does_not_arm_stops_the_graph() -> None:
    graph = Graph()
    for _ in range(38):
        assert graph.step(latched=True, latch_reason="starting").state is GraphState.ARMED
    for _ in range(4):
        state = graph.step(latched=True, latch_reason="starting")
    assert state.state is not GraphState.ARMED
    assert "did not arm" in state.stop_reason


@pytest.mark.guarantee("Supervision", "the graph stops when a robot is silent", "safety/supervisor.py tick")
def test_silent_robot_stops_the_graph() -> None:
    graph = armed(robots=("arm", "other"))
    graph.robots = ("arm",)
    for _ in range(12):
        state = graph.step()
    assert state.state is not GraphState.ARMED
    assert "'other'" in state.stop_reason


def test_robot_node_that_started_again_is_not_armed() -> None:
    graph = armed()
    state = graph.step(session="s2", latched=True, latch_reason="starting")
    assert state.state is not GraphState.ARMED
    assert "started again" in state.stop_reason
    assert state.robots[0].session == "s1"
    graph.step(session="s2", latched=True)
    graph.supervisor.resume(ResumeRequest("operator/anna", "ok", state.stop_id), graph.now)
    assert graph.step(session="s2", latched=True).robots[0].session == "s2"


def test_robot_that_joins_an_armed_graph_of_hardware_stops_it() -> None:
    graph = Graph(arm_on_start=False)
    graph.step(latched=True)
    graph.supervisor.resume(ResumeRequest("operator/anna", "ok", graph.supervisor.stop_id), graph.now)
    graph.step()
    graph.robots = ("arm", "late")
    assert "joined" in graph.step().stop_reason


def test_sequence_rises_with_every_heartbeat() -> None:
    graph = armed()
    assert graph.step().sequence < graph.step().sequence


@pytest.mark.guarantee(
    "Stop",
    "STOPPED is said only after every robot reported that it heard *this* stop, is latched and at rest",
    "safety/supervisor.py on_gate_report",
)
@pytest.mark.parametrize(
    "changes", [{"stop_id": 0}, {"stop_session": "predecessor"}, {"latched": False}, {"at_rest": False}]
)
def test_report_that_does_not_say_that_this_stop_was_heard_is_no_evidence(changes: dict[str, Any]) -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    assert graph.step(**{"latched": True, "at_rest": True, **changes}).state is GraphState.STOPPING
    with pytest.raises(ResumeRefusedError, match="since stop 1"):
        graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)


def test_resume_admits_the_count_of_the_latch() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True, latch_count=7)
    graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)
    assert graph.step(latched=True, latch_count=7).robots[0].latch_count == 7


def test_robot_that_latched_after_the_report_on_which_the_resume_was_based_stops_the_graph() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True, latch_count=7)
    graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)
    state = graph.step(latched=True, latch_count=8, latch_reason="stop: button")
    assert state.state is not GraphState.ARMED
    assert "stop: button" in state.stop_reason


def test_overtaken_report_says_nothing() -> None:
    graph = armed()
    stop_id = graph.supervisor.request_stop("a", "b", graph.now)
    graph.step(latched=True, latch_count=2)
    graph.supervisor.resume(ResumeRequest("operator/anna", "ok", stop_id), graph.now)
    graph.step(latched=False, latch_count=1)
    assert graph.step(latched=True, latch_count=2).state is GraphState.ARMED


def test_robot_that_had_latched_before_it_was_heard_is_not_armed_by_joining() -> None:
    state = Graph().step(latched=True, latch_count=1, latch_reason="stop: button")
    assert state.state is not GraphState.ARMED
    assert "before it was heard: stop: button" in state.stop_reason


GONE = {"latched": True, "latch_reason": "retired", "retired": True, "latch_count": 1}


def test_robot_that_retires_leaves_and_its_silence_stops_nobody() -> None:
    graph = armed(robots=("arm", "other"))
    graph.report("other", **GONE)
    graph.robots = ("arm",)
    for _ in range(20):
        state = graph.step()
    assert state.state is GraphState.ARMED
    assert [robot.robot for robot in state.robots] == ["arm"]


@pytest.mark.guarantee(
    "Supervision",
    "a robot leaves supervision only by its own word, latched, at rest and without a lease; "
    "silence is never taken for leaving ([ADR 5](../adr/0005-a-robot-retires-by-its-own-word.md))",
    "safety/supervisor.py _retire",
)
@pytest.mark.parametrize(
    "wrong", [{"latched": False}, {"at_rest": False}, {"lease_holder": "policy/sine"}, {"playing": True}]
)
def test_robot_that_retires_while_it_could_move_stops_the_graph_and_stays_supervised(wrong: dict[str, Any]) -> None:
    graph = armed()
    graph.report(**{**GONE, **wrong})
    state = graph.supervisor.tick(graph.now)
    assert state.state is GraphState.STOPPING
    assert "retired while it could move" in state.stop_reason
    assert [robot.robot for robot in state.robots] == ["arm"]


def test_retirement_of_another_session_is_a_node_that_started_again() -> None:
    graph = armed()
    graph.report(**{**GONE, "session": "s2"})
    state = graph.supervisor.tick(graph.now)
    assert "started again" in state.stop_reason and [robot.robot for robot in state.robots] == ["arm"]


def test_retired_session_that_reports_motion_stops_the_graph() -> None:
    graph = armed()
    graph.report(**GONE)
    graph.report(**GONE)
    assert graph.supervisor.is_armed, "the word is given several times"
    graph.report(latched=False)
    assert "retired and reports again" in graph.supervisor.tick(graph.now).stop_reason


def test_robot_that_left_hardware_stops_it_and_a_resume_goes_without_it() -> None:
    graph = Graph(robots=("arm", "other"), arm_on_start=False, expected=("arm", "other"))
    graph.step(latched=True)
    graph.supervisor.resume(ResumeRequest("operator/anna", "checked", 1), graph.now)
    graph.step()
    graph.report("other", **GONE)
    graph.robots = ("arm",)
    state = graph.step(latched=True)
    assert (state.state, state.stop_reason) == (GraphState.STOPPED, "robot 'other' left the graph")
    graph.supervisor.resume(ResumeRequest("operator/anna", "checked", 2), graph.now)


def test_robot_that_retires_in_a_stopped_graph_is_no_hindrance_for_the_resume() -> None:
    graph = armed(robots=("arm", "other"), expected=("arm", "other"))
    graph.supervisor.request_stop("operator/anna", "look", graph.now)
    graph.report("other", **{**GONE, "stop_id": 0})
    graph.robots = ("arm",)
    assert graph.step(latched=True).state is GraphState.STOPPED
    graph.supervisor.resume(ResumeRequest("operator/anna", "checked", 1), graph.now)


def test_robot_of_the_same_name_comes_back_with_another_session() -> None:
    graph = armed()
    graph.report(**GONE)
    state = graph.step(session="s2")
    assert state.state is GraphState.ARMED
    assert [(robot.robot, robot.session) for robot in state.robots] == [("arm", "s2")]


def starting(**options: object) -> Supervisor:
    config = SupervisorConfig(run_id="r", session="sup", expected=("arm",), **options)  # type: ignore[arg-type]
    return Supervisor(config, 0.0)


def test_robot_that_is_still_starting_is_no_stop_that_is_not_confirmed() -> None:
    supervisor = starting()
    for now in (0.0, 2.5, 20.0):
        assert supervisor.tick(now).state is GraphState.STOPPING
    assert supervisor.tick(31.0).state is GraphState.STOP_NOT_CONFIRMED, "longer than any start"


def test_stop_of_an_operator_at_the_start_is_judged_as_any_other() -> None:
    supervisor = starting()
    supervisor.request_stop("operator/anna", "now", 1.0)
    assert supervisor.tick(2.5).state is GraphState.STOP_NOT_CONFIRMED
