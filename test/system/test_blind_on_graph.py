"""`strands-robots compare --blind` against real processes: a person at the keyboard, an arm that moves, a condition as the judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from graph import Graph

from strands_robots.evaluation.blind.sealed import SealedOrder
from strands_robots.evaluation.results_file import read_results

from .moving_arm import MovingArm

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def policy(angle: float) -> str:
    return json.dumps(
        {
            "policy": "scripted",
            "config": {"model": "so101", "waypoints": [{"joints": {"shoulder_pan": angle}}, {"pause": 0.2}]},
        }
    )


def test_the_policy_that_meets_the_condition_wins_and_the_trial_goes_on_where_it_was_left(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    words = [
        "compare", policy(0.0), policy(0.35), "--blind", "--task", "turn to the left", "--robot", "so101", "--duration", "6",
        "--judge", "condition", "--success-when", "{joint: shoulder_pan, above: 0.2}", "--pairs", "4", "--alpha", "0.4",
        "--output", str(folder),
    ]  # fmt: skip

    def compare(typed: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "strands_robots.cli.entry", *words], env=graph.environment, input=typed, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    with Graph() as graph:
        graph.start("policy_node", use_sim_time=True)
        MovingArm(graph, tmp_path, heartbeat_timeout=1.0)
        code, told = compare("l\n\nq\n")
        assert code == 4, told
        assert "left after 1 episodes" in told and "B is" not in told
        code, told = compare("\n" * 8)
    assert code == 0, told
    assert "B is better than A at alpha 0.4" in told
    order = SealedOrder(json.loads((folder / "sealed.json").read_text())["key"])
    results = read_results(folder).results
    assert {order.side(index): one.success for (_, index), one in results.items()} == {"a": False, "b": True}
    assert len(results) >= 6
