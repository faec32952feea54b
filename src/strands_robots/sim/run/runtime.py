"""Runs a world in one of three modes in a thread of its own. ROS-free.

The physics thread is the only one that touches the world. Others give it functions to call between two steps.
"""

from __future__ import annotations

import enum
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from strands_robots.control.gate import Gate
from strands_robots.control.loop import ControlLoop, SteppedWorld
from strands_robots.control.refusal import Refusal, Verdict
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import WorldError
from strands_robots.core.futures import resolve
from strands_robots.core.text import printable
from strands_robots.core.types import Instant
from strands_robots.sim.render.camera_worker import DRAW_TIMEOUT, CameraWorker
from strands_robots.sim.run.lockstep import DEFAULT_OWNER_TIMEOUT, Stepper, StepRequest, StepResult
from strands_robots.sim.run.pace import Pace
from strands_robots.sim.run.pacing import MAX_SLEEP, RateMeter
from strands_robots.sim.world.leases import require_no_lease, require_rest

T = TypeVar("T")

CLOCK_PERIOD = 0.01
"""Shortest time between two /clock messages [s, steady time]."""

SWITCH_INTERVAL = 0.0005
"""How long another Python thread may keep the interpreter from the physics thread [s]."""

SCRIPTED = ("operator", "agent")
"""Classes of sources that may command a world that runs as fast as it can."""


class WorldMode(enum.Enum):
    """How simulated time passes."""

    REALTIME = "realtime"
    FAST = "fast"
    LOCKSTEP = "lockstep"


@dataclass(frozen=True)
class RuntimeConfig:
    """Options of the runtime.

    Attributes:
        mode: How simulated time passes.
        real_time_factor: Simulated seconds for each second of wall time, in mode realtime.
        owner_timeout: A silent owner of stepping loses it after this [s, steady time].
    """

    mode: WorldMode = WorldMode.REALTIME
    real_time_factor: float = 1.0
    owner_timeout: float = DEFAULT_OWNER_TIMEOUT


class ResettableWorld(SteppedWorld, Protocol):
    """The world, as the runtime needs it."""

    def reset(self, seed: int, keyframe: str = "") -> None:
        """Put the world back to its start."""

    def get_state(self) -> FloatArray:
        """Return a copy of the state."""


class SimRuntime:
    """The physics thread.

    Args:
        world: The world.
        control: Its control loop.
        cameras: The camera thread; started and stopped by the node.
        config: Options.
        publish_clock: Takes simulated time [s], at most 100 times a second.

    Attributes:
        ticks: Rounds of the thread's loop; stands still when the thread hangs.
        failure: What ended the thread; None while it is well.
        is_paused: True while simulated time stands still on request, or because the simulation diverged.
        fault: Why the simulation diverged; empty while it is well. A reset clears it.
    """

    def __init__(
        self,
        world: ResettableWorld,
        control: ControlLoop,
        cameras: CameraWorker,
        config: RuntimeConfig,
        publish_clock: Callable[[float], None],
    ) -> None:
        self.config = config
        self.control = control
        self.cameras = cameras
        self.pace = Pace(control, config.real_time_factor)
        self.speed = RateMeter()
        self.stepper = Stepper(control, config.owner_timeout, lambda: self._is_ending)
        self.ticks = 0
        self.failure: BaseException | None = None
        self.is_paused = False
        self.fault = ""
        self._world = world
        self._publish_clock = publish_clock
        self._last_clock = -float("inf")
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._is_ending = False
        self._is_thawing = False
        self._thread = threading.Thread(target=self._run, name="physics", daemon=True)

    @property
    def is_frozen(self) -> bool:
        """True while simulated time passes on request only."""
        return self.is_paused or self.config.mode is WorldMode.LOCKSTEP

    def start(self) -> None:
        """Start the thread."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.control.wake_by(self.pace.wake)
        if self.config.mode is WorldMode.LOCKSTEP:
            self.control.freeze(True)
        self._thread.start()

    def stop(self, timeout: float = 0.5) -> None:
        """End the thread; calls that wait are answered with an error."""
        self._is_ending = True
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def now(self) -> Instant:
        """Return the present; from any thread."""
        return self.pace.at(self.control.now())

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Have the physics thread call a function between two steps; returns its future answer. From any thread."""
        answer: Future[T] = Future()
        if self._is_ending or self.failure is not None:
            answer.set_exception(WorldError("the physics thread has ended"))
        else:
            self._calls.put((function, answer))
            self.pace.wake()
        return answer

    def admit(self, gate: Gate, chunk: Chunk, topic: str) -> Verdict:
        """Submit a chunk to a robot's gate; a world that runs fast takes scripted sources only. From any thread."""
        if self.config.mode is WorldMode.FAST and chunk.source.partition("/")[0] not in SCRIPTED:
            return gate.refuse(
                Refusal.MODE_OF_WORLD,
                f"'{printable(chunk.source)}' given to a world in mode fast, where its reaction would be worth many "
                f"simulated seconds; valid: sources of class {', '.join(SCRIPTED)}, or a world in mode lockstep",
            )
        return gate.submit(chunk, topic, self.now())

    def pause(self, paused: bool) -> None:
        """Let simulated time stand still, or go on.

        Raises:
            WorldError: In lockstep, where it stands still anyway.
        """
        if self.config.mode is WorldMode.LOCKSTEP:
            raise WorldError("a world in mode lockstep cannot be paused; it advances only by world/step")
        if paused == self.is_paused:
            return
        if not paused and self.fault:
            raise WorldError(f"{self.fault}; valid: world/reset")
        self.is_paused = paused
        self.speed.restart()
        if paused:
            self.control.freeze(True)
            self._is_thawing = False
        else:
            self._is_thawing = True
            self.pace.pacer.restart()

    def reset(self, seed: int, keyframe: str = "") -> float:
        """Put the world back to its start and return its time [s].

        Raises:
            WorldError: While a source holds a robot's lease.
            UnknownNameError: If there is no such keyframe.
        """
        return self.go_back(lambda: self._world.reset(seed, keyframe), "world/reset")

    def go_back(self, function: Callable[[], None], service: str) -> float:
        """Take the world to another time and return it [s]; only within `call`.

        Args:
            function: Does it; when it raises, the world is as it was.
            service: Who does it, for the refusal.

        Raises:
            WorldError: While a source holds a robot's lease.
        """
        require_no_lease(self.control.robots, self.now(), service)
        self._await_readers()
        self.pace.stand()
        function()
        if self.fault:
            self.fault = ""
            if self.config.mode is not WorldMode.LOCKSTEP:
                self.pause(False)
        self.control.restart()
        self.speed.restart()
        self.pace.pacer.restart()
        self.cameras.restart(self._world.time)
        self._last_clock = -float("inf")
        self._tell_time()
        return self._world.time

    def require_rest(self, robots: Sequence[str], service: str) -> None:
        """Refuse to take robots away that still move; see `leases.require_rest`."""
        require_rest(self.control.robots, robots, self.now(), service)

    def change(self, function: Callable[[], T], service: str) -> T:
        """Change the world between two steps and let every robot hold where it then is; only within `call`.

        Args:
            function: Changes the world; when it raises, the world is as it was.
            service: Who changes it, for the refusal.

        Raises:
            WorldError: While a source holds a robot's lease.
        """
        require_no_lease(self.control.robots, self.now(), service)
        result = function()
        self.cameras.forget()
        self.control.hold()
        if self._world.time >= self.cameras.next_due:
            self.cameras.offer(self._world.time, self._world.get_state)
        return result

    def set_timestep(self, timestep: float) -> None:
        """Take another physics timestep [s] of the world; only within `call`.

        Raises:
            ConfigurationError: If the control period is not a whole multiple of it.
        """
        if timestep != self.control.timestep:
            self.control.set_timestep(timestep)
            self.pace.set_timestep(timestep)

    def step(self, request: StepRequest) -> StepResult:
        """Advance a lockstep world.

        Raises:
            WorldError: In another mode.
        """
        if self.config.mode is not WorldMode.LOCKSTEP:
            raise WorldError(f"the world is in mode {self.config.mode.value}; valid: world/step in mode lockstep")
        try:
            result = self.stepper.step(request)
        except WorldError as error:
            self._give_up(str(error))
            raise
        self._last_clock = -float("inf")
        self._tell_time()
        self._await_readers()
        if result.steps_done or not request.steps:
            self.cameras.offer(self._world.time, self._world.get_state, not request.steps, self.control.control_period)
        return result

    def step_paused(self, periods: int) -> None:
        """Advance a paused world by control periods and let it stand still again; only within `call`.

        Raises:
            WorldError: If the simulation diverges.
        """
        self.control.freeze(False)
        try:
            for _ in range(periods):
                if self._is_ending:
                    break
                self.control.report()
                self.control.advance_period()
        except WorldError as error:
            self._give_up(str(error))
            raise
        finally:
            self.control.freeze(True)
        self._last_clock = -float("inf")
        self._tell_time()
        if periods:
            self.cameras.offer(self._world.time, self._world.get_state)

    @property
    def progress(self) -> int:
        """A number that stands still only when the thread hangs; a long request to step is progress."""
        return self.ticks + self.control.ticks

    def snapshot(self) -> tuple[float, FloatArray]:
        """Return the present time [s] and a copy of the state; only within `call`."""
        return self._world.time, self._world.get_state()

    def _run(self) -> None:
        try:
            while not self._is_ending:
                self._turn()
                self.ticks += 1
        finally:
            self.failure = sys.exc_info()[1]
            while not self._calls.empty():
                self._calls.get()[1].set_exception(WorldError("the physics thread has ended"))

    def _turn(self) -> None:
        """One round of the thread: serve callers, then advance if it is time."""
        mode = self.config.mode
        while not self._calls.empty():
            self._serve(*self._calls.get())
        if self.is_paused or mode is WorldMode.LOCKSTEP:
            self.pace.stand()
            self._idle()
        elif mode is WorldMode.FAST:
            self._advance(self.control.advance)
        else:
            self._advance_in_time()

    def _advance_in_time(self) -> None:
        """Sleep until there is something to do, make the timesteps that are due, and give gates with news their tick."""
        due = self.pace.wait(self._world.time, self.cameras.next_due)
        if due:
            self._advance(lambda: self.control.catch_up(due))
        else:
            self.control.report()
        if not self.is_paused:
            self.control.tick_wanted()

    def _await_readers(self) -> None:
        """In lockstep, wait until the last state was drawn and every reliable reader has what was published."""
        if self.config.mode is WorldMode.LOCKSTEP:
            drawn, deadline = self.cameras.drawn(), time.monotonic() + DRAW_TIMEOUT
            while not wait([drawn], MAX_SLEEP).done and not self._is_ending and time.monotonic() < deadline:
                self.control.report()
                self.ticks += 1
            self.stepper.settle()

    def _give_up(self, fault: str) -> None:
        """Stop every robot and stand still, because the physics cannot go on."""
        self.fault = fault
        now = self.now()
        for robot in self.control.robots:
            robot.gate.stop("the simulation diverged", now)
        if self.config.mode is not WorldMode.LOCKSTEP:
            self.pause(True)

    def _advance(self, advance: Callable[[], bool]) -> None:
        try:
            is_due = advance()
        except WorldError as error:
            self._give_up(str(error))
            return
        if is_due:
            self._tell_time()
            if self._is_thawing:
                self.control.freeze(False)
                self._is_thawing = False
        if self._world.time >= self.cameras.next_due:
            self.cameras.offer(self._world.time, self._world.get_state)

    def _idle(self) -> None:
        """Simulated time stands still: report the gates, and wait for a caller."""
        self.control.report()
        self.stepper.expire()
        self._tell_time()
        try:
            self._serve(*self._calls.get(timeout=MAX_SLEEP))
        except queue.Empty:
            return

    def _serve(self, function: Callable[[], Any], answer: Future[Any]) -> None:
        resolve(answer, function)

    def _tell_time(self) -> None:
        now = self.control.now()
        if self.config.mode is not WorldMode.LOCKSTEP and not self.is_paused:
            self.speed.update(now.ros, now.steady)
        if now.steady - self._last_clock >= 0.95 * CLOCK_PERIOD:
            self._last_clock = now.steady
            self._publish_clock(now.ros)
