"""The table of troubleshooting, from the findings and remedies in the sources of `strands-robots doctor`."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from interfaces import escape

_KINDS = {"failed": "failed", "warning": "warning"}


@dataclass(frozen=True)
class Remedy:
    """A finding of doctor that a person has to act on."""

    check: str
    status: str
    found: str
    remedy: tuple[str, ...]


def of_source(source: str) -> list[Remedy]:
    """Return the findings of one file: every call of failed() and warning(). Values that are known at run time only become `...`."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS:
            words = [text for argument in node.args for text in _texts(argument, constants)]
            if len(words) >= 4:
                found.append(Remedy(words[0], _KINDS[node.func.id], words[1], tuple(words[2:4])))
    return found


def _texts(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    if isinstance(node, ast.Starred):
        value = constants.get(node.value.id) if isinstance(node.value, ast.Name) else node.value
        return [text for part in getattr(value, "elts", []) for text in _texts(part, constants)]
    if isinstance(node, ast.Name) and node.id in constants:
        return _texts(constants[node.id], {})
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(p.value) if isinstance(p, ast.Constant) else "..." for p in node.values)]
    return ["..."]


def table(root: Path) -> str:
    """Return the table as Markdown; a sentence where doctor has no sources yet."""
    found = [
        remedy
        for path in sorted((root / "src" / "strands_robots" / "doctor").glob("*.py"))
        for remedy in of_source(path.read_text(encoding="utf-8"))
    ]
    if not found:
        return "`strands-robots doctor` names no remedies."
    rows = ["| check | finding | what to do |", "|---|---|---|"]
    for remedy in found:
        what = "<br>".join(escape(line) for line in remedy.remedy)
        rows.append(f"| {escape(remedy.check)} ({remedy.status}) | {escape(remedy.found)} | {what} |")
    return "\n".join(rows)
