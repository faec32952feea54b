"""The loop of the example, and verdicts as a filter of a dataset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("av", reason="needs make setup-learning")

from strands_robots.cli.main import app

from .chat_server import chat_server

pytestmark = [pytest.mark.learning, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]


def test_loop_films_critiques_and_fixes() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "STRANDS_ROBOTS_CRITIC_URL"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "critique_loop.py")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [
        "aim 'beside': fail: the gripper closed beside the cube", "aim 'cube': pass: the cube was lifted"
    ]  # fmt: skip


def test_episodes_of_a_dataset_are_graded_and_chosen_by_their_verdicts(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    from recording.made import make_dataset  # type: ignore[import-not-found]

    from strands_robots.dataset.verify import verify

    root = tmp_path / "data"
    make_dataset(root, (20, 15, 12))
    names = ("task_done", "smooth", "purposeful", "safe")
    with chat_server() as chat:
        chat.answer = lambda frames, prompt: (
            json.dumps({"criteria": {n: {"good": len(frames) != 15, "why": "w"} for n in names}, "summary": "s"})
            if len(frames) != 12 else "[error: no video]"
        )  # fmt: skip
        ran = CliRunner().invoke(app, ["critique", str(root), "--url", chat.url, "--fps", "30"])
        assert ran.exit_code == 3, ran.output
        assert "3 episodes: 1 pass, 1 fail, 1 no_verdict" in ran.output
        assert "The task was: wave" in chat.requests[0]["messages"][0]["content"][1]["text"]
    for verdict, chosen in (("pass", [0]), ("fail", [1]), ("no_verdict", [2]), ("not_pass", [1, 2])):
        told = CliRunner().invoke(app, ["dataset", "episodes", str(root), "--verdict", verdict])
        assert json.loads(told.output) == chosen
    assert verify(root).is_good  # verdicts are beside the data, not in it
