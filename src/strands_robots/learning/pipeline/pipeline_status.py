"""Where a pipeline stands, by its journal. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES = ("record", "verify", "train", "evaluate", "compare", "gate", "deploy", "publish")


@dataclass(frozen=True)
class StageStatus:
    """Where one stage stands.

    Attributes:
        stage: Its name.
        state: "not begun", "begun" (it runs, or was killed), "done", "failed" or "waits" (for a person).
        elapsed: How long it took [s].
        outputs: SHA-256 by name, where it is done.
        words: Why it failed, or what it waits for.
    """

    stage: str
    state: str = "not begun"
    elapsed: float = 0.0
    outputs: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


STATES = {"begun": "begun", "done": "done", "unchanged": "done", "failed": "failed", "waiting": "waits"}
"""Kinds of the journal's records that say where a stage stands, and in which words."""


def pipeline_status(records: list[dict[str, Any]]) -> list[StageStatus]:
    """Return where each stage stands, in their order; `publish` only where it was begun."""
    found: dict[str, StageStatus] = {name: StageStatus(name) for name in STAGES[:-1]}
    for record in records:
        state = STATES.get(record["kind"])
        if state is not None:
            found[record["stage"]] = StageStatus(
                record["stage"], state, record.get("elapsed", 0.0), record.get("outputs", {}), record.get("message", "")
            )
    return list(found.values())
