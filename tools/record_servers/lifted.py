"""Functions and classes of an upstream script, without the imports at its head: those load models, or a simulator."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any


def lift(path: Path, names: tuple[str, ...], scope: dict[str, Any]) -> dict[str, Any]:
    """Run the named top-level definitions and assignments of a file, as they stand, and return what they made.

    Args:
        path: The upstream file.
        names: Functions, classes and constants, in any order.
        scope: What they need of the imports that are left out.

    Raises:
        KeyError: If the file has none of that name.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = []
    for node in tree.body:
        found = getattr(node, "name", None)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found = node.targets[0].id
        if found in names:
            kept.append(node)
    module = ast.Module([ast.ImportFrom("__future__", [ast.alias("annotations")], 0), *kept], [])
    ast.fix_missing_locations(module)
    space = dict(scope)
    exec(compile(module, str(path), "exec"), space)  # noqa: S102 - upstream's own code, run beside the project
    for name in names:
        space[name]
    return space
