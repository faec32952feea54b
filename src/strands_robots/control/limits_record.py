"""All limits in force of one robot as one canonical text, for the audit log."""

from __future__ import annotations

import hashlib
from dataclasses import fields

from strands_robots.audit.json_values import JsonValue, canonical, to_json
from strands_robots.control.gate import Gate

_NO_LIMITS = ("robot", "session", "modes")


def limits_record(gate: Gate) -> dict[str, JsonValue]:
    """Return {"limits": everything that the gate and its supervision hold the robot to, "sha256": of its canonical JSON}.

    Two robots with the same hash have the same limits. Infinity is the text "Infinity".

    Source: RFC 8785, JSON Canonicalization Scheme.
    """
    supervision, joints = gate.supervision, gate.limits
    limits = to_json(
        {
            "gate": {
                f.name: _plain(getattr(gate.config, f.name)) for f in fields(gate.config) if f.name not in _NO_LIMITS
            },
            "joints": {
                name: {
                    "lower": float(joints.lower[i]),
                    "upper": float(joints.upper[i]),
                    "velocity": float(joints.velocity[i]),
                    "acceleration": float(joints.acceleration[i]),
                    "effort": float(joints.effort[i]),
                }
                for i, name in enumerate(joints.names)
            },
            "supervision": None if supervision is None else supervision.config.model_dump(mode="json"),
            "not_measured": [] if supervision is None else supervision.unmeasured,
        }
    )
    return {"limits": limits, "sha256": hashlib.sha256(canonical(limits)).hexdigest()}


def _plain(value: object) -> object:
    """Return an enumeration by name, anything else as it is."""
    name = getattr(value, "name", None)
    return name.lower() if isinstance(name, str) else value
