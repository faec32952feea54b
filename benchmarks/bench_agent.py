"""What an agent's tools cost: tokens of the shown tool list, and the time that a tool call adds to the bare service call.

Starts a simulated graph of its own. Tokens are counted as JSON characters / 3.5, because no tokenizer can be fetched here; English JSON
schemas give 3.5 to 4.5 characters a token.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from _report import report
from graph import Graph, wait_for
from strands_robots.srv import GetWorldState

from strands_robots.agent.tools.toolset import Toolset
from strands_robots.clients.agent_graph import AgentGraph
from strands_robots.core.share import share_directory

CALLS = 300


def measure() -> dict[str, float]:
    """Return the figures."""
    with Graph() as graph, tempfile.TemporaryDirectory() as folder:
        os.environ.update(graph.environment)
        graph.start("sim_node", robots=["so101=so101"], cameras=True)
        graph.start("safety_node", latch_folder=folder, arm_on_start=True)
        graph.start("motion_node", use_sim_time=True)
        graph.start("policy_node", use_sim_time=True)
        port = AgentGraph("", "bench", share_directory() / "config" / "approval_policy_simulation.yaml")
        try:
            wanted = {"world/get_state", "move_to", "run_policy"}
            wait_for(lambda: wanted <= {entry.name for entry in port.endpoints()}, 60.0, "the graph")
            tools = Toolset(port)
            shown = [
                {"name": tool.name, "description": tool.description, "input": tool.schema} for tool in tools.shown()
            ]
            characters = len(json.dumps(shown, separators=(",", ":")))
            bare, through = [], []
            for _ in range(CALLS):
                started = time.perf_counter()
                port.client.call(GetWorldState, "/world/get_state", GetWorldState.Request(), 5.0)
                bare.append(time.perf_counter() - started)
                started = time.perf_counter()
                answer = tools.run("world_get_state", {})
                through.append(time.perf_counter() - started)
                assert not answer.is_error, answer.text
        finally:
            port.close()
    added = [1e3 * (one - other) for one, other in zip(sorted(through), sorted(bare))]
    return {
        "tools_shown": float(len(shown)),
        "tools_in_all": float(len(tools.names())),
        "tool_list_characters": float(characters),
        "tool_list_tokens": characters / 3.5,
        "bare_call_p50_ms": 1e3 * statistics.median(bare),
        "tool_call_p50_ms": 1e3 * statistics.median(through),
        "added_p50_ms": statistics.median(added),
        "added_p99_ms": added[int(0.99 * CALLS)],
    }


def main() -> None:
    """Measure and report."""
    report("agent", measure(), {"tool_list_tokens": 6000.0, "added_p50_ms": 3.0})


if __name__ == "__main__":
    main()
