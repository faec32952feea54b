"""What a fleet member needs of its robot's graph. The ROS side is nodes/fleet/; tests and `fleet sim` have a graph without ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from strands_robots.fleet.bodies import Challenge, ChallengeRequest, Checkpoint, GateReport, Result, Resume, Tell

GraphState = Literal["armed", "stopping", "stopped", "stop_not_confirmed", "unheard"]


@dataclass(frozen=True)
class GraphReport:
    """What a graph says now.

    Attributes:
        state: State of its latch, as safety_node says it.
        gates: Each gate.
        graph_stop: Number of the latched stop; 0 for none.
        stop_source: Who asked for it.
        checkpoint: Newest checkpoint of its audit log.
    """

    state: GraphState
    gates: tuple[GateReport, ...] = ()
    graph_stop: int = 0
    stop_source: str = ""
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class StopEvidence:
    """What the gates said after one stop was given to the graph.

    Attributes:
        gates: Those that were heard since.
        is_complete: Every gate of the graph was, and there is at least one.
    """

    gates: tuple[GateReport, ...]
    is_complete: bool

    @property
    def is_latched(self) -> bool:
        """Every gate is latched."""
        return self.is_complete and all(gate.is_latched for gate in self.gates)

    @property
    def is_at_rest(self) -> bool:
        """Every gate is latched and at rest."""
        return self.is_latched and all(gate.is_at_rest for gate in self.gates)


class GraphLink(Protocol):
    """The way to a robot's graph."""

    def stop(self, stop: str, source: str, reason: str) -> None:
        """Stop the graph, the strongest way there is. Never waits, never raises, may be called again for the same stop."""

    def evidence(self, stop: str) -> StopEvidence:
        """Return what the gates said since the first call of `stop` for this stop."""

    def report(self) -> GraphReport:
        """Return what the graph says now."""

    def challenge(self, request: ChallengeRequest, source: str) -> Challenge:
        """Return the graph's own challenge for a resume; may take seconds."""

    def resume(self, request: Resume, source: str) -> Result:
        """Hand a signed resume to the graph and return its answer; may take seconds."""

    def tell(self, request: Tell, source: str, say: Callable[[Result], None]) -> None:
        """Ask the graph's approval_node for a permit and send the goal; says what becomes of it. Returns at once."""

    def picture(self, camera: str) -> bytes:
        """Return the next picture of a camera as JPEG; may take seconds. Raises NoAnswerError or UnknownNameError."""

    def owner_is_gone(self, source: str) -> None:
        """Cancel the goals that this operator started."""
