"""A robot's graph without ROS and without physics, for fleets of hundreds: a latch, a motion that takes time to end, and the
real authority for signed resumes.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable

from strands_robots.core.errors import NoAnswerError, ResumeRefusedError
from strands_robots.fleet.bodies import Challenge, ChallengeRequest, Checkpoint, GateReport, Result, Resume, Tell
from strands_robots.fleet.graph_link import GraphReport, GraphState, StopEvidence
from strands_robots.operators.keyring import Keyring
from strands_robots.safety.resume import AuthorityConfig, ResumeAuthority, ResumeRequest, StopFacts
from strands_robots.safety.signed_resume import SignedResumeAuthority


class SimulatedGraph:
    """A graph with one gate. May be used by several threads.

    Args:
        robot: Name of its robot.
        keyring: Who may resume.
        stopping_time: How long the robot moves on after a stop [s].
        now: Steady clock [s].
    """

    def __init__(
        self, robot: str, keyring: Keyring, stopping_time: float = 0.05, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.robot, self.stopping_time = robot, stopping_time
        self._now = now
        self._lock = threading.RLock()
        self._run_id, self._session = uuid.uuid4().hex, uuid.uuid4().hex
        config = AuthorityConfig(self._run_id, self._session)
        self._authority: ResumeAuthority = SignedResumeAuthority(config, keyring)
        self._stop_id, self._is_latched = 0, False
        self._latched_at = float("-inf")
        self._source, self._reason = "", ""
        self._given: dict[str, float] = {}
        self._goal: tuple[str, str, float, Callable[[Result], None]] | None = None
        self.latched_times: dict[str, float] = {}
        self.checkpoint: Checkpoint | None = None

    def stop(self, stop: str, source: str, reason: str) -> None:
        """Latch at once."""
        with self._lock:
            now = self._now()
            self._given.setdefault(stop, now)
            self.latched_times.setdefault(stop, time.monotonic())
            if self._is_latched:
                return
            self._is_latched, self._latched_at = True, now
            self._stop_id, self._source, self._reason = self._stop_id + 1, source, reason
            self._end_goal("the robot was stopped")

    def stop_itself(self, source: str, reason: str) -> None:
        """Stop as a button or an alarm of the robot's own does."""
        self.stop(uuid.uuid4().hex, source, reason)

    def arm(self) -> None:
        """Arm past the fleet, as an operator beside the robot does."""
        with self._lock:
            self._is_latched, self._source, self._reason = False, "", ""

    def evidence(self, stop: str) -> StopEvidence:
        """Return the gate's state since the stop."""
        with self._lock:
            return StopEvidence((self._gate(),), stop in self._given)

    def report(self) -> GraphReport:
        """Return the state now."""
        with self._lock:
            gate = self._gate()
            state: GraphState = "armed"
            if gate.is_latched:
                state = "stopped" if gate.is_at_rest else "stopping"
            number, source = (self._stop_id, self._source) if gate.is_latched else (0, "")
            return GraphReport(state, (gate,), number, source, self.checkpoint)

    def challenge(self, request: ChallengeRequest, source: str) -> Challenge:
        """Return the authority's challenge for the latched stop."""
        with self._lock:
            if not self._is_latched:
                return Challenge(request=request.request, success=False, message="nothing is stopped")
            return Challenge(
                request=request.request,
                success=True,
                message=f"stop {self._stop_id} by {self._source}",
                signature_needed=True,
                run_id=self._run_id,
                safety_session=self._session,
                graph_stop=self._stop_id,
                challenge=self._authority.challenge(self._stop_id, self._now()),
            )

    def resume(self, request: Resume, source: str) -> Result:
        """Arm when the authority accepts the signature and the robot rests."""
        operator = source.removeprefix("fleet/")
        asked = ResumeRequest(
            f"operator/{operator}", request.reason, request.graph_stop, request.challenge, request.key_id,
            bytes.fromhex(request.signature),
        )  # fmt: skip
        with self._lock:
            try:
                if not self._is_latched or not self._gate().is_at_rest:
                    raise ResumeRefusedError("there is no stop, or the robot still moves", "no_evidence_of_rest")
                self._authority.check(asked, StopFacts(self._stop_id, (self._source,), self._reason), self._now())
            except ResumeRefusedError as error:
                text = str(error)[:512]
                return Result(request=request.request, state="done", refusal=error.reason, message=text)
            self._is_latched, self._source, self._reason = False, "", ""
            return Result(request=request.request, state="done", message=f"armed by {operator}", success=True)

    def tell(self, request: Tell, source: str, say: Callable[[Result], None]) -> None:
        """Run a goal of `duration` seconds; nothing moves in fact."""
        with self._lock:
            try:
                duration = float(json.loads(request.fields).get("duration", 1.0))
            except (ValueError, AttributeError, TypeError) as error:
                text = f"fields are no goal: {error}"[:256]
                say(Result(request=request.request, state="refused", refusal="malformed", message=text))
                return
            if request.needs_person:
                text = "a person has to approve it, and a graph without ROS asks none"
                say(Result(request=request.request, state="refused", refusal="needs_person", message=text))
                return
            if self._is_latched or self._goal is not None:
                why = "latched" if self._is_latched else "busy"
                text = f"the robot is {why}"
                say(Result(request=request.request, state="refused", refusal=why, message=text))
                return
            self._goal = (request.request, source, self._now() + duration, say)
            say(Result(request=request.request, state="running", message="a simulated goal"))

    def picture(self, camera: str) -> bytes:
        """Raise NoAnswerError: there is no camera where nothing is simulated to be seen."""
        raise NoAnswerError(f"a graph without ROS has no camera '{camera[:64]}'")

    def owner_is_gone(self, source: str) -> None:
        """Cancel the operator's goal."""
        with self._lock:
            if self._goal is not None and self._goal[1] == source:
                self._end_goal("its operator is not heard any more")

    def tick(self) -> None:
        """End a goal whose time is over."""
        with self._lock:
            if self._goal is not None and self._now() >= self._goal[2]:
                self._end_goal("", success=True)

    @property
    def is_moving(self) -> bool:
        """Whether a goal runs."""
        return self._goal is not None

    def _end_goal(self, why: str, success: bool = False) -> None:
        if self._goal is not None:
            request, _, _, say = self._goal
            self._goal = None
            say(Result(request=request, state="done", success=success, message=why))

    def _gate(self) -> GateReport:
        is_at_rest = self._is_latched and self._now() - self._latched_at >= self.stopping_time
        return GateReport(robot=self.robot, is_latched=self._is_latched, is_at_rest=is_at_rest, age_ms=0)
