"""evaluation_node as a process: an evaluation from the goal to the counts, and goals that cannot run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graph import Graph, wait_for
from strands_robots.action import Evaluate

from .goals import Goals

REACH = """
name: reach
robot: so101
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
duration: 3.0
settle: 0.0
"""
SCRIPT = "{waypoints: [{joints: {shoulder_pan: 0.35}}]}"


class Evaluations(Goals):
    """Sends goals to evaluation_node."""

    def __init__(self, graph: Graph) -> None:
        self.node = graph.start("evaluation_node")
        super().__init__(graph.client(), Evaluate, "evaluate", "evaluation_node")
        self.feedback: list[Evaluate.Feedback] = []

    def run(self, **fields: Any) -> Evaluate.Result:
        """Send a goal and return its result."""
        _, result = self.begin(Evaluate.Goal(**fields), self.feedback.append)
        wait_for(result.done, 60.0, "the result")
        return result.result().result


@pytest.fixture(scope="module")
def evaluations() -> Iterator[Evaluations]:
    with Graph() as graph:
        yield Evaluations(graph)


def test_evaluation_counts_successes_with_their_interval(evaluations: Evaluations) -> None:
    result = evaluations.run(task=REACH, policy="scripted", config=SCRIPT, episodes=2, workers=1)
    assert (result.success, result.termination_reason) == (True, "completed"), result.message
    assert (result.episodes, result.successes, result.success_rate) == (2, 2, 1.0)
    assert 0.3 < result.lower < 0.5
    assert result.upper == 1.0
    assert [entry["success"] for entry in json.loads(result.results)] == [True, True]
    assert evaluations.feedback[-1].episodes == 2


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"task": "lift_cub", "policy": "hold", "episodes": 1}, "failed", "unknown task 'lift_cub'"),
        ({"task": REACH, "policy": "holt", "episodes": 1}, "failed", "unknown policy 'holt'"),
        ({"task": REACH, "policy": "hold", "episodes": 0}, "refused", "valid: 1 to 10000"),
    ],
)
def test_evaluation_that_cannot_run_says_why(
    evaluations: Evaluations, fields: dict[str, Any], reason: str, words: str
) -> None:
    result = evaluations.run(**fields)
    assert (result.success, result.termination_reason) == (False, reason)
    assert words in result.message
    assert evaluations.node.exit_code is None
