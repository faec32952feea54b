"""What can never be a tool of an agent, and what must never need a permit. The one list; no file can widen or narrow
it.

Deciding, resuming, keys, the policy and the record of what happened belong to people. Whatever turns interfaces into
tools (agent bridge, MCP server) must ask `reason_against_tool` for each, and the approval policy refuses rules that say
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

NEVER_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "strands_robots/srv/ResumeGraph": "only a person resumes",
        "strands_robots/srv/GetResumeChallenge": "only a person resumes",
        "strands_robots/srv/DecideApproval": "only a person decides",
        "strands_robots/srv/RequestApproval": "the bridge asks, not the model",
        "strands_robots/srv/ConsumePermit": "the bridge uses permits, not the model",
        "strands_robots/msg/SafetyState": "only safety_node arms",
        "strands_robots/msg/GateState": "only a robot gives evidence of itself",
        "strands_robots/msg/ApprovalState": "only approval_node speaks for people",
        "strands_robots/msg/AuditEvent": "the record is not the model's to write, and holds people's words",
        "strands_robots/msg/AuditReceipt": "only audit_node confirms",
        "strands_robots/msg/AuditWanted": "only audit_node asks for what the record lacks",
        "strands_robots/msg/AuditState": "only audit_node speaks for the record",
        "strands_robots/action/PromptAgent": "an agent does not prompt agents",
        "strands_robots/msg/AgentEvent": "what an agent says is no observation",
        "rcl_interfaces/srv/SetParameters": "limits and keyrings are parameters",
        "rcl_interfaces/srv/SetParametersAtomically": "limits and keyrings are parameters",
        "rcl_interfaces/msg/ParameterEvent": "limits and keyrings are parameters",
        "lifecycle_msgs/srv/ChangeState": "ending a supervisor is no task",
        "composition_interfaces/srv/LoadNode": "starting code is no task",
        "composition_interfaces/srv/UnloadNode": "ending a supervisor is no task",
    }
)
"""Interface types, whatever name they are offered under, and why."""

NEVER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        r"(.*/)?safety/(resume|resume_challenge|state)": "only a person resumes",
        r"(.*/)?approvals(/.*)?": "only a person decides",
        r"(.*/)?audit(/.*)?": "the record is not the model's",
        r"(.*/)?(set_parameters|set_parameters_atomically)": "limits and keyrings are parameters",
        r"(.*/)?parameter_events": "limits and keyrings are parameters",
    }
)
"""Patterns of names on the graph, whatever their type, and why."""

NEVER_COMMANDS: frozenset[str] = frozenset({"resume", "keys", "approvals", "audit"})
"""Words after `strands-robots` that no tool may run."""

ALWAYS_TYPES: frozenset[str] = frozenset({"strands_robots/srv/StopGraph", "strands_robots/msg/StopRequest"})
"""Stopping: never asks a person, never waits for a permit, has no rate limit."""


def reason_against_tool(name: str, kind: str) -> str:
    """Return why an interface can never be a tool; empty when it may be one.

    Args:
        name: Name on the graph, with or without the leading "/".
        kind: Full type, for example "strands_robots/srv/ResumeGraph".
    """
    if kind in NEVER_TYPES:
        return NEVER_TYPES[kind]
    plain = name.strip("/")
    for pattern, reason in NEVER_NAMES.items():
        if re.fullmatch(pattern, plain):
            return reason
    return ""
