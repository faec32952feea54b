"""Runs an example whose nodes wait longer for each other, so that a loaded machine is not taken for a dead one.

python patient.py EXAMPLE [ARGUMENTS]
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import strands_robots.bringup.child_graph as child_graph

PATIENT = """\
/**/sim_node: {ros__parameters: {heartbeat_timeout: 5.0, stall_timeout: 5.0}}
/**/driver_node: {ros__parameters: {heartbeat_timeout: 5.0, stall_timeout: 5.0}}
/**/safety_node: {ros__parameters: {gate_state_timeout: 5.0}}
"""

Start = Callable[[str, str, Mapping[str, Any]], Any]


def patient(start: Start) -> Start:
    """Return what starts a graph with the parameters above."""
    path = Path(os.environ["ROS_HOME"]) / "patient.yaml"
    path.write_text(PATIENT, encoding="ascii")
    return lambda robot, namespace, options: start(robot, namespace, {"params_file": str(path), **options})


def main() -> None:
    """Run the example as it is."""
    child_graph.start_simulation = patient(child_graph.start_simulation)
    child_graph.start_real = patient(child_graph.start_real)
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
