"""Configured stop buttons: what keeps the graph stopped, and a resume that is refused meanwhile."""

from __future__ import annotations

import pytest

from strands_robots.core.errors import ResumeRefusedError
from strands_robots.safety.button_watch import ButtonBeat, ButtonWatch
from strands_robots.safety.resume import ResumeRequest
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig


def beat(sequence: int, problem: str = "", name: str = "usb", session: str = "a") -> ButtonBeat:
    return ButtonBeat(name, session, sequence, problem)


class Rig:
    def __init__(self, *names: str) -> None:
        self.watch = ButtonWatch(names, 0.5)
        config = SupervisorConfig(run_id="run", session="s", arm_on_start=True)
        self.supervisor = Supervisor(config, 0.0, None, self.watch)

    def refusal(self, now: float) -> str:
        request = ResumeRequest("operator/anna", "checked", self.supervisor.stop_id)
        with pytest.raises(ResumeRefusedError) as caught:
            self.supervisor.resume(request, now)
        return caught.value.reason


def test_graph_without_buttons_arms_at_the_start() -> None:
    assert Rig().supervisor.tick(0.0).state is GraphState.ARMED


def test_graph_with_a_button_is_stopped_in_its_first_heartbeat() -> None:
    rig = Rig("usb")
    state = rig.supervisor.tick(0.0)
    assert state.state is not GraphState.ARMED and state.stop_source == "button/usb"
    assert "has not been heard yet" in state.stop_reason


def test_resume_is_refused_until_every_button_is_ready() -> None:
    rig = Rig("usb", "gpio")
    rig.supervisor.tick(0.0)
    rig.watch.on_beat(beat(1), 0.1)
    assert rig.refusal(0.1) == "stop_button"
    rig.watch.on_beat(beat(1, "KEY_SPACE is down", "gpio"), 0.1)
    assert rig.refusal(0.1) == "stop_button"
    rig.watch.on_beat(beat(2, "", "gpio"), 0.2)
    rig.supervisor.resume(ResumeRequest("operator/anna", "checked", 1), 0.2)
    assert rig.supervisor.tick(0.2).state is GraphState.ARMED


def armed() -> Rig:
    rig = Rig("usb")
    rig.supervisor.tick(0.0)
    rig.watch.on_beat(beat(1), 0.1)
    rig.supervisor.resume(ResumeRequest("operator/anna", "checked", 1), 0.1)
    assert rig.supervisor.tick(0.1).state is GraphState.ARMED
    return rig


def test_silent_button_stops_and_its_return_resumes_nothing() -> None:
    rig = armed()
    assert rig.supervisor.tick(0.6).state is GraphState.ARMED
    assert "is silent" in rig.supervisor.tick(0.7).stop_reason
    rig.watch.on_beat(beat(1, session="b"), 0.8)
    assert rig.supervisor.tick(0.8).state is not GraphState.ARMED


def test_fault_and_press_stop_by_the_heartbeat_alone() -> None:
    rig = armed()
    rig.watch.on_beat(beat(2, "unplugged"), 0.2)
    assert rig.supervisor.tick(0.2).stop_reason == "stop button 'usb': unplugged"


def test_replayed_heartbeat_keeps_no_button_alive() -> None:
    rig = armed()
    rig.watch.on_beat(beat(1), 0.5)
    assert rig.supervisor.tick(0.7).state is not GraphState.ARMED


def test_button_that_is_not_configured_is_not_waited_for() -> None:
    rig = armed()
    rig.watch.on_beat(beat(1, "down", "other"), 0.2)
    assert rig.supervisor.tick(0.2).state is GraphState.ARMED
