"""The reference of every node's parameters, from the dataclasses in its node.py. Read as text: no ROS is needed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from interfaces import escape


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node."""

    name: str
    type: str
    default: str
    description: str
    valid: str


def of_node(source: str) -> tuple[str, list[Parameter]]:
    """Return the node's name and its parameters; ("", []) for a file without parameters."""
    tree = ast.parse(source)
    name = ""
    found: list[Parameter] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__" and node.args:
            first = node.args[0]
            name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else name
        if isinstance(node, ast.ClassDef):
            found += [entry for statement in node.body for entry in _parameter(statement)]
    return name, found


def _parameter(statement: ast.stmt) -> list[Parameter]:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.value, ast.Call):
        return []
    call = statement.value
    if ast.unparse(call.func) != "parameter" or len(call.args) < 2:
        return []
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    bounds = [f"{word} {options[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in options]
    valid = options.get("choices", " ".join(bounds))
    description = (
        ast.literal_eval(call.args[1]) if isinstance(call.args[1], ast.Constant) else ast.unparse(call.args[1])
    )
    return [
        Parameter(
            ast.unparse(statement.target),
            ast.unparse(statement.annotation),
            ast.unparse(call.args[0]),
            description,
            valid,
        )
    ]


def page(root: Path) -> str:
    """Return the page of all nodes as Markdown."""
    lines = [
        "# Parameters", "", "Generated from the nodes' sources. They are read once at the start, and read-only then. Every node also has",
        "`use_sim_time`.", "",
    ]  # fmt: skip
    for path in sorted((root / "src" / "strands_robots").glob("*/node.py")):
        name, found = of_node(path.read_text(encoding="utf-8"))
        if not found:
            continue
        lines += [
            f"## {name or path.parent.name}",
            "",
            "| parameter | type | default | meaning | valid |",
            "|---|---|---|---|---|",
        ]
        for entry in found:
            valid = f"`{entry.valid}`" if entry.valid else ""
            lines.append(
                f"| `{entry.name}` | `{entry.type}` | `{entry.default}` | {escape(entry.description)} | {valid} |".replace(
                    " | None`", "`"
                )
            )
        lines.append("")
    return "\n".join(lines)
