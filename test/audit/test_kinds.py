"""docs/reference/audit_events.md and docs/reference/audit_format.md name every kind of event that the source records, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from strands_robots.audit.event import DURABLE_KINDS, LOG_KINDS

ROOT = Path(__file__).parents[2]
RECORDING = {"record", "_record", "report", "_report", "event", "_refuse", "_own"}
"""Methods whose first argument is a kind."""

OTHERS = {"process_end", "stop_malformed", "stop_request", "incident", "incident_lost"}
"""Kinds that reach such a method by a variable."""


def recorded_kinds() -> set[str]:
    kinds = set()
    for path in (ROOT / "src" / "strands_robots").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in RECORDING and isinstance(first, ast.Constant) and isinstance(first.value, str):
                kinds.add(first.value)
    return {kind for kind in kinds if re.fullmatch(r"[a-z][a-z0-9_]*", kind)}


def documented_kinds(name: str) -> set[str]:
    rows = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.M)
    return {kind for row in rows for kind in re.findall(r"`([a-z0-9_]+)`", row)}


@pytest.mark.guarantee("Audit", "every kind of event is documented", "docs/reference/audit_events.md")
def test_every_recorded_kind_is_documented() -> None:
    missing = recorded_kinds() - documented_kinds("reference/audit_events.md") - LOG_KINDS
    assert not missing, f"docs/reference/audit_events.md lacks {sorted(missing)}"


def test_every_documented_kind_is_recorded() -> None:
    stale = documented_kinds("reference/audit_events.md") - recorded_kinds() - OTHERS
    assert not stale, f"nothing records {sorted(stale)}"


def test_kinds_of_the_log_itself_are_in_its_format() -> None:
    assert documented_kinds("reference/audit_format.md") >= LOG_KINDS


def test_kinds_that_are_always_synced_exist() -> None:
    assert documented_kinds("reference/audit_events.md") | LOG_KINDS >= DURABLE_KINDS
