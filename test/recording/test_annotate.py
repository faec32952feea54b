"""The tool `lerobot_annotate`: LeRobot's own command with the words of the plan, against a server of this machine.

The server is a stand-in that gives the same answer to every question. It shows that command, schema and loader fit together, not what a
model sees in the pictures.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.agent.lerobot.commands import COMMANDS
from strands_robots.agent.lerobot.paths import LeRobotFolders, job_environment
from strands_robots.dataset.language import read_language

from .made import make_dataset

pytestmark = [pytest.mark.learning, pytest.mark.long, pytest.mark.timeout(300)]

ANSWER = {
    "subtasks": [{"text": "reach for the cube", "start": 0.0, "end": 1.0}, {"text": "lift it", "start": 1.0, "end": 1.6}],
    "task": "lift the cube", "rephrasings": ["pick the cube up"], "description": "the arm reaches and lifts", "memory": "reached",
    "text": "On it.", "interjection": "faster", "speech": "All right.", "label": "reach for the cube",
    "question": "how many cubes?", "answer": {"label": "cube", "count": 1},
}  # fmt: skip


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [{"id": "stand-in", "object": "model"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": json.dumps(ANSWER)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._answer({"id": "1", "object": "chat.completion", "created": 0, "model": "stand-in", "choices": [choice]})

    def log_message(self, *_: object) -> None:
        return

    def _answer(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def test_lerobot_annotates_a_dataset_with_a_server_of_this_machine(port: int, tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", (50,), cameras=1)
    given = {"dataset": "data", "server_port": port, "model": "stand-in"}
    plan = COMMANDS["annotate"].plan(given, LeRobotFolders([tmp_path]))
    done = subprocess.run(
        [sys.executable, "-m", plan.program, *plan.arguments], env=job_environment("none"), capture_output=True, text=True,
        timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    rows = read_language(tmp_path / "data")[0]
    assert [row["content"] for row in rows if row["style"] == "subtask"][:1] == ["reach for the cube"]
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    assert LeRobotDataset("local/data", root=tmp_path / "data").meta.has_language_columns
