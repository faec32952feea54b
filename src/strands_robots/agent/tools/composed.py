"""The few composed tools: look, describe, move, run a policy, pick, place, record, watch and cancel goals, stop. Thin, same policy.

Arguments that are fields of an interface take their schema from its file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from strands_robots.agent.stop.stop_call import stop_reason
from strands_robots.agent.tools.composing import (
    EDIT,
    EPISODE,
    LOAD_TIME,
    MOVE,
    OPEN,
    RUN,
    STOP,
    TEXT,
    WAIT,
    find_server,
    object_schema,
    request_fields,
    service_timeout,
    start_goal,
)
from strands_robots.agent.tools.endpoint import GraphPort, Tool
from strands_robots.agent.tools.pick_tools import pick_tools
from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer

SHAPES: Mapping[str, int] = MappingProxyType({"box": 3, "sphere": 1, "cylinder": 2})
"""Shapes of an object that is added, and how many sizes each has: full lengths, a diameter, a diameter and a height."""


def composed_tools(port: GraphPort) -> list[Tool]:
    """Return the composed tools of a graph."""
    goals, episodes = _Goals(port), _Episodes(port)
    return [
        Tool("look", "Picture (image) of a camera, now.", object_schema({
            "camera": {**TEXT, "description": "as \"<robot>/<camera>\"; describe_robot lists them"},
            "width": {"type": "integer", "minimum": 64, "maximum": 1024, "description": "[px]; 320 if left out"},
        }, ["camera"]), lambda given: port.picture(given["camera"], int(given.get("width", 320)))),
        Tool("describe_robot", "Robots of the graph: joints with positions, limits and units, reach, what the gripper can hold, "
             "cameras, objects near, whether stopped and why.", object_schema({}), lambda given: port.describe()),
        Tool("move_to", "Move joints to positions, or the tool to a place, and wait until it is measured to be there.",
             object_schema({
                 **request_fields(MOVE, "robot"),
                 "joints": {"type": "object", "description": "position of each joint to move [rad] or [m]"},
                 "position": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3,
                              "description": "x, y, z of the tool in the base frame [m], instead of joints"},
                 "speed": {**request_fields(MOVE, "speed_scale")["speed_scale"], "minimum": 0.01, "maximum": 1.0},
                 "planner": {**TEXT, "description": "for a way around all objects, \"rrt_connect\"; if left out, the robot "
                             "looks at itself and its ground only"},
                 "held": {"type": "array", "items": TEXT, "maxItems": 64, "description": "with planner: objects in the gripper"},
                 "wait": WAIT,
             }, ["robot"]), goals.move_to, (MOVE,), (MOVE,)),
        Tool("run_policy", "Run a policy on a robot for a time and wait for its end, for example \"scripted\" to pick up an object "
             "and place it on another; policies_describe has policies and their settings. Success is what was measured.", object_schema({
            **request_fields(RUN, "robot", "policy", "config", "task", "adapter", "stop_when", "success_when"),
            "duration": {"type": "number", "minimum": 0.1, "maximum": 600.0, "description": "[s]"}, "wait": WAIT,
        }, ["robot", "policy", "duration"]), goals.run_policy, (RUN,), (RUN,)),
        *pick_tools(port),
        Tool("record_episode", "Record what the robots do into a LeRobot dataset: begin, act with other tools, then end; "
             "close when no more episodes follow.", object_schema({
                 "do": {"enum": ["begin", "end", "discard", "close"]},
                 **request_fields(OPEN, "repo_id", "fps", "robots", "cameras"), **request_fields(EPISODE, "task", "outcome"),
                 "resume": {"type": "boolean", "description": "begin: continue the existing dataset"},
             }, ["do"]), episodes.record, (OPEN, EPISODE), (OPEN, EPISODE)),
        Tool("add_object", "Add an object (box, ball, plate, ...) to the simulated world; world_edit changes and removes things.",
             object_schema({
                 "name": {"type": "string", "maxLength": 64, "description": "a letter, then letters, digits, _"},
                 "shape": {"enum": list(SHAPES)},
                 "size": {"type": "array", "items": {"type": "number", "minimum": 0.001, "maximum": 5.0}, "minItems": 1,
                          "maxItems": 3, "description": "[m] box: full x, y, z; sphere: diameter; cylinder: diameter, height"},
                 "position": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3,
                              "description": "x, y, z of its middle in the world frame [m]"},
                 "color": {"type": "array", "items": {"type": "number", "minimum": 0.0, "maximum": 1.0}, "minItems": 3,
                           "maxItems": 3, "description": "red, green, blue; grey if left out"},
                 "mass": {"type": "number", "minimum": 0.001, "maximum": 100.0, "description": "[kg]; 0.05 if left out"},
                 "fixed": {"type": "boolean", "description": "true: it cannot be moved"},
             }, ["name", "shape", "size", "position"]), lambda given: _add_object(port, given), (EDIT,)),
        Tool("goal_status", "State, progress or result of a goal; waits for its end if asked.", object_schema(
            {"goal_id": TEXT, "wait": WAIT}, ["goal_id"]),
            lambda given: port.goal(given["goal_id"], float(given.get("wait", 0.0)), False)),
        Tool("cancel_goal", "Cancel a goal; the robot brakes and holds. For danger use stop.",
             object_schema({"goal_id": TEXT}, ["goal_id"]),
             lambda given: port.goal(given["goal_id"], 5.0, True)),
        Tool("stop", "Emergency stop: stop every robot at once. Always allowed; only a person can resume.",
             object_schema({"reason": {"type": "string", "description": "why; clipped, never a cause of refusal"}}),
             lambda given: port.stop(stop_reason("stop", given)), covers=(STOP,)),
    ]  # fmt: skip


def _add_object(port: GraphPort, given: Mapping[str, Any]) -> ToolAnswer:
    """Add one object through the service that edits the world."""
    size, count = given["size"], SHAPES[given["shape"]]
    if len(size) != count:
        return error_answer("invalid_arguments", f"a {given['shape']} has {count} sizes; given {len(size)}")
    x, y, z = given["position"]
    shape: dict[str, Any] = {
        "kind": given["shape"],
        "size": [0.5 * length for length in size],
        "mass": float(given.get("mass", 0.05)),
    }
    if "color" in given:
        shape["color"] = {**dict(zip("rgb", given["color"])), "a": 1.0}
    body = {
        "name": given["name"],
        "pose": {"position": {"x": x, "y": y, "z": z}, "orientation": {"w": 1.0}},
        "is_free": not given.get("fixed", False),
        "shapes": [shape],
    }
    found = find_server(port, EDIT)
    return found if isinstance(found, ToolAnswer) else port.call(found, {"bodies": [body]}, service_timeout(EDIT))


class _Goals:
    """Fills in the goals of composed tools."""

    def __init__(self, port: GraphPort) -> None:
        self._port = port

    def move_to(self, given: Mapping[str, Any]) -> ToolAnswer:
        joints, position = given.get("joints"), given.get("position")
        if (joints is None) == (position is None):
            return error_answer("invalid_arguments", "give either joints or position")
        fields: dict[str, Any] = {"robot": given["robot"], "speed_scale": float(given.get("speed", 0.0))}
        if "planner" in given or "held" in given:
            fields["planning"] = {"planner": given.get("planner", ""), "held": given.get("held", [])}
        if joints is not None:
            fields |= {"joint_names": list(joints), "positions": list(joints.values())}
        else:
            x, y, z = given["position"]
            fields |= {"target": "TARGET_POSE", "pose": {"pose": {"position": {"x": x, "y": y, "z": z}}}}
        return start_goal(self._port, MOVE, fields, given)

    def run_policy(self, given: Mapping[str, Any]) -> ToolAnswer:
        fields = {name: value for name, value in given.items() if name != "wait"}
        return start_goal(self._port, RUN, fields, given, fields["duration"] + LOAD_TIME)


class _Episodes:
    """Opens, and orders episodes of, one dataset at a time.

    Which one it has opened is remembered, so that a call that waited for a person's approval in the middle goes on there.
    """

    def __init__(self, port: GraphPort) -> None:
        self._port = port
        self._open = ""

    def record(self, given: Mapping[str, Any]) -> ToolAnswer:
        if given["do"] == "begin":
            return self._begin(given)
        orders: dict[str, dict[str, Any]] = {
            "end": {"command": "END", "outcome": given.get("outcome", "UNKNOWN")},
            "discard": {"command": "DISCARD"},
            "close": {"command": "STOP"},
        }
        answer = self._call(EPISODE, orders[given["do"]])
        if given["do"] == "close" and not answer.approval:
            self._open = ""  # Also where the recorder started anew and has none.
        return answer

    def _begin(self, given: Mapping[str, Any]) -> ToolAnswer:
        repo_id, task = str(given.get("repo_id", self._open)), str(given.get("task", ""))
        if not repo_id or not task.strip():
            return error_answer("invalid_arguments", "begin needs repo_id, as owner/name, and task, in words")
        if self._open not in ("", repo_id):
            return error_answer("invalid_arguments", f"dataset '{self._open}' is open; valid: close it first")
        if not self._open:
            fields = {name: given[name] for name in ("fps", "robots", "cameras") if name in given}
            fields = {"fps": 30, "cameras": ["*"], **fields, "repo_id": repo_id, "task": task}
            fields["mode"] = "RESUME" if given.get("resume") else "NEW"
            opened = self._call(OPEN, fields)
            if opened.is_error:
                return opened
            self._open = repo_id
        return self._call(EPISODE, {"command": "BEGIN", "task": task})

    def _call(self, kind: str, fields: Mapping[str, Any]) -> ToolAnswer:
        found = find_server(self._port, kind)
        if isinstance(found, ToolAnswer):
            return found
        answer = self._port.call(found, fields, service_timeout(kind))
        if kind == EPISODE and answer.is_error and self._open and _has_no_dataset(answer):
            self._open = ""
            words = "the recorder has closed the dataset; begin with resume true continues it with its episodes"
            return replace(answer, text=json.dumps({**json.loads(answer.text), "next": words}))
        return answer


def _has_no_dataset(answer: ToolAnswer) -> bool:
    """Return whether an answer of the recorder says that no dataset is open: its state is 0, IDLE."""
    state = json.loads(answer.text).get("data", {}).get("state", {})
    return isinstance(state, dict) and state.get("state") == 0
