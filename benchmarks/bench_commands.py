"""How long the command line takes: commands that need no graph, and a stop from the start of its process to the latched gate."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from _processes import command_seconds
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, wait_for
from strands_robots.msg import GateState, SafetyState
from strands_robots.srv import ResumeGraph

from strands_robots.ros.messages import qos

COMMANDS = {
    "help": ["--help"],
    "robots_list": ["robots", "list"],
    "policy_list": ["policy", "list"],
    "dataset_help": ["dataset", "--help"],
    "sim_help": ["sim", "--help"],
}
STOPS = 30


def stop_seconds(count: int) -> list[float]:
    """Return the times from starting `strands-robots estop` to the first report of a latched gate [s]."""
    times = []
    with Graph() as graph:
        graph.start("sim_node", robots=["so101=so101"], cameras=False, run_id="bench")
        graph.start("safety_node", run_id="bench", arm_on_start=True, robots=["so101"])
        client = graph.client()
        gates: list[GateState] = client.listen(GateState, "so101/gate_state", qos.STATE, keep=1)
        states: list[SafetyState] = client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        resume = client.create_client(ResumeGraph, "safety/resume")
        for _ in range(count):
            _arm(gates, states, resume)
            began = time.monotonic()
            command = subprocess.Popen(
                ["strands-robots", "estop"], env=graph.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            wait_for(lambda: gates[-1].latched, 20.0, "a latched gate")
            times.append(time.monotonic() - began)
            command.wait(30.0)
    return times


def _arm(gates: Any, states: Any, resume: Any) -> None:
    asked = 0.0
    end = time.monotonic() + 60.0
    while not gates or gates[-1].latched:
        if states and states[-1].state == SafetyState.STOPPED and time.monotonic() - asked > 0.5:
            asked = time.monotonic()
            resume.call_async(ResumeGraph.Request(source="operator/bench", reason="next", stop_id=states[-1].stop_id))
        time.sleep(0.01)
        assert time.monotonic() < end, "the graph cannot be armed"


def main() -> None:
    """Measure, print and write results/commands.json."""
    figures: dict[str, float | str] = {}
    for name, words in COMMANDS.items():
        figures[f"{name}_processor_s"], figures[f"{name}_s"] = command_seconds(["strands-robots", *words], 7)
    stops = stop_seconds(STOPS)
    figures["estop_to_latched_p50_s"] = float(np.percentile(stops, 50))
    figures["estop_to_latched_p99_s"] = float(np.percentile(stops, 99))
    python, _ = command_seconds([sys.executable, "-c", "pass"], 7)
    typer, _ = command_seconds([sys.executable, "-c", "import typer"], 7)
    report(
        "commands",
        figures,
        {
            "goal_without_graph_s": 0.25,
            "goal_estop_to_latched_p99_s": 0.5,
            "python_alone_processor_s": python,
            "python_and_typer_processor_s": typer,
        },
    )


if __name__ == "__main__":
    main()
