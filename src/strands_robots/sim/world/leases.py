"""What must hold before a world may be changed under its robots."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from strands_robots.control.loop import RobotLoop
from strands_robots.core.errors import WorldError
from strands_robots.core.types import Instant


def require_no_lease(robots: Sequence[RobotLoop], now: Instant, service: str) -> None:
    """Refuse to change the world under a source that moves a robot in it.

    Raises:
        WorldError: While a source holds a robot's lease; the message names them all.
    """
    holders = {robot.robot.name: robot.report(now).lease_holder for robot in robots}
    held = [f"'{holder}' holds '{name}'" for name, holder in holders.items() if holder]
    if held:
        raise WorldError(
            f"{', '.join(held)}; valid: {service} while no source holds a lease (wait for its end, or stop the graph)"
        )


def require_rest(robots: Sequence[RobotLoop], removed: Collection[str], now: Instant, service: str) -> None:
    """Refuse to take a robot away that still moves.

    Raises:
        WorldError: If one of those to be removed does; the message names them all.
    """
    moving = [f"'{loop.robot.name}'" for loop in robots if loop.robot.name in removed and not loop.report(now).at_rest]
    if moving:
        raise WorldError(f"{', '.join(moving)} still moves; valid: {service} when a robot that it removes is at rest")
