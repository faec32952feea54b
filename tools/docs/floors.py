"""The floors of src/strands_robots: which room stands on which. Draws docs/images/floors.svg.

    python tools/docs/floors.py          # writes the picture anew

test/test_layering.py holds the imports against this list: a file imports from its own room or from one named before it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

FLOORS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "vocabulary",
        {
            "core": "types, errors, poses, chunks, futures; no I/O",
            "description": "what a robot is: YAML, MJCF, URDF, limits, units",
        },
    ),
    (
        "files",
        {
            "mcap": "MCAP with ROS schemas",
            "dataset": "LeRobotDataset v3",
            "audit": "the hash-chained log",
            "operators": "keys and keyring",
        },
    ),
    (
        "beside the motors",
        {
            "control": "gate, latch, lease, player, limiter, loop",
            "safety": "the graph's latch and resume",
            "approvals": "permits, decisions",
        },
    ),
    (
        "motion and skill",
        {
            "goals": "one goal on one robot",
            "motion": "kinematics, paths, MoveTo",
            "planning": "scenes, planners",
            "sim": "the MuJoCo world",
            "policies": "run, adapt, host, remote",
        },
    ),
    (
        "machines",
        {
            "servo_bus": "simulated servos",
            "cameras": "sources",
            "drivers": "real arms",
            "stop_button": "evdev, GPIO",
            "teleop": "hands",
        },
    ),
    (
        "records and judgement",
        {
            "incident": "last seconds",
            "recording": "streams to episodes",
            "evaluation": "tasks, rates",
            "learning": "the loop",
            "fleet": "many graphs",
            "agent": "tools, MCP",
            "doctor": "the machine",
            "console": "pages in the browser",
        },
    ),
    ("what knows ROS", {"ros": "what several nodes share", "clients": "programs that talk to a graph"}),
    (
        "what starts things",
        {
            "bringup": "which nodes make a graph",
            "robot": "Robot()",
            "live": "terminal view",
            "nodes": "one folder a process",
            "cli": "strands-robots",
        },
    ),
)
"""From the ground up: name of the floor, and its rooms in order with what they hold."""

ORDER = tuple(room for _, rooms in FLOORS for room in rooms)

KNOW_ROS = ("ros", "clients", "nodes")
"""Rooms that may import rclpy and message types."""

_WIDTH, _ROW, _LEFT = 1080, 76, 170


def picture(present: set[str]) -> str:
    """Return the drawing as SVG, the ground floor at the bottom; rooms that are not built yet are dashed.

    Args:
        present: Rooms that exist.
    """
    height = _ROW * len(FLOORS) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (name, rooms) in enumerate(FLOORS):
        top = 10 + _ROW * (len(FLOORS) - 1 - number)
        lines.append(f'<text x="12" y="{top + 38}" font-size="14" fill="#37474f">{escape(name)}</text>')
        width = (_WIDTH - _LEFT - 10) / len(rooms)
        for column, (room, holds) in enumerate(rooms.items()):
            lines += _room(_LEFT + column * width, top, width - 8, room, holds, room in present)
    return "\n".join([*lines, "</svg>", ""])


def _room(left: float, top: float, width: float, room: str, holds: str, is_there: bool) -> list[str]:
    fill = "#fff3e0" if room in KNOW_ROS else "#e8eaf6"
    dashed = "" if is_there else ' stroke-dasharray="5 4"'
    middle = left + width / 2
    words = _wrap(holds, int(width / 6.2))
    return [
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{_ROW - 10}" rx="6" fill="{fill}" stroke="#3f51b5"{dashed}/>',
        f'<text x="{middle:.0f}" y="{top + 20}" font-size="14" font-weight="bold" text-anchor="middle" fill="#1a237e">{room}/</text>',
        *(
            f'<text x="{middle:.0f}" y="{top + 37 + 14 * row}" font-size="11" text-anchor="middle" fill="#37474f">{escape(line)}</text>'
            for row, line in enumerate(words[:2])
        ),
    ]


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def main() -> None:
    """Write the picture of the floors as they are now."""
    root = Path(__file__).resolve().parents[2]
    present = {path.name for path in (root / "src" / "strands_robots").iterdir() if path.is_dir()}
    (root / "docs" / "images" / "floors.svg").write_text(picture(present), encoding="utf-8")


if __name__ == "__main__":
    main()
