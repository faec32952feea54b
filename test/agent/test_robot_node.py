"""Robot(): starts a simulation where none runs, moves it, is a set of tools, and ends what it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from graph import Graph, Process, wait_for

pytest.importorskip("strands")

BUSY = "{sim_node: {ros__parameters: {heartbeat_timeout: 2.0}}}"
"""Parameters for a machine that is busy with other tests."""

PROGRAM = """
import asyncio, json, sys, threading
from strands import Agent
from agent.scripted import ScriptedModel
from strands_robots import Robot
from strands_robots.core.errors import ConfigurationError, MotionError, PolicyError, UnknownNameError

async def in_a_notebook():  # Jupyter runs cells inside a loop
    return Robot("left", robots="left=so101@0,0.3,0 right=so101@0,-0.3,0", params_file=sys.argv[1])

robots = []
thread = threading.Thread(target=lambda: robots.append(asyncio.run(in_a_notebook())))
thread.start()
thread.join()
left, right = robots[0], Robot("right")
told = {"repr": repr(left), "html": right._repr_html_(), "cameras": left.cameras, "same": left.tools is right.tools}
told["reached"] = left.move_to({"shoulder_pan": 0.2}).reason
told["pan"] = [robot.observe().joints["shoulder_pan"] for robot in (left, right)]
told["grip"] = left.grip(0.6).fraction
picture = left.look("wrist", width=160)
told["picture"] = [picture.width, picture.getextrema() != ((0, 0), (0, 0), (0, 0))]
told["policy"] = left.run_policy("sine", duration=10.0, joints={"shoulder_pan": [{"amplitude": 0.2, "frequency": 0.5}]},
                                 stop_when={"time_above": 0.5}).reason
model = ScriptedModel([("move_to", {"robot": "right", "joints": {"shoulder_pan": 0.3}, "wait": 30}), ("record_episode", {"do": "end"})])
agent = Agent(model=model, tools=[left, right], callback_handler=None)
told["stop_reason"] = agent("turn the right arm").stop_reason
told["shown"], told["tools"] = model.shown, [spec["name"] for spec in model.specs]
told["right"] = right.observe().joints["shoulder_pan"]
told["errors"] = []
for error, call in (
    (MotionError, lambda: left.move_to({"shoulder_pan": 9.0})),
    (UnknownNameError, lambda: left.look("x")),
    (PolicyError, lambda: left.run_policy("scripted", duration=1.0, nonsense=1)),
    (UnknownNameError, lambda: Robot("middle")),
    (ConfigurationError, lambda: Robot("left", seed=3)),
):
    try:
        call()
    except error as wrong:
        told["errors"].append(str(wrong))
stopped = left.stop("done")
told["stop"] = [stopped.stop_id, stopped.is_at_rest, right.observe().is_stopped]
right.close()
print("TOLD " + json.dumps(told), flush=True)
raise ZeroDivisionError  # and the graph ends all the same
"""


@pytest.fixture
def domain() -> Generator[Graph, None, None]:
    with Graph() as graph:
        graph.environment["PYTHONPATH"] = os.pathsep.join(
            [str(Path(__file__).resolve().parents[1]), graph.environment.get("PYTHONPATH", "")]
        )
        yield graph


def parameters(folder: Path) -> str:
    path = folder / "busy.yaml"
    path.write_text(BUSY, encoding="ascii")
    return str(path)


def test_two_robots_of_an_own_simulation_move_look_run_policies_are_tools_and_end_with_the_program(
    domain: Graph, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, parameters(tmp_path)],
        env=domain.environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert lines, done.stdout[-2000:] + done.stderr[-3000:]
    told = json.loads(lines[0][5:])
    assert "own simulation, armed" in told["repr"] and "<table>" in told["html"] and told["same"]
    assert (told["reached"], told["policy"], told["cameras"]) == ("reached", "condition_met", ["wrist"])
    assert abs(told["pan"][0] - 0.2) < 0.03 and abs(told["pan"][1]) < 0.03
    assert abs(told["grip"] - 0.6) < 0.05
    assert told["picture"] == [160, True]
    assert told["stop_reason"] == "end_turn" and abs(told["right"] - 0.3) < 0.03, told["shown"]
    assert "Unknown tool: record_episode" in told["shown"][1], "this graph has no recorder"
    assert {"look", "move_to", "stop"} <= set(told["tools"]) and "record_episode" not in told["tools"]
    assert len(told["tools"]) <= 25
    for words, text in zip(
        ("shoulder_pan", "wrist", "nonsense", "left, right", "runs already"), told["errors"], strict=True
    ):
        assert words in text
    assert told["stop"] == [1, True, True]
    assert done.stderr.rstrip().endswith("ZeroDivisionError")
    left = domain.client("after")
    assert not [name for name, _ in left.get_node_names_and_namespaces() if name == "sim_node"]


@pytest.mark.long
def test_graph_does_not_outlive_a_killed_program(domain: Graph, tmp_path: Path) -> None:
    code = (
        "import sys, time; from strands_robots import Robot; robot = Robot('so101', params_file=sys.argv[1]); "
        "print('UP', flush=True); robot.move_to({'shoulder_pan': 1.5}, speed=0.02); time.sleep(100)"
    )
    process = Process([sys.executable, "-c", code, parameters(tmp_path)], domain.environment)
    domain.processes.append(process)
    wait_for(lambda: "UP" in process.text or process.exit_code is not None, 100.0, "a robot")
    marker = f"ROS_DOMAIN_ID={domain.domain}".encode()
    before = processes_with(marker)
    assert len(before) > 5, process.text
    time.sleep(1.0)  # the arm is on its way
    process.send(signal.SIGKILL)
    wait_for(lambda: not processes_with(marker), 15.0, "the end of every process of the graph")


def processes_with(variable: bytes) -> list[int]:
    """Return the running processes with a variable in their environment, but for this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if variable in (folder / "environ").read_bytes().split(b"\0") and not is_dead:
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
