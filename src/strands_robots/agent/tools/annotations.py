"""What MCP clients are told of a tool beside its schema: a title, and whether it changes anything. Hints, not permissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

READING_SERVICES = frozenset(
    f"strands_robots/srv/{name}"
    for name in (
        "GetWorldState", "QueryWorld", "DescribeWorld", "RenderCamera", "RenderCameras", "CastRays", "ComputeDynamics",
    )
)  # fmt: skip
"""Services of this package that only look."""

_READING_WORDS = ("Get", "List", "Describe", "Query")
"""How services that only look are called elsewhere, as rcl_interfaces/srv/GetParameters."""


@dataclass(frozen=True)
class Hints:
    """The hints of MCP's tool annotations.

    Attributes:
        reads: It changes nothing.
        destroys: It may undo or damage something, or move a robot.
        repeats: Doing it twice with the same arguments is like doing it once.
    """

    reads: bool
    destroys: bool
    repeats: bool


_LOOKS = Hints(True, False, True)
_MOVES = Hints(False, True, False)
_KNOWN: Mapping[str, Hints] = {
    "look": _LOOKS,
    "describe_robot": _LOOKS,
    "find_tool": _LOOKS,
    "goal_status": _LOOKS,
    "call_tool": _MOVES,
    "move_to": Hints(False, True, True),
    "run_policy": _MOVES,
    "record_episode": Hints(False, True, False),
    "cancel_goal": Hints(False, False, True),
    "stop": Hints(False, False, True),
    "safety_stop": Hints(False, False, True),
    "lerobot_job": _LOOKS,
    "lerobot_options": _LOOKS,
    "lerobot_dataset_info": _LOOKS,
    "lerobot_cancel": Hints(False, False, True),
}


def hints_of(name: str, kind: str = "") -> Hints:
    """Return the hints of a tool.

    Args:
        name: Its name.
        kind: Full type of the interface behind it; empty for a composed tool.
    """
    if not kind or kind == "strands_robots/srv/StopGraph":
        return _KNOWN.get(name, _KNOWN["stop"] if kind else _MOVES)
    group, short = kind.split("/")[1:3]
    if group == "msg" or kind in READING_SERVICES or (group == "srv" and short.startswith(_READING_WORDS)):
        return _LOOKS
    return _MOVES


def title_of(name: str) -> str:
    """Return a tool's name for people."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
