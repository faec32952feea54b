"""The graph's stop latch: collects stops, waits for evidence of rest, arms again only on a resume. ROS-free; no I/O.

The node around it publishes `tick()` at 20 Hz and at once after every stop. Time is passed in, steady time [s].
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from strands_robots.control.gate import GateReport
from strands_robots.core.errors import ResumeRefusedError
from strands_robots.safety.button_watch import ButtonWatch
from strands_robots.safety.resume import AnyoneMayResume, ResumeAuthority, ResumeRefusal, ResumeRequest, StopFacts
from strands_robots.safety.settling import LONGEST_SILENCE, Settling
from strands_robots.safety.supervisor_state import GraphState as GraphState
from strands_robots.safety.supervisor_state import RobotEvidence as RobotEvidence
from strands_robots.safety.supervisor_state import SupervisorState as SupervisorState

_MOST_RETIRED = 256
"""Sessions that retired and are remembered, so that what still arrives of them is not taken for a new robot."""

_MOST_SOURCES = 64
"""Sources of one stop that are remembered; those who come later are known to the audit log only."""


@dataclass(frozen=True)
class SupervisorConfig:
    """Options of the graph's latch.

    Attributes:
        run_id: Run of the graph, from bringup.
        session: Identity of this start of safety_node.
        is_restart: True when the latch file says that safety_node already ran in this run; it then starts latched.
        arm_on_start: Arm at the start of a new run (simulation) or wait for a resume (hardware).
        rest_deadline: A robot that has not reported rest this long after a stop is named in STOP_NOT_CONFIRMED [s].
        expected: Robots that must be heard before a resume, from bringup; others are found on the graph.
        arm_deadline: A robot that has not opened its gate this long after arming stops the graph [s].
        gate_state_timeout: A robot that is silent for this long stops the graph [s].
        settle_time: With `arm_on_start`, a robot is armed once it was heard for this long without a gap [s].
    """

    run_id: str
    session: str
    is_restart: bool = False
    arm_on_start: bool = False
    rest_deadline: float = 2.0
    arm_deadline: float = 2.0
    gate_state_timeout: float = 0.5
    expected: tuple[str, ...] = ()
    settle_time: float = 0.0


HEARD_DIRECTLY = "stop: requested"
"""How the reason of a robot begins that heard a StopRequest itself; who asked and why follow."""

HEARSAY = 2.0
"""A request that a robot reported is taken for the one that comes within this time [s]."""


@dataclass
class _SupervisedRobot:
    report: GateReport
    received: float
    admitted: str
    expected_since: float
    latch_count: int
    has_armed: bool = False
    rest_since_stop: bool = False


@dataclass
class _LatchedStop:
    source: str
    reason: str
    since: float
    sources: tuple[str, ...]
    is_hearsay: bool = False


class Supervisor:
    """Latch, evidence and arming of one graph.

    A robot is admitted, that is named in the heartbeat with its session, at a resume; in a graph that arms on start
    also by itself, once it was heard for `settle_time` without a gap. A robot node that starts again has another
    session: the graph stops until a person resumes. Without `arm_on_start` a robot that joins an armed graph stops it
    too, so that hardware is only ever armed by a person who saw it.

    With the session the count of the robot's latch is admitted, as the robot reported it. A robot that latched since
    has another count, so its gate ignores the resume, and its next report stops the graph. Only a report that says that
    this very stop was heard is evidence of rest, and only evidence of rest makes a resume possible (docs/adr/0003).

    A robot leaves supervision only by its own word: its session says that it is retired, latched, at rest and unleased
    (docs/adr/0005). Silence is never taken for leaving.

    Not thread-safe: the node's executor calls it. `settling` is what the first arming of a robot waits for.
    """

    def __init__(
        self,
        config: SupervisorConfig,
        now: float,
        authority: ResumeAuthority | None = None,
        buttons: ButtonWatch | None = None,
    ) -> None:
        self._config = config
        self._buttons = buttons or ButtonWatch((), 1.0)
        self._authority: ResumeAuthority = authority if authority is not None else AnyoneMayResume()
        self._robots: dict[str, _SupervisedRobot] = {}
        self._expected = set(config.expected)
        self.settling = Settling(config.settle_time, config.gate_state_timeout / 2.0)
        self._retired: deque[tuple[str, str]] = deque(maxlen=_MOST_RETIRED)
        self._sequence = 0
        self._epoch = 0
        self._stop_id = 0
        self._stop: _LatchedStop | None = None
        self._is_starting = False
        if config.is_restart:
            self._latch("safety_node", "safety_node started again within the same run", now)
        elif not config.arm_on_start:
            self._latch("safety_node", "not armed at start", now)
            self._is_starting = True
        else:
            self._epoch = 1

    @property
    def is_armed(self) -> bool:
        """True while robots may move."""
        return self._stop is None

    @property
    def stop_id(self) -> int:
        """Number of the last stop of this run; 0 before the first."""
        return self._stop_id

    def request_stop(self, source: str, reason: str, now: float) -> int:
        """Latch a stop and return its number; a stop that is latched already keeps its number and its first reason.

        Robots hear a request themselves and may report it before it comes here. Then the stop gets the words of the request.
        """
        source, reason = source[:128] or "unknown", reason[:256] or "no reason given"
        self._is_starting = False
        if self._stop is None:
            self._latch(source, reason, now)
        elif self._stop.is_hearsay and now - self._stop.since < HEARSAY:
            self._stop.source, self._stop.reason, self._stop.sources = source, reason, (source,)
            self._stop.is_hearsay = False
        elif source not in self._stop.sources and len(self._stop.sources) < _MOST_SOURCES:
            self._stop.sources += (source,)
        return self._stop_id

    @property
    def stop(self) -> StopFacts | None:
        """The latched stop; None while armed."""
        if self._stop is None:
            return None
        return StopFacts(self._stop_id, self._stop.sources, self._stop.reason)

    def resume(self, request: ResumeRequest, now: float) -> int:
        """Arm every robot that has given evidence of rest since the stop, and return the new epoch.

        What the request proves with is used up even when a robot is the reason for a refusal.

        Raises:
            ResumeRefusedError: If nothing is stopped, another stop is meant, the authority refuses, or a robot is
                silent or has not reported that it heard this stop and is latched and at rest.
        """
        stop = self.stop
        if stop is None or self._stop is None:
            raise ResumeRefusedError(
                f"nothing is stopped; given stop {request.stop_id}; valid: resume only after a stop",
                ResumeRefusal.NOTHING_STOPPED.value,
            )
        if request.stop_id != stop.stop_id:
            raise ResumeRefusedError(
                f"stop {request.stop_id} is not the latched one; valid: {stop.stop_id} ({self._stop.reason})",
                ResumeRefusal.WRONG_STOP.value,
            )
        self._authority.check(request, stop, now)
        button = self._buttons.problem(now)
        if button is not None:
            raise ResumeRefusedError(
                f"{button.reason}; valid: resume when every stop button is heard, ready and not pressed",
                ResumeRefusal.STOP_BUTTON.value,
            )
        self._check_robots(now)
        self._epoch = max([self._epoch, *(robot.report.arm_epoch for robot in self._robots.values())]) + 1
        self._stop = None
        for name, robot in self._robots.items():
            self.settling.forget(name)
            robot.admitted, robot.latch_count = robot.report.session, robot.report.latch_count
            robot.expected_since, robot.has_armed = now, False
        return self._epoch

    def on_gate_report(self, report: GateReport, now: float) -> None:
        """Take a robot's own report: admit it, collect evidence of rest, and stop the graph when the robot stopped by
        itself.
        """
        robot = self._robots.get(report.robot)
        if (report.robot, report.session) in self._retired:
            self._on_retired_again(report, now)
            return
        if report.retired and (robot is None or robot.report.session == report.session):
            self._retire(report, now)
            return
        if robot is None:
            robot = _SupervisedRobot(report, now, report.session, now, report.latch_count)
            self._robots[report.robot] = robot
            self._check_newcomer(report, now)
            if self._stop is None:
                robot.admitted = ""
        elif report.session == robot.report.session and report.latch_count < robot.report.latch_count:
            return  # Overtaken by a later one.
        robot.report, robot.received = report, now
        if self._stop is not None:
            has_heard = (report.stop_session, report.stop_id) == (self._config.session, self._stop_id)
            robot.rest_since_stop = report.at_rest and report.latched and has_heard
            if self._stop.is_hearsay and report.latch_reason.startswith(HEARD_DIRECTLY):
                self._stop.reason = _latched_words(report)
            return
        if not robot.admitted and report.latch_count <= robot.latch_count:
            if not self.settling.hear(report.robot, report.session, now):
                return
            robot.admitted, robot.expected_since = report.session, now
        if robot.admitted and report.session != robot.admitted:
            self._latch(f"robot/{report.robot}", f"robot node '{report.robot}' started again", now)
        elif report.latch_count > robot.latch_count:
            is_hearsay = report.latch_reason.startswith(HEARD_DIRECTLY)
            self._latch(f"robot/{report.robot}", _latched_words(report), now, is_hearsay)
        elif not report.latched:
            robot.has_armed = True
        elif robot.has_armed:
            self._latch(f"robot/{report.robot}", _latched_words(report), now)
        elif now - robot.expected_since > self._config.arm_deadline:
            self._latch(
                f"robot/{report.robot}",
                f"robot '{report.robot}' did not arm in time: {report.latch_reason or 'no reason given'}",
                now,
            )

    def tick(self, now: float) -> SupervisorState:
        """Check for silent robots and stop buttons, and return the next heartbeat."""
        self.settling.tick(now)
        button = self._buttons.problem(now)
        if button is not None:
            self.request_stop(button.source, button.reason, now)
        if self._stop is None:
            for name, robot in sorted(self._robots.items()):
                if self._is_silent(robot, now) and (robot.admitted or now - robot.received > LONGEST_SILENCE):
                    self._latch(f"robot/{name}", f"no gate_state from '{name}' for {now - robot.received:.2f} s", now)
                    break
        self._sequence += 1
        state, message = self._judge(now)
        stop = self._stop
        return SupervisorState(
            run_id=self._config.run_id,
            session=self._config.session,
            sequence=self._sequence,
            arm_epoch=self._epoch,
            state=state,
            stop_id=self._stop_id,
            stop_source=stop.source if stop else "",
            stop_reason=stop.reason if stop else "",
            robots=tuple(self._evidence(name, robot, now) for name, robot in sorted(self._robots.items())),
            message=message[:512],
        )

    def moving_robots(self, now: float) -> list[str]:
        """Return the robots without evidence of rest since the stop."""
        return sorted(
            self._unheard()
            + [name for name, robot in self._robots.items() if not robot.rest_since_stop or self._is_silent(robot, now)]
        )

    def _judge(self, now: float) -> tuple[GraphState, str]:
        stop = self._stop
        if stop is None:
            waiting = sorted(name for name, robot in self._robots.items() if not robot.has_armed)
            return GraphState.ARMED, "armed" + self.settling.words(waiting)
        cause = f"stop {self._stop_id} by {stop.source}: {stop.reason}"
        moving = self.moving_robots(now)
        if not moving:
            return (
                GraphState.STOPPED,
                f"{cause}; {'every robot reported rest' if self._robots else 'no robot is heard'}",
            )
        if now - stop.since > self._deadline(stop, moving):
            return GraphState.STOP_NOT_CONFIRMED, f"{cause}; no evidence of rest from {', '.join(moving)}"
        return GraphState.STOPPING, f"{cause}; waiting for rest of {', '.join(moving)}"

    def _deadline(self, stop: _LatchedStop, moving: list[str]) -> float:
        """Return how long after a stop its robots must have reported rest [s]: one that joined since then has its own time."""
        if self._is_starting and set(moving) <= set(self._unheard()):
            return LONGEST_SILENCE  # as in an armed graph: a slow start
        joined = [self._robots[name].expected_since - stop.since for name in moving if name in self._robots]
        return self._config.rest_deadline + max([0.0, *joined])

    def _latch(self, source: str, reason: str, now: float, is_hearsay: bool = False) -> None:
        self._stop_id += 1
        self._is_starting = False
        self._stop = _LatchedStop(source, reason, now, (source,), is_hearsay)
        for robot in self._robots.values():
            robot.rest_since_stop = False

    def _check_robots(self, now: float) -> None:
        silent = self._unheard() + [name for name, robot in self._robots.items() if self._is_silent(robot, now)]
        if silent:
            raise ResumeRefusedError(
                f"no gate_state from {', '.join(sorted(silent))}; valid: resume when every robot is heard",
                ResumeRefusal.ROBOT_SILENT.value,
            )
        moving = [name for name, robot in self._robots.items() if not robot.rest_since_stop]
        if moving:
            raise ResumeRefusedError(
                f"{', '.join(sorted(moving))} does not report rest since stop {self._stop_id}; "
                "valid: resume when every robot is latched and at rest",
                ResumeRefusal.NO_EVIDENCE_OF_REST.value,
            )

    def _check_newcomer(self, report: GateReport, now: float) -> None:
        """Stop an armed graph when a robot that is heard for the first time may not be armed by that alone."""
        if self._stop is not None:
            return
        if not self._config.arm_on_start:
            self._latch(f"robot/{report.robot}", f"robot '{report.robot}' joined an armed graph", now)
        elif report.latch_count:
            why = f"robot '{report.robot}' had latched before it was heard: {report.latch_reason}"
            self._latch(f"robot/{report.robot}", why, now)

    def _retire(self, report: GateReport, now: float) -> None:
        """Let a robot go that says that it is gone; one that could still move keeps supervision and stops the graph."""
        if _could_move(report):
            self._latch_unless_stopped(report.robot, f"robot '{report.robot}' retired while it could move", now)
            return
        self._robots.pop(report.robot, None)
        self.settling.forget(report.robot)
        self._expected.discard(report.robot)
        self._retired.append((report.robot, report.session))
        if not self._config.arm_on_start:
            self._latch_unless_stopped(report.robot, f"robot '{report.robot}' left the graph", now)

    def _on_retired_again(self, report: GateReport, now: float) -> None:
        """A retired session must be dead: when it says anything else, it is unknown what moves there."""
        if not report.retired or _could_move(report):
            self._latch_unless_stopped(report.robot, f"robot '{report.robot}' retired and reports again", now)

    def _latch_unless_stopped(self, robot: str, reason: str, now: float) -> None:
        if self._stop is None:
            self._latch(f"robot/{robot}", reason, now)

    def _unheard(self) -> list[str]:
        return sorted(self._expected - self._robots.keys())

    def _is_silent(self, robot: _SupervisedRobot, now: float) -> bool:
        return now - robot.received > self._config.gate_state_timeout

    def _evidence(self, name: str, robot: _SupervisedRobot, now: float) -> RobotEvidence:
        return RobotEvidence(
            robot=name,
            session=robot.admitted,
            latched=robot.report.latched,
            at_rest=robot.report.at_rest and not self._is_silent(robot, now),
            age=max(now - robot.received, 0.0),
            latch_count=robot.latch_count,
        )


def _latched_words(report: GateReport) -> str:
    return f"robot '{report.robot}' latched: {report.latch_reason}"[:256]


def _could_move(report: GateReport) -> bool:
    return not (report.latched and report.at_rest) or report.playing or bool(report.lease_holder)
