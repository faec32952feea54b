"""What a robot's gate says, as a short text and a colour to be seen beside the robot. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

RED = (0.9, 0.15, 0.1)
GREEN = (0.15, 0.75, 0.25)
BLUE = (0.2, 0.5, 1.0)
GREY = (0.6, 0.6, 0.6)

_REASON_LENGTH = 48


@dataclass(frozen=True)
class GateText:
    """A text of one or two lines, and its colour (red, green, blue, 0 to 1)."""

    text: str
    colour: tuple[float, float, float]


def gate_text(
    robot: str,
    *,
    is_latched: bool,
    latch_reason: str,
    lease_holder: str,
    is_playing: bool,
    is_at_rest: bool,
    refused: int,
) -> GateText:
    """Return what to show for a gate.

    Red: nothing may move the robot. Blue: a source holds it, or it moves. Green: it may be moved.

    Args:
        robot: Name of the robot.
        is_latched, latch_reason: Whether and why nothing may move it.
        lease_holder: Who holds it; empty when free.
        is_playing: A chunk is being played.
        is_at_rest: Every joint is at rest.
        refused: Commands refused since the start.
    """
    behind = f", {refused} refused" if refused else ""
    if is_latched:
        motion = "at rest" if is_at_rest else "STILL MOVING"
        return GateText(f"{robot}: stopped, {motion}{behind}\n{_short(latch_reason)}", RED)
    if lease_holder:
        doing = "moving" if is_playing or not is_at_rest else "held"
        return GateText(f"{robot}: {doing}{behind}\n{_short(lease_holder)}", BLUE)
    return GateText(f"{robot}: {'armed' if is_at_rest else 'moving'}{behind}", GREEN if is_at_rest else BLUE)


def silent_text(robot: str) -> GateText:
    """Return what to show for a robot that is not heard any more."""
    return GateText(f"{robot}: not heard", GREY)


def _short(text: str) -> str:
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
