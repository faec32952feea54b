"""How a Robot shows itself in a notebook."""

from __future__ import annotations

from html import escape

from strands_robots.clients.results import RobotObservation


def robot_page(name: str, where: str, seen: RobotObservation | str) -> str:
    """Return HTML of a robot.

    Args:
        name: Its name.
        where: The graph that it is on, in words.
        seen: What it measures, or why it says nothing.
    """
    title = f"<b>{escape(name)}</b> on {escape(where)}"
    if isinstance(seen, str):
        return f"<div>{title}: {escape(seen)}</div>"
    state = f"stopped: {escape(seen.why)}" if seen.is_stopped else "armed"
    rest = "at rest" if seen.is_at_rest else "moving"
    rows = "".join(
        f"<tr><td>{escape(joint)}</td><td style='text-align:right'>{value:.3f}</td></tr>"
        for joint, value in seen.joints.items()
    )
    cameras = f"<div>cameras: {escape(', '.join(seen.cameras))}</div>" if seen.cameras else ""
    return f"<div>{title}: {state}, {rest}</div><table><tr><th>joint</th><th>rad or m</th></tr>{rows}</table>{cameras}"
