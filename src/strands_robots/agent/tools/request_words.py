"""What a person reads before a decision: a sentence, and the fields that count, with constants as words and units. No I/O.

Everything comes from the request's exact fields and the installed interface files. Texts of the asker are shown as JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from strands_robots.agent.tools.definition import Definition, Field, load_definition
from strands_robots.core.errors import StrandsRobotsError

_UNIT = re.compile(r"\[([A-Za-z%/^0-9. ]{1,12})\](?: or \[([A-Za-z%/^0-9. ]{1,12})\])?")
_ZERO_IS_DEFAULT = re.compile(r"\b0(:| takes| is no| for| leaves)")
_WHO = frozenset({"source", "owner"})
_MOVE, _GRIP, _RUN, _PLAY = (
    f"strands_robots/action/{name}" for name in ("MoveTo", "SetGripper", "RunPolicy", "ExecutePlan")
)
_OF_JOINTS = frozenset({"joint_names", "positions", "joint_tolerance"})
_OF_POSE = frozenset({"pose", "orientation", "position_tolerance", "orientation_tolerance"})


def request_words(name: str, kind: str, fields: str) -> list[str]:
    """Return the lines that say what a request would do; the first is a sentence.

    Args:
        name: Full name of the interface on the graph.
        kind: Its full type.
        fields: Canonical JSON of all fields.
    """
    values = json.loads(fields)
    try:
        definition = load_definition(kind) if kind.count("/") == 2 else None
    except StrandsRobotsError:
        definition = None
    if definition is None:
        return [_call_words(name, ""), *_plain(values)]
    known = {field.name: field for field in definition.parts[0].fields}
    if not isinstance(values, dict) or not set(values) <= set(known):
        return [_call_words(name, definition.comment), *_plain(values)]
    shown = [field for field in known.values() if field.name in values and _counts(field, values, kind)]
    lines = [f"{field.name}: {_value_words(field, values[field.name])}" for field in shown]
    return [_sentence(name, kind, values, definition), *lines]


def _sentence(name: str, kind: str, values: Mapping[str, Any], definition: Definition) -> str:
    robot = json.dumps(values.get("robot", ""))
    if kind == _MOVE:
        speed = _percent(values.get("speed_scale") or 0.5)
        place = ", in the place of what it does now" if values.get("preempt") else ""
        return f"Move robot {robot}: {_target(values)}{_around(values)}{place}, at {speed} of its speed limits."
    if kind == _PLAY:
        others = "".join(f" and {json.dumps(other)}" for other in values.get("others", []))
        where = f"on robots {robot}{others} at the same time" if others else f"on robot {robot}"
        return f"Play exactly the plan with digest {json.dumps(values.get('digest', ''))} {where}; planning/markers drew it."
    if kind == _GRIP:
        is_part = values.get("unit", 0) == 0
        position = float(values.get("position", 0.0))
        where = f"{_percent(position)} open" if is_part else f"{position:.6g} rad or m"
        effort = f", pressing with at most {values['max_effort']:g} Nm or N" if values.get("max_effort") else ""
        return f"Move the gripper of robot {robot} to {where}{effort}."
    if kind == _RUN:
        task = f", to {json.dumps(values['task'])}" if values.get("task") else ""
        limit = f"for {values['duration']:g} s" if values.get("duration") else f"for {values.get('steps', 0)} steps"
        return (
            f"Let policy {json.dumps(values.get('policy', ''))} move robot {robot} {limit}{task}{_pick_words(values)}."
        )
    return _call_words(name, definition.comment)


def _pick_words(values: Mapping[str, Any]) -> str:
    """Return what a scripted pick takes hold of and where it leaves it, from its settings; empty for other policies."""
    try:
        pick = json.loads(values.get("config", "")).get("pick") if values.get("policy") == "scripted" else None
        body = pick["object"]["body"] if pick is not None else ""
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""  # YAML, or no pick by a name: the settings themselves are shown
    if pick is None or not body:
        return ""
    onto, place = pick.get("onto"), pick.get("place")
    where = f" onto {json.dumps(onto)}" if onto else f" at {json.dumps(place)} m in its base frame" if place else ""
    what = f"it puts the held {json.dumps(body)} down" if pick.get("held") else f"it picks {json.dumps(body)} up"
    return f": {what}{'' if pick.get('held') or not where else ' and puts it down'}{where}"


def _target(values: Mapping[str, Any]) -> str:
    if values.get("target", 0) == 2:
        return f"to its named state {json.dumps(values.get('named_state', ''))}"
    if values.get("target", 0) == 0:
        pairs = zip(values.get("joint_names", []), values.get("positions", []))
        return ", ".join(
            f"joint {json.dumps(joint)} to {position:.6g} rad or m ({math.degrees(position):.1f} deg)"
            for joint, position in pairs
        )
    pose = values.get("pose", {})
    place = pose.get("pose", {}).get("position", {})
    frame = pose.get("header", {}).get("frame_id") or "its base frame"
    where = ", ".join(f"{axis} {float(place.get(axis, 0.0)):.6g} m" for axis in "xyz")
    others = len(values.get("other_poses", []))
    if others:
        where += f", or to one of {others} other poses"
    region = values.get("region")
    if region:
        half = ", ".join(f"{axis} {float(region[0].get(axis, 0.0)):.6g} m" for axis in "xyz")
        where += f", or anywhere in a box of half lengths {half} about it"
    line = "on the arc of a circle" if values.get("through") else "on a straight line"
    way = line if values.get("straight") else "by the joints' short way"
    return f"the tool to {where} in {json.dumps(frame)}, {way}"


def _around(values: Mapping[str, Any]) -> str:
    planner = values.get("planning", {}).get("planner", "")
    return f", around what stands in its scene by planner {json.dumps(planner)}" if planner else ""


def _counts(field: Field, values: Mapping[str, Any], kind: str) -> bool:
    """Return whether a field says something: it is read, and is not left at what stands for a default."""
    value = values[field.name]
    if field.name in _WHO:
        return False
    if kind == _MOVE and field.name in (_OF_JOINTS if values.get("target", 0) == 1 else _OF_POSE):
        return False
    if kind == _MOVE and field.name == "planning":
        return bool(value.get("planner"))
    if field.constants:
        return True
    if isinstance(value, bool) or value in ("", [], None):
        return bool(value)
    if isinstance(value, (int, float)):
        return value != 0 or not _ZERO_IS_DEFAULT.search(field.comment)
    return not (isinstance(value, Mapping) and _is_empty(value) and field.name != "pose")


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        # A rotation by nothing is (0, 0, 0, 1).
        return all(_is_empty(item) or (name == "w" and item == 1) for name, item in value.items())
    return not value


def _value_words(field: Field, value: Any) -> str:
    named = {constant.value: constant.name for constant in field.constants}
    if isinstance(value, int) and not isinstance(value, bool) and value in named:
        return named[value]
    text = json.dumps(value, ensure_ascii=True)
    unit = _UNIT.search(field.comment)
    is_number = isinstance(value, (int, float)) or (isinstance(value, list) and value and not isinstance(value[0], str))
    if not unit or not is_number or isinstance(value, bool):
        return text
    return f"{text} {' or '.join(part for part in unit.groups() if part)}"


def _percent(part: float) -> str:
    return f"{100.0 * part:.4g} %"


def _call_words(name: str, comment: str) -> str:
    first = comment.split(". ")[0].strip().rstrip(".")
    return f"Call /{name}" + (f": {first}." if first else ".")


def _plain(values: Any) -> list[str]:
    return json.dumps(values, indent=2, ensure_ascii=True).splitlines()
