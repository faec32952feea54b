"""Robot(): starts a simulation where none runs, moves it, is a set of tools, and ends what it started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator

import pytest
from graph import Graph

PROGRAM = """
import json
from strands_robots import Robot
from strands_robots.errors import MotionError, StrandsRobotsError, UnknownNameError
with Robot("so101") as robot:
    told = {"repr": repr(robot), "cameras": list(robot.observe().cameras)}
    told["reached"] = robot.move_to({"shoulder_pan": 0.2}).reason
    told["pan"] = robot.observe().joints["shoulder_pan"]
    picture = robot.look("wrist", width=160)
    told["picture"] = [picture.width, picture.getextrema() != ((0, 0), (0, 0), (0, 0))]
    told["policy"] = robot.run_policy("hold", duration=0.5).reason
    told["tools"] = [tool.tool_name for tool in robot]
    second = Robot("so101")
    second.close()
    for error, call in ((MotionError, lambda: robot.move_to({"shoulder_pan": 9.0})), (UnknownNameError, lambda: robot.look("x"))):
        try:
            call()
        except error as wrong:
            told.setdefault("errors", []).append(str(wrong))
    robot.stop("done")
    told["stopped"] = robot.observe().is_stopped
print("TOLD " + json.dumps(told))
"""


@pytest.fixture
def domain() -> Generator[Graph, None, None]:
    with Graph() as graph:
        yield graph


def test_robot_starts_moves_looks_stops_and_ends_a_simulation(domain: Graph) -> None:
    import json

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=domain.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert done.returncode == 0 and lines, done.stdout[-2000:] + done.stderr[-3000:]
    told = json.loads(lines[0][5:])
    assert "own simulation, armed" in told["repr"]
    assert (told["reached"], told["policy"]) == ("reached", "completed")
    assert abs(told["pan"] - 0.2) < 0.03
    assert told["picture"] == [160, True]
    assert {"look", "move_to", "stop"} <= set(told["tools"])
    assert len(told["tools"]) <= 25
    assert "shoulder_pan" in told["errors"][0]
    assert "wrist" in told["errors"][1]
    assert told["stopped"] is True
    left = domain.client("after")
    assert not [name for name, _ in left.get_node_names_and_namespaces() if name == "sim_node"]
