"""Stepping of a world that advances only on request: who owns it, what passes the gates, how far it got. ROS-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strands_robots.control.loop import ControlLoop, RobotLoop
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import UnknownNameError
from strands_robots.core.text import printable
from strands_robots.core.types import Instant

TOPIC = "world/step"
"""Where these commands come from, for the gates' sequences."""

DEFAULT_OWNER_TIMEOUT = 5.0

SETTLE_PERIODS = 8
"""Readers are waited for after this many control periods; publishers keep ten messages of a topic."""


@dataclass(frozen=True)
class StepRequest:
    """One request to advance.

    Attributes:
        client: Who steps.
        steps: Control periods to advance.
        release: Give stepping up afterwards.
        chunks: (robot, chunk) pairs to submit before the first step, in order.
    """

    client: str
    steps: int
    release: bool = False
    chunks: tuple[tuple[str, Chunk], ...] = ()


@dataclass
class StepResult:
    """What became of it.

    Attributes:
        success: True when every command was accepted and every step was made.
        message: What was wrong, what was given and what is valid.
        steps_done: Control periods advanced.
        refusals: "<robot>: <reason>: <explanation>" for each refused command.
    """

    success: bool
    message: str
    steps_done: int = 0
    refusals: list[str] = field(default_factory=list)


class Stepper:
    """Advances a lockstep world for its one owner. Belongs to the physics thread.

    Args:
        control: The control loop.
        owner_timeout: A silent owner loses the world after this [s, steady time].
        is_ending: True when the process ends, so that a long request is given up.

    Attributes:
        owner: Who owns stepping; empty when free.
        settle: Waits until every reliable reader has what was published, so that a recording in lockstep loses nothing.
    """

    def __init__(
        self, control: ControlLoop, owner_timeout: float, is_ending: Callable[[], bool] = lambda: False
    ) -> None:
        self.owner = ""
        self.settle: Callable[[], None] = lambda: None
        self._control = control
        self._timeout = owner_timeout
        self._is_ending = is_ending
        self._expiry = 0.0
        self._sources: set[str] = set()
        self._named: tuple[tuple[RobotLoop, ...], dict[str, RobotLoop]] = ((), {})

    @property
    def _robots(self) -> dict[str, RobotLoop]:
        robots = self._control.robots
        if self._named[0] is not robots:
            self._named = robots, {robot.robot.name: robot for robot in robots}
        return self._named[1]

    def expire(self) -> None:
        """Free stepping when the owner has been silent for its timeout."""
        if self.owner and self._control.now().steady > self._expiry:
            self._release()

    def step(self, request: StepRequest) -> StepResult:
        """Gate the commands, advance, and say how far it got. If a robot is latched, nothing advances."""
        now = self._control.now()
        refused = self._check(request, now)
        if refused:
            return StepResult(False, refused)
        self.owner = request.client
        result = self._advance(request, now)
        if request.release:
            self._release()
        return result

    def _check(self, request: StepRequest, now: Instant) -> str:
        """Return why the request is refused; empty when it is not."""
        if self.owner and now.steady > self._expiry:
            self._release()
        if not request.client:
            return "client is empty; valid: a name such as 'policy/run-12'"
        if self.owner and request.client != self.owner:
            left = self._expiry - now.steady
            return (
                f"'{self.owner}' owns stepping, '{printable(request.client)}' asked; valid: the owner, or any client "
                f"{left:.1f} s after its last call or once it released (world/get_state needs no ownership)"
            )
        for name, _ in request.chunks:
            if name not in self._robots:
                return str(UnknownNameError("robot", name, self._robots))
        latched = self._latched(now)
        if latched and (request.steps or request.chunks):
            return f"{latched}; nothing advanced; valid: nothing until it is armed (after a stop: safety/resume)"
        return ""

    def _advance(self, request: StepRequest, now: Instant) -> StepResult:
        result = StepResult(True, "")
        control = self._control
        for name, chunk in request.chunks:
            verdict = self._robots[name].gate.submit(chunk, TOPIC, now)
            if verdict.accepted:
                self._sources.add(chunk.source)
            else:
                result.refusals.append(f"{name}: {verdict.message}")
        control.freeze(False)
        try:
            while result.steps_done < request.steps and not self._is_ending():
                if result.steps_done:
                    now = control.now()
                if control.is_latched(now):
                    break
                control.advance_period(now)
                result.steps_done += 1
                if result.steps_done % SETTLE_PERIODS == 0:
                    self.settle()
        finally:
            control.freeze(True)
        control.measure()
        now = control.now()
        self._expiry = now.steady + self._timeout
        latched = self._latched(now) if control.report(now) else ""
        messages = []
        if result.steps_done < request.steps:
            messages.append(
                f"{latched or 'the world ends'}; stopped after {result.steps_done} of {request.steps} steps"
            )
        if result.refusals:
            messages.append(f"{len(result.refusals)} of {len(request.chunks)} commands were refused, see refusals")
        result.success, result.message = not messages, "; ".join(messages)
        return result

    def _latched(self, now: Instant) -> str:
        """Return which robots are latched and why; empty when none is."""
        for robot in self._control.robots:
            if robot.gate.is_latched_at(now):
                break
        else:
            return ""
        reports = {name: robot.report(now) for name, robot in self._robots.items()}
        return ", ".join(f"'{name}' is latched ({each.latch_reason})" for name, each in reports.items() if each.latched)

    def _release(self) -> None:
        """Free stepping, and the leases that came with it: only the owner could make simulated time pass to end them."""
        now = self._control.now()
        for robot in self._robots.values():
            if robot.gate.lease_holder in self._sources:
                robot.gate.on_clock_jump(now)
        self._sources.clear()
        self.owner = ""
