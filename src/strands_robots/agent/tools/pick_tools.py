"""The tools pick and place: a run of the policy "scripted", whose ways are planned around everything, until it is done.

They take the way of every run of a policy: its action, the approval policy's rule for it, the gate's limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from strands_robots.agent.tools.composing import (
    DESCRIBE,
    LOAD_TIME,
    RUN,
    TEXT,
    WAIT,
    find_server,
    object_schema,
    request_fields,
    service_timeout,
    start_goal,
)
from strands_robots.agent.tools.endpoint import GraphPort, Tool
from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer

PICK_TIME = 90.0
"""How long a pick or a place may take [s]; its run ends when it is done."""

_PLACE: Mapping[str, Any] = MappingProxyType({
    "onto": {**TEXT, "description": "body to put it on"},
    "position": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3,
                 "description": "or x, y, z of its middle in the base frame [m]"},
})  # fmt: skip
_CARRY: Mapping[str, Any] = MappingProxyType({
    "speed": {"type": "number", "minimum": 0.01, "maximum": 1.0}, "wait": WAIT,
})  # fmt: skip


def pick_tools(port: GraphPort) -> list[Tool]:
    """Return the tools of a graph."""
    carrier = _Carrier(port)
    return [
        Tool("pick", "Pick up an object of the simulated world, around everything, and hold it lifted; with onto or position also put "
             "it down there. Success is measured.", object_schema({
            **request_fields(RUN, "robot"), "object": {**TEXT, "description": "name in the world"}, **_PLACE,
            "lift": {"type": "number", "minimum": 0.01, "maximum": 0.3, "description": "[m]"},
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "description": "another one tries other grasps"},
            **_CARRY,
        }, ["robot", "object"]), carrier.pick, (RUN, DESCRIBE)),
        Tool("place", "Put down the object that the gripper holds, onto a body or at a position. Success is measured.", object_schema({
            **request_fields(RUN, "robot"), "object": TEXT, **_PLACE, **_CARRY,
        }, ["robot", "object"]), carrier.place, (RUN, DESCRIBE)),
    ]  # fmt: skip


class _Carrier:
    """Fills in the goals."""

    def __init__(self, port: GraphPort) -> None:
        self._port = port
        self._models: dict[
            str, str
        ] = {}  # of robots whose goal waits for a person: asking again might need another permit

    def pick(self, given: Mapping[str, Any]) -> ToolAnswer:
        if "onto" in given and "position" in given:
            return error_answer("invalid_arguments", "give onto or position, not both")
        goes_on = f" and put it {_where(given)}" if "onto" in given or "position" in given else ""
        lift = {"lift": float(given["lift"])} if "lift" in given else {}
        return self._carry(given, f"pick up {given['object']}{goes_on}", lift)

    def place(self, given: Mapping[str, Any]) -> ToolAnswer:
        if ("onto" in given) == ("position" in given):
            return error_answer("invalid_arguments", "give either onto or position")
        return self._carry(given, f"put {given['object']} {_where(given)}", {"held": True})

    def _carry(self, given: Mapping[str, Any], task: str, options: Mapping[str, Any]) -> ToolAnswer:
        """Start the policy that picks and places, with the kind of robot that the graph says it is."""
        model = self._model(given["robot"])
        if isinstance(model, ToolAnswer):
            return model
        where = (
            {"onto": given["onto"]} if "onto" in given else {"place": given["position"]} if "position" in given else {}
        )
        config = {
            "model": model,
            "pick": {"object": {"body": given["object"]}, **where, **options},
            "end_run": True,
            **({"speed": float(given["speed"])} if "speed" in given else {}),
        }
        fields = {
            "robot": given["robot"],
            "policy": "scripted",
            "config": json.dumps(config),
            "task": task,
            "duration": PICK_TIME,
            "seed": int(given.get("seed", 0)),
        }
        answer = start_goal(self._port, RUN, fields, given, PICK_TIME + LOAD_TIME)
        if not answer.approval:
            self._models.pop(given["robot"], None)
        return answer

    def _model(self, robot: str) -> str | ToolAnswer:
        """Return what kind of robot it is: a name in config/robots, or the file that it was made from."""
        if robot in self._models:
            return self._models[robot]
        found = find_server(self._port, DESCRIBE)
        if isinstance(found, ToolAnswer):
            return found
        answer = self._port.call(found, {"robot": robot}, service_timeout(DESCRIBE))
        if answer.is_error or answer.approval:
            return answer
        self._models[robot] = str(json.loads(answer.text)["data"]["kind"])
        return self._models[robot]


def _where(given: Mapping[str, Any]) -> str:
    """Return in words where something is put down."""
    if "onto" in given:
        return f"onto {given['onto']}"
    x, y, z = given["position"]
    return f"at x {x:.4g}, y {y:.4g}, z {z:.4g} m"
