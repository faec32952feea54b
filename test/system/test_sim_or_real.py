"""examples/sim_or_real.py with a simulated arm and with a servo-bus arm: one argument changed, and datasets of the same features."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cameras.picture_pipe import ENVIRONMENT, PicturePipe
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Graph, Process, wait_for
from strands_robots.msg import GateState

from strands_robots.dataset.verify import verify
from strands_robots.ros.messages import qos

from .real_arm import PATIENT as REAL_PATIENT

pytestmark = [pytest.mark.long, pytest.mark.learning, pytest.mark.timeout(600)]

PATIENT = Path(__file__).resolve().parents[1] / "examples" / "patient.py"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sim_or_real.py"
COMMAND = [sys.executable, "-m", "strands_robots.cli.entry"]


def record(graph: Graph, home: Path, mode: str) -> dict[str, Any]:
    """Run the example; return the features of what it recorded."""
    done = subprocess.run(
        [sys.executable, str(PATIENT), str(EXAMPLE), mode], env={**graph.environment, "ROS_HOME": str(home)}, capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "completed" in done.stdout and "saved" in done.stdout
    root = home / "strands_robots" / "datasets" / "local" / f"swing_{mode}"
    verdict = verify(root, expected=1)
    assert verdict.is_good, verdict.errors
    features: dict[str, Any] = json.loads((root / "meta" / "info.json").read_text())["features"]
    return features


def test_one_argument_changes_the_arm_and_the_datasets_have_the_same_features(tmp_path: Path) -> None:
    with Graph() as graph:
        simulated = record(graph, tmp_path, "sim")
    bus, pipe = SimulatedBus(tmp_path), PicturePipe(tmp_path / "wrist.mjpeg")
    calibration = write_calibration(tmp_path / "mine.json")
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text(REAL_PATIENT, encoding="ascii")
    cameras = tmp_path / "cameras.yaml"
    cameras.write_text(f"wrist: {{type: opencv, source: {pipe.path}, native: true}}")
    try:
        with Graph() as graph:
            environment = {**graph.environment, **ENVIRONMENT, "ROS_HOME": str(tmp_path)}
            command = [*COMMAND, "real", "--robot", "so101", "--port", bus.port, "--calibration", str(calibration)]
            command += ["--cameras", str(cameras), "--recorder", "--params-file", str(parameters)]
            graph.processes.append(Process(command, environment))
            gates = graph.client().listen(GateState, "so101/gate_state", qos.STATE)
            wait_for(lambda: gates and gates[-1].at_rest, 60.0, "the arm")
            wait_for(lambda: _is_resumed(environment), 60.0, "a resume")
            real = record(graph, tmp_path, "real")
    finally:
        pipe.unplug()
        bus.close()
    assert real == simulated
    assert "observation.images.wrist" in real and real["action"]["names"][0] == "shoulder_pan.pos"


def _is_resumed(environment: dict[str, str]) -> bool:
    done = subprocess.run([*COMMAND, "resume"], env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode == 0
