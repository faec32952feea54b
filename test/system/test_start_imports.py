"""What a node loads before it is ready: what it may never need is loaded by those that do."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("cryptography", "pydantic", "mink", "scipy", "mujoco", "asyncio", "typer")

NEEDED: dict[str, set[str]] = {
    "sim": {"pydantic", "mujoco"},
    "safety": set(),
    "audit": {"cryptography"},
    "policy": {"pydantic", "mujoco"},
    "motion": {"pydantic", "mujoco"},
    "incident": set(),
}
"""Node of a simulated graph -> what its start cannot do without: robots' files, models, the key that signs the log."""


@pytest.mark.parametrize("node", NEEDED)
def test_node_loads_at_its_start_only_what_it_needs_there(node: str) -> None:
    code = f"import sys, strands_robots.nodes.{node}.node; print(*[name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(found) == NEEDED[node]
