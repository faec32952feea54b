"""agent_node that cannot work says why in one line and ends with exit code 2, so that the graph goes on without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graph import Graph

pytest.importorskip("strands", reason="strands-agents is not installed")


def test_agent_that_cannot_work_says_why_and_ends_with_2(graph: Graph, tmp_path: Path) -> None:
    rule = "{name: a, topic: b, type: no/msg/Type, when: [{field: c, changes: true}], prompt: d}"
    (tmp_path / "rules.yaml").write_text(f"version: 1\nwake: {{rules: [{rule}]}}\n", encoding="ascii")
    cases = {
        "did you mean 'anthropic'": graph.start("agent_node", model="antropic/x"),
        "module on PYTHONPATH": graph.start("agent_node", model="no_such_module:Model"),
        "wake rule 'a'": graph.start("agent_node", config=str(tmp_path / "rules.yaml")),
        "a letter first": graph.start("agent_node", name="no name"),
    }
    for words, process in cases.items():
        assert process.wait(60.0) == 2, process.text
        last = process.text.splitlines()[-1]
        assert last.startswith("error: ") and words in last, process.text
