"""Which services change something, and are recorded for it. A type that is not named here is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

READING = frozenset(
    {
        "simulation_interfaces/srv/GetEntities",
        "simulation_interfaces/srv/GetEntitiesStates",
        "simulation_interfaces/srv/GetEntityState",
        "simulation_interfaces/srv/GetSimulationState",
        "simulation_interfaces/srv/GetSimulatorFeatures",
        "strands_robots/srv/CastRays",
        "strands_robots/srv/ComputeDynamics",
        "strands_robots/srv/DescribePolicies",
        "strands_robots/srv/DescribeRobot",
        "strands_robots/srv/DescribeWorld",
        "strands_robots/srv/GetPlan",
        "strands_robots/srv/GetResumeChallenge",
        "strands_robots/srv/GetWorldState",
        "strands_robots/srv/QueryWorld",
        "strands_robots/srv/RenderCameras",
    }
)
"""Types that change nothing."""

OWN_KINDS = frozenset(
    {
        "strands_robots/srv/ConsumePermit",
        "strands_robots/srv/DecideApproval",
        "strands_robots/srv/RequestApproval",
        "strands_robots/srv/ResumeGraph",
        "strands_robots/srv/StopGraph",
    }
)
"""Types whose node records them itself, in kinds of their own."""

SOMETIMES: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "strands_robots/srv/Checkpoint": lambda request: bool(request.action != request.LIST),
        "strands_robots/srv/RenderCamera": lambda request: bool(request.file),
    }
)
"""Types that change something only with some requests."""

STEP = "strands_robots/srv/StepWorld"
"""Recorded when another client takes stepping over, not at every step."""


def is_recorded(kind: str) -> bool:
    """Return whether calls of a service type are recorded as `service`, if they change something."""
    return kind not in READING and kind not in OWN_KINDS and kind != STEP


def changes(kind: str, request: Any) -> bool:
    """Return whether a request of a recorded type changes something."""
    return SOMETIMES.get(kind, lambda _: True)(request)


class StepOwners:
    """Who steps a world: tells when that changes."""

    def __init__(self) -> None:
        self._owner = ""

    def see(self, request: Any, response: Any) -> dict[str, object] | None:
        """Take one call of StepWorld; return the details of `step_owner` when another owner follows."""
        if not (response.success or response.steps_done or len(response.refusals)):
            return None  # Refused as a whole: nothing was taken.
        owner, previous = request.client, self._owner
        self._owner = "" if request.release else owner
        if owner != previous:
            return {"owner": owner, "previous_owner": previous, "released": bool(request.release)}
        return {"owner": "", "previous_owner": owner, "released": True} if request.release else None
