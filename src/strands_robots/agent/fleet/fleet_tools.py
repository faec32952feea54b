"""The fleet as tools of an agent: status, stop, and tells that a person approves. Nothing that enrols, revokes or resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strands_robots.agent.lerobot.tools import Gatekeeper
from strands_robots.agent.tools.endpoint import Endpoint, Tool
from strands_robots.agent.tools.tool_answer import ToolAnswer, clean, data_answer, error_answer
from strands_robots.approvals.approval_request import canonical_request
from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.bodies import TELL_ACTIONS, TELL_FIELDS, Result
from strands_robots.fleet.fleet_answers import read_fleet, stop_fleet
from strands_robots.fleet.member import EVERYBODY, MemberKind
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.station import Station

_STOP = Endpoint("fleet/stop", "strands_robots/srv/StopGraph")
_STATUS = Endpoint("fleet/status", "fleet/msg/Status")
_TELL = Endpoint("fleet/tell", "fleet/action/Tell")
_TEXT = {"type": "string", "maxLength": 64}


class FleetTools:
    """A `ToolFamily`.

    Args:
        port: Asks for permission and records.
        station: The agent's own member of the fleet, an operator.
    """

    words = "fleet: robots on other machines"

    def __init__(self, port: Gatekeeper, station: Station) -> None:
        self._port, self._station = port, station

    def session(self, port: Gatekeeper) -> FleetTools:
        """Return the same for another asker."""
        return FleetTools(port, self._station)

    def tools(self) -> list[Tool]:
        """Return the tools."""
        stop = Tool(
            "fleet_stop",
            "Stop robots of the fleet, at once; free, never asks. Names each robot that is not proven to rest: it may be moving.",
            _object({"robots": {**_TEXT, "description": "all, cell-<name> or a robot; all if left out"},
                     "reason": {"type": "string"}}, []),
            self._stop,
        )  # fmt: skip
        shown = [stop]
        if self._port.is_shown(_STATUS.name, _STATUS.kind):
            words = "What each robot of the fleet says: stopped or armed, at rest, or not heard."
            shown.append(Tool("fleet_status", words, _object({}, []), self._status))
        if self._port.is_shown(_TELL.name, _TELL.kind):
            properties = {
                "robot": {**_TEXT, "description": "a robot of fleet_status"},
                "is_hardware": {"type": "boolean", "description": "true for a real robot, false for a simulated one"},
                "action": {"enum": list(TELL_ACTIONS)},
                "fields": {
                    "type": "object",
                    "description": "the goal's fields, as of start_run_policy or start_move_to",
                },
                "wait": {"type": "number", "minimum": 0.0, "maximum": 300.0, "description": "for the goal's end [s]"},
            }
            words = "Ask a robot of the fleet for one goal. A person approves it here, and the robot's own rules there."
            required = ["robot", "is_hardware", "action", "fields"]
            shown.append(Tool("fleet_tell", words, _object(properties, required), self._tell))
            seen = _object({"request": {**_TEXT, "description": "of fleet_tell"}}, ["request"])
            shown.append(Tool("fleet_tell_status", "What became of a fleet_tell.", seen, self._told))
        return shown

    def end_turn(self) -> None:
        """End what was told: robots that do not hear the operator cancel its goals."""
        self._station.let_go()

    def close(self) -> None:
        """The station belongs to the caller."""

    def _stop(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        reason = clean(str(given.get("reason", "")), 200) or "an agent's stop"
        values = stop_fleet(self._station, str(given.get("robots") or EVERYBODY), reason)
        answer = data_answer(values, is_error=not values["all_at_rest"])
        self._port.called(_STOP, answer, started)
        return answer

    def _status(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        refused = self._port.admit(canonical_request(_STATUS.name, _STATUS.kind, {}))
        if refused is not None:
            return refused
        answer = data_answer(read_fleet(self._station))
        self._port.called(_STATUS, answer, started)
        return answer

    def _tell(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        fields = json.dumps(given["fields"], separators=(",", ":"))
        robots = [member.name for member in self._station.channel.roster.members if member.is_robot]
        if given["robot"] not in robots or len(fields) > TELL_FIELDS:
            words = f"no robot has this name, or the fields have {len(fields)} characters of at most {TELL_FIELDS}"
            return error_answer("invalid", words, valid=robots)
        asked = {name: given[name] for name in ("robot", "is_hardware", "action", "fields")}
        refused = self._port.admit(canonical_request(_TELL.name, _TELL.kind, asked))
        if refused is not None:
            return refused
        try:
            request = self._station.tell(given["robot"], given["is_hardware"], given["action"], fields)
        except NoAnswerError as error:
            return error_answer("not_heard", str(error))
        self._station.wait_for(
            lambda: _state(self._station, request) in ("refused", "done"), float(given.get("wait", 0.0))
        )
        answer = self._answer(request)
        self._port.called(_TELL, answer, started)
        return answer

    def _told(self, given: Mapping[str, Any]) -> ToolAnswer:
        return self._answer(str(given["request"]))

    def _answer(self, request: str) -> ToolAnswer:
        result = self._station.result(request)
        values: dict[str, Any] = {"request": request, "state": _state(self._station, request) or "not answered yet"}
        if isinstance(result, Result):
            values |= {
                "message": clean(result.message, 400),
                "refusal": clean(result.refusal, 32),
                "success": result.success,
            }
        is_bad = isinstance(result, Result) and result.state in ("refused", "done") and not result.success
        return data_answer(values, is_error=is_bad)


@contextmanager
def fleet_tools(port: Gatekeeper, folder: Path | None) -> Iterator[list[FleetTools]]:
    """Give the family where an operator's folder of the agent's own is named, else none; leaving ends what was told.

    Raises:
        ConfigurationError: If the folder is no operator's, or may resume: an agent never resumes.
    """
    if folder is None:
        yield []
        return
    member = MemberFolder(folder)
    channel = member.channel()
    me = channel.me
    if me.kind is not MemberKind.OPERATOR or any(right.value == "resume" for right in me.rights):
        rights = ", ".join(sorted(right.value for right in me.rights)) or "none"
        raise ConfigurationError(
            f"'{me.name}' is {me.kind.value} with {rights}; valid for an agent: an operator that may tell at most"
        )
    transport = member.transport()
    station = Station(channel, transport)
    try:
        yield [FleetTools(port, station)]
    finally:
        station.close()
        transport.close()


def _state(station: Station, request: str) -> str:
    result = station.result(request)
    return result.state if isinstance(result, Result) else ""


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}
