"""The client against openpi's own server, where it is installed: in this environment, or in that of OPENPI_SERVER_PYTHON.

openpi-client wants numpy 1, so the server lives in an environment of its own; docs/how_to/record_model_servers.md has the two commands.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from strands_robots.core.errors import PolicyError
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import load_task
from strands_robots.policies.remote.openpi import OpenpiModel, OpenpiOptions, health

from .test_silent_faults import DROID, HOLD_CUBE, _adapter

SCRIPT = Path(__file__).parent / "servers" / "upstream_openpi.py"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    python = os.environ.get("OPENPI_SERVER_PYTHON", "")
    if not python:
        if importlib.util.find_spec("openpi_server") is None:
            pytest.skip("needs openpi-server: OPENPI_SERVER_PYTHON, see docs/how_to/record_model_servers.md")
        python = sys.executable
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen([python, str(SCRIPT)], stdout=subprocess.PIPE, text=True, env=clean)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_hand_closes_with_openpis_own_server(port: int) -> None:
    choice = PolicyChoice("openpi", json.dumps({**DROID, "port": port}), _adapter(mode="position", threshold=0.5))
    runner = EpisodeRunner(load_task(HOLD_CUBE), choice)
    result = runner.run(0)
    assert result.success, result.message
    runner.close()


def test_its_health_is_asked_and_its_error_is_told(port: int) -> None:
    assert health(f"ws://127.0.0.1:{port}") == "its /healthz answers 200"
    model = OpenpiModel(OpenpiOptions(port=port, **DROID))  # type: ignore[arg-type]
    from strands_robots.policies.adapt.model import made_up_input

    given = made_up_input(model.needs)
    model.infer(given)
    with pytest.raises(PolicyError, match="RuntimeError: CUDA out of memory"):
        model.infer(type(given)(0.0, given.state, {}, "fail"))
    model.close()
