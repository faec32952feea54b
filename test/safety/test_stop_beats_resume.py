"""Stop beats resume in every order: a model of safety_node, its successors, two robots and every message between them.

Every link may hold its messages back and let them go later, lose them, repeat them, or let one overtake the others.
Supervisors die, several live at once, robot nodes start again, and a stop reaches whom it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from strands_robots.control.gate import Gate, GateConfig, GateReport
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.errors import ResumeRefusedError
from strands_robots.core.types import Instant, JointLimits
from strands_robots.safety.resume import ResumeRequest
from strands_robots.safety.supervisor import GraphState, Supervisor, SupervisorConfig, SupervisorState

LIMITS = JointLimits(("joint",), np.array([-1.0]), np.array([1.0]), np.ones(1), np.ones(1), np.ones(1))
ROBOTS = ("arm", "base")
HEARTBEAT_TIMEOUT = 0.25
NEVER = -1


class Stop:
    """A direct stop request on its way to one receiver."""


Link = tuple[str, str]
"""Sender and receiver."""


@dataclass
class Node:
    """A start of safety_node and what it decided; the indices count the events of the model."""

    supervisor: Supervisor
    is_running: bool = True
    stopped_at: dict[int, int] = field(default_factory=dict)
    resumed_at: dict[int, int] = field(default_factory=dict)
    heard: dict[str, set[str]] = field(default_factory=dict)
    state: SupervisorState | None = None


@dataclass
class Robot:
    """A start of a robot node, and when its gate received the stops that it received."""

    gate: Gate
    started_at: int
    last_stop: int = NEVER
    opened_by: tuple[str, int] | None = None
    last_beat: float = NEVER


class StopBeatsResume(RuleBasedStateMachine):
    """A gate is open only when the resume that opened it came after every stop that this gate had received."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10.0
        self.clock = 0
        self.air: dict[Link, list[Heartbeat | GateReport | Stop]] = {}
        self.held: set[Link] = set()
        self.nodes: dict[str, Node] = {}
        self.robots = {name: self._start_robot(name) for name in ROBOTS}

    # --- What can happen ------------------------------------------------------------------------------------

    @initialize(arm_on_start=st.booleans())
    def start(self, arm_on_start: bool) -> None:
        self._start_node(is_restart=False, arm_on_start=arm_on_start)

    @rule(rounds=st.integers(1, 5))
    def exchange(self, rounds: int) -> None:
        """Reports and heartbeats are sent, and arrive where nothing holds them back."""
        for _ in range(rounds):
            self.now += 0.05
            self._report()
            self._deliver_open_links()
            self._beat()
            self._deliver_open_links()

    @rule()
    def beat_alone(self) -> None:
        self._beat()
        self._deliver_open_links()

    @rule(receivers=st.sets(st.sampled_from(("supervisors", *ROBOTS)), min_size=1), is_late=st.booleans())
    def press_button(self, receivers: set[str], is_late: bool) -> None:
        for receiver in sorted(receivers):
            link = ("button", receiver)
            self.air.setdefault(link, []).append(Stop())
            if not is_late:
                self._deliver(link, 0)

    @rule(robot=st.sampled_from(ROBOTS), is_from_robot=st.booleans())
    def hold_back(self, robot: str, is_from_robot: bool) -> None:
        """From now on messages between the newest safety_node and the robot wait."""
        node = next(reversed(self.nodes))
        self.held.add((robot, node) if is_from_robot else (node, robot))

    def let_go_of(self, link: Link) -> None:
        self.held.discard(link)
        self._deliver_link(link)

    @rule()
    def recover(self) -> None:
        """What a person would do: one safety_node, no disturbance, a resume."""
        for node in list(self.nodes.values())[:-1]:
            node.is_running = False
        self.held.clear()
        self.now += 1.0
        self.exchange(2)
        self.resume()
        self.exchange(3)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), is_lost=st.booleans())
    def let_go(self, data: st.DataObject, is_lost: bool) -> None:
        link = data.draw(st.sampled_from(sorted(self.held)))
        if is_lost:
            self.air.pop(link, None)
        self.let_go_of(link)

    @precondition(lambda self: any(self.air.values()))
    @rule(data=st.data(), count=st.integers(1, 3), where=st.sampled_from([0, -1]), is_repeated=st.booleans())
    def deliver_some(self, data: st.DataObject, count: int, where: int, is_repeated: bool) -> None:
        """A held link lets the first of its messages pass, or the last overtake the others, once or twice."""
        link = data.draw(st.sampled_from(sorted(link for link, waiting in self.air.items() if waiting)))
        for _ in range(min(count, len(self.air[link]))):
            self._deliver(link, where, is_repeated)

    @rule()
    def resume(self) -> None:
        for name, node in self._running():
            self._resume(name, node)

    @rule()
    def kill_and_restart_safety_node(self) -> None:
        for _, node in self._running():
            node.is_running = False
        self._start_node(is_restart=True, arm_on_start=True)

    @rule()
    def start_another_safety_node(self) -> None:
        self._start_node(is_restart=True, arm_on_start=True)

    @rule(robot=st.sampled_from(ROBOTS))
    def restart_robot(self, robot: str) -> None:
        self.robots[robot] = self._start_robot(robot)

    @rule(dt=st.sampled_from([0.1, 0.3, 2.5]))
    def wait(self, dt: float) -> None:
        self.now += dt

    # --- What must hold -------------------------------------------------------------------------------------

    @invariant()
    def open_gate_was_resumed_after_every_stop_that_it_received(self) -> None:
        for name, robot in self._open():
            assert robot.opened_by is not None
            session, epoch = robot.opened_by
            resumed = self.nodes[session].resumed_at[epoch]
            assert resumed > robot.last_stop, f"{name}: resumed at {resumed}, stop received at {robot.last_stop}"
            if self.nodes[session].heard.get(name, set()) - {robot.gate.config.session}:
                assert resumed > robot.started_at, f"{name}: armed by a resume from before its start"

    @invariant()
    def open_gate_hears_a_supervisor(self) -> None:
        for name, robot in self._open():
            assert self.now - robot.last_beat <= HEARTBEAT_TIMEOUT + 1e-9, f"{name} is open in silence"

    @invariant()
    def stopped_means_that_every_robot_is_latched_until_a_later_resume(self) -> None:
        for node in self.nodes.values():
            if node.state is None or node.state.state is not GraphState.STOPPED or not node.is_running:
                continue
            named = {evidence.robot for evidence in node.state.robots}
            for name, robot in self._open():
                if name in named and robot.opened_by is not None:
                    session, epoch = robot.opened_by
                    opened = self.nodes[session].resumed_at[epoch]
                    assert opened > node.stopped_at[node.state.stop_id], f"{name} is open while its stop is confirmed"

    # --- The machinery --------------------------------------------------------------------------------------

    def _running(self) -> list[tuple[str, Node]]:
        return [(name, node) for name, node in self.nodes.items() if node.is_running]

    def _open(self) -> list[tuple[str, Robot]]:
        found = []
        for name, robot in self.robots.items():
            if not robot.gate.report(self._instant()).latched:
                found.append((name, robot))
        return found

    def _instant(self) -> Instant:
        return Instant(self.now, self.now)

    def _start_node(self, is_restart: bool, arm_on_start: bool) -> None:
        self.clock += 1
        session = f"safety-{len(self.nodes)}"
        config = SupervisorConfig("run", session, is_restart=is_restart, arm_on_start=arm_on_start)
        node = Node(Supervisor(config, self.now))
        # What armed at its start has seen no stop: it comes before everything, and any stop comes after it.
        node.resumed_at[1] = 0
        self.nodes[session] = node
        self._note_stop(node)

    def _start_robot(self, name: str) -> Robot:
        self.clock += 1
        gate = Gate(GateConfig(name, f"{name}-{self.clock}"), LIMITS, np.zeros(1))
        gate.world_frozen = True
        return Robot(gate, self.clock)

    def _note_stop(self, node: Node) -> None:
        if not node.supervisor.is_armed and node.supervisor.stop_id not in node.stopped_at:
            node.stopped_at[node.supervisor.stop_id] = self.clock

    def _beat(self) -> None:
        for name, node in self._running():
            self.clock += 1
            state = node.state = node.supervisor.tick(self.now)
            self._note_stop(node)
            beat = Heartbeat(
                session=name,
                sequence=state.sequence,
                armed=state.state is GraphState.ARMED,
                arm_epoch=state.arm_epoch,
                admitted={robot.robot: robot.session for robot in state.robots},
                latch_counts={robot.robot: robot.latch_count for robot in state.robots},
                stop_id=state.stop_id,
            )
            for robot in ROBOTS:
                self.air.setdefault((name, robot), []).append(beat)

    def _report(self) -> None:
        for name, robot in self.robots.items():
            report = robot.gate.report(self._instant())
            for node, _ in self._running():
                self.air.setdefault((name, node), []).append(report)

    def _deliver_open_links(self) -> None:
        for link in sorted(self.air.keys() - self.held):
            self._deliver_link(link)

    def _deliver_link(self, link: Link) -> None:
        while self.air.get(link):
            self._deliver(link, 0)

    def _deliver(self, link: Link, where: int, is_repeated: bool = False) -> None:
        self.clock += 1
        _, receiver = link
        content = self.air[link][where]
        if not is_repeated:
            self.air[link].pop(where)
        if isinstance(content, Heartbeat):
            self._hear_beat(self.robots[receiver], content)
        elif isinstance(content, GateReport):
            node = self.nodes[receiver]
            if node.is_running:
                node.heard.setdefault(content.robot, set()).add(content.session)
                node.supervisor.on_gate_report(content, self.now)
                self._note_stop(node)
        elif receiver == "supervisors":
            for _, node in self._running():
                node.supervisor.request_stop("button", "pressed", self.now)
                self._note_stop(node)
        else:
            robot = self.robots[receiver]
            robot.gate.stop("button", self._instant())
            robot.last_stop = self.clock

    def _hear_beat(self, robot: Robot, beat: Heartbeat) -> None:
        was_latched = robot.gate.report(self._instant()).latched
        robot.gate.on_heartbeat(beat, self._instant())
        is_latched = robot.gate.report(self._instant()).latched
        if not beat.armed:
            assert is_latched, "a heartbeat that does not arm left the gate open"
            robot.last_stop = max(robot.last_stop, self.nodes[beat.session].stopped_at[beat.stop_id])
        elif was_latched and not is_latched:
            robot.opened_by = (beat.session, beat.arm_epoch)
        if beat.armed and not is_latched:
            robot.last_beat = self.now
            if robot.opened_by is not None and beat.session == robot.opened_by[0]:
                assert beat.arm_epoch <= robot.opened_by[1], "a stop and a resume passed unnoticed"

    def _resume(self, name: str, node: Node) -> None:
        self.clock += 1
        try:
            epoch = node.supervisor.resume(ResumeRequest("operator/anna", "checked", node.supervisor.stop_id), self.now)
        except ResumeRefusedError:
            return
        node.resumed_at[epoch] = self.clock


TestStopBeatsResume = StopBeatsResume.TestCase
TestStopBeatsResume.settings = settings(
    max_examples=300, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_model_is_not_idle() -> None:
    """The quiet path opens both gates, a stop closes them, and a resume opens them again."""
    model = StopBeatsResume()
    model.start(arm_on_start=True)
    model.exchange(4)
    assert len(model._open()) == len(ROBOTS)
    model.press_button({"supervisors"}, is_late=False)
    model.exchange(2)
    assert not model._open()
    model.resume()
    model.exchange(4)
    assert len(model._open()) == len(ROBOTS)
    model.open_gate_was_resumed_after_every_stop_that_it_received()


def test_dead_supervisors_resume_does_not_outlive_the_stop_of_its_successor() -> None:
    model = StopBeatsResume()
    model.start(arm_on_start=False)
    model.exchange(2)
    model.held.add(("safety-0", "arm"))
    model.resume()
    model.exchange(2)
    model.kill_and_restart_safety_node()
    model.exchange(1)
    model.let_go_of(("safety-0", "arm"))
    assert "arm" not in dict(model._open())


def test_report_from_before_the_stop_is_no_evidence_of_rest() -> None:
    model = StopBeatsResume()
    model.start(arm_on_start=True)
    model.exchange(1)
    model.held.add(("arm", "safety-0"))
    model._report()
    model.exchange(3)
    model.held.add(("safety-0", "arm"))
    model.press_button({"supervisors"}, is_late=False)
    model._deliver(("arm", "safety-0"), 0)
    model.exchange(2)
    assert "arm" in dict(model._open())
    model.stopped_means_that_every_robot_is_latched_until_a_later_resume()


def test_button_that_only_a_new_robot_heard_is_not_armed_away() -> None:
    model = StopBeatsResume()
    model.start(arm_on_start=True)
    model.press_button({"arm"}, is_late=False)
    model.exchange(4)
    assert not model._open()
