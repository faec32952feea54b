"""The few composed tools: look, describe, move, run a policy, watch and cancel goals, stop. Thin, under the same policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strands_robots.agent.answer import Answer, error_answer
from strands_robots.agent.arguments import nearest
from strands_robots.agent.endpoint import Endpoint, GraphPort, Tool

_TEXT = {"type": "string", "maxLength": 128}
_WAIT = {"type": "number", "minimum": 0.0, "maximum": 300.0, "description": "longest wait [s]"}


def composed_tools(port: GraphPort) -> list[Tool]:
    """Return the composed tools of a graph."""
    goals = _Goals(port)
    return [
        Tool("look", "Picture of a camera, now.", _object({
            "camera": {**_TEXT, "description": "as \"<robot>/<camera>\"; describe_robot lists them"},
            "width": {"type": "integer", "minimum": 64, "maximum": 1024, "description": "[px]; 320 if left out"},
        }, ["camera"]), lambda given: port.picture(given["camera"], int(given.get("width", 320)))),
        Tool("describe_robot", "Robots of the graph: joints with positions and limits, cameras, whether stopped.",
             _object({}), lambda given: port.describe()),
        Tool("move_to", "Move joints to positions, or the tool to a place, and wait until it is measured to be there.",
             _object({
                 "robot": _TEXT,
                 "joints": {"type": "object", "description": "position of each joint to move [rad] or [m]"},
                 "position": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3,
                              "description": "x, y, z of the tool in the base frame [m], instead of joints"},
                 "speed": {"type": "number", "minimum": 0.01, "maximum": 1.0},
                 "wait": _WAIT,
             }, ["robot"]), goals.move_to),
        Tool("run_policy", "Run a policy on a robot for a time and wait for its end.", _object({
            "robot": _TEXT, "policy": {**_TEXT, "maxLength": 64},
            "config": {"type": "string", "maxLength": 8192, "description": "settings as YAML"},
            "task": {"type": "string", "maxLength": 1024},
            "duration": {"type": "number", "minimum": 0.1, "maximum": 600.0, "description": "[s]"}, "wait": _WAIT,
        }, ["robot", "policy", "duration"]), goals.run_policy),
        Tool("goal_status", "State, progress or result of a goal; waits for its end if asked.", _object(
            {"goal_id": _TEXT, "wait": _WAIT}, ["goal_id"]),
            lambda given: port.goal(given["goal_id"], float(given.get("wait", 0.0)), False)),
        Tool("cancel_goal", "Cancel a goal; the robot brakes and holds.", _object({"goal_id": _TEXT}, ["goal_id"]),
             lambda given: port.goal(given["goal_id"], 5.0, True)),
        Tool("stop", "Stop every robot at once. Always allowed; only a person can resume.",
             _object({"reason": {"type": "string", "maxLength": 200}}), goals.stop),
    ]  # fmt: skip


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


class _Goals:
    """Fills in the goals of composed tools."""

    def __init__(self, port: GraphPort) -> None:
        self._port = port

    def move_to(self, given: Mapping[str, Any]) -> Answer:
        joints, position = given.get("joints"), given.get("position")
        if (joints is None) == (position is None):
            return error_answer("invalid_arguments", "give either joints or position")
        fields: dict[str, Any] = {"robot": given["robot"], "speed_scale": float(given.get("speed", 0.0))}
        if joints is not None:
            fields |= {"joint_names": list(joints), "positions": list(joints.values())}
        else:
            x, y, z = given["position"]
            fields |= {"target": "TARGET_POSE", "pose": {"pose": {"position": {"x": x, "y": y, "z": z}}}}
        return self._start("strands_robots/action/MoveTo", "move_to", fields, given)

    def run_policy(self, given: Mapping[str, Any]) -> Answer:
        fields = {name: given[name] for name in ("robot", "policy", "config", "task", "duration") if name in given}
        return self._start("strands_robots/action/RunPolicy", "run_policy", fields, given, fields["duration"] + 20.0)

    def stop(self, given: Mapping[str, Any]) -> Answer:
        fields = {"reason": str(given.get("reason", "asked by an agent")), "wait_for_rest": 3.0}
        found = self._find("strands_robots/srv/StopGraph")
        if isinstance(found, Answer):
            return found
        return self._port.call(found, fields, 10.0)

    def _start(
        self, kind: str, name: str, fields: Mapping[str, Any], given: Mapping[str, Any], wait: float = 60.0
    ) -> Answer:
        found = self._find(kind)
        return found if isinstance(found, Answer) else self._port.start(found, fields, float(given.get("wait", wait)))

    def _find(self, kind: str) -> Endpoint | Answer:
        found = self._port.find(kind)
        if found is not None:
            return found
        near = nearest(kind, [entry.kind for entry in self._port.endpoints()])
        return error_answer("not_there", f"nothing of type {kind} is on the graph", nearest=near)
