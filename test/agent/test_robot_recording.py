"""robot.record() of a simulation that was started here: a recorder comes with the first episode, and every one is accounted for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from graph import Graph

from strands_robots.dataset.table import read_account
from strands_robots.dataset.verify import verify

PROGRAM = """
import dataclasses, json, sys
from strands_robots import Robot
from strands_robots.dataset.errors import RecordingError

told = []
def record(robot, **given):
    return robot.record("me/wave", "wave", fps=10, **given)

with Robot("so101", params_file=sys.argv[1]) as robot:
    for goal in (0.3, 0.0):
        with record(robot) as episode:
            robot.move_to({"shoulder_pan": goal})
            episode.succeeded()
        told.append(episode.result)
    for on_error in ("discard", "mark"):
        try:
            with record(robot, on_error=on_error) as episode:
                robot.move_to({"shoulder_pan": 0.1})
                raise ZeroDivisionError
        except ZeroDivisionError:
            told.append(episode.result)
    try:
        with record(robot, existing="new"):
            pass
    except RecordingError as error:
        refused = str(error)
print("TOLD " + json.dumps([[dataclasses.asdict(result) for result in told], refused], default=str))
"""
PATIENT = (
    "{sim_node: {ros__parameters: {heartbeat_timeout: 5.0, stall_timeout: 5.0}}, "
    "safety_node: {ros__parameters: {gate_state_timeout: 5.0}}}"
)


@pytest.mark.long
@pytest.mark.learning
@pytest.mark.timeout(300)
def test_episodes_are_added_to_one_dataset_discarded_and_marked_and_accounted_for(tmp_path: Path) -> None:
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text(PATIENT, encoding="ascii")
    with Graph() as graph:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(parameters)], env={**graph.environment, "ROS_HOME": str(tmp_path)},
            capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert lines, done.stdout[-2000:] + done.stderr[-3000:]
    results, refused = json.loads(lines[0][5:])
    assert [(result["is_saved"], result["episode"], result["outcome"]) for result in results] == [
        (True, 0, "succeeded"), (True, 1, "succeeded"), (False, 2, "unknown"), (True, 2, "failed"),
    ]  # fmt: skip
    root = tmp_path / "strands_robots" / "datasets" / "me" / "wave"
    verdict = verify(root, expected=3)
    assert verdict.is_good, verdict.errors
    for result in results:
        topics = {stream["topic"]: stream for stream in result["streams"]}
        assert {"so101/joint_states", "so101/command_applied"} <= topics.keys(), topics.keys()
        assert all(stream["received"] >= stream["used"] > 0 for stream in topics.values()) or not result["is_saved"]
        assert result["frames"] > 3
    assert [read_account(root, index)["outcome"] for index in range(3)] == ["succeeded", "succeeded", "failed"]
    assert read_account(root, 0)["provenance"]["run_id"], "the recorder belongs to the run of the graph"
    assert "is not empty" in refused
