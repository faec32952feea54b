"""Two whole simulated graphs in one ROS domain, each in a namespace of its own, with a robot of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from graph import Graph, Process, wait_for
from system.simulation import PATIENT

NAMES = ("left", "right")


class TwoGraphs:
    """Started by `strands-robots sim --namespace`, as a user does."""

    def __init__(self, graph: Graph, folder: Path, *words: str) -> None:
        self.graph = graph
        graph.environment["ROS_HOME"] = str(folder)
        graph.environment["PYTHONPATH"] = os.pathsep.join(
            [str(Path(__file__).resolve().parents[1]), graph.environment.get("PYTHONPATH", "")]
        )
        self.environment = {
            name: value for name, value in graph.environment.items() if name != "STRANDS_ROBOTS_PARENT_PID"
        }
        (folder / "patient.yaml").write_text(PATIENT, encoding="ascii")
        common = ["--no-cameras", "--params-file", str(folder / "patient.yaml"), *words]
        for name in NAMES:
            self.start("sim", "--robots", "so101", "--namespace", name, *common)

    def start(self, *words: str) -> Process:
        """Start `strands-robots` with these words."""
        process = Process([sys.executable, "-m", "strands_robots.cli.entry", *words], self.environment)
        self.graph.processes.append(process)
        return process

    def run(self, *words: str, timeout: float = 60.0) -> tuple[int, str]:
        """Return exit code and output of a short command."""
        done = subprocess.run(
            [sys.executable, "-m", "strands_robots.cli.entry", *words], env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout


@contextmanager
def two_graphs(folder: Path, *words: str) -> Generator[TwoGraphs, None, None]:
    """Give two graphs whose robots are armed."""
    with Graph() as graph:
        made = TwoGraphs(graph, folder, *words)
        for process in graph.processes[:2]:
            wait_for(lambda process=process: _is_up(process), 120.0, "a robot that is armed and can be asked to move")
            assert process.exit_code is None, process.text
        yield made


def _is_up(process: Process) -> bool:
    return process.exit_code is not None or ("so101 armed" in process.text and "moves so101" in process.text)
