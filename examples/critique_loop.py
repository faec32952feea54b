"""Generate, critique, fix: an episode is filmed, a vision-language model grades the video, and what it suggests is tried next.

    python examples/critique_loop.py
    STRANDS_ROBOTS_CRITIC_URL=http://127.0.0.1:8000/v1 python examples/critique_loop.py

Needs make setup-learning (PyAV) and no graph. Without an endpoint a stand-in answers that finds out by itself whether the red cube was
lifted in the video. The model chooses only among the settings that the rubric names.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from strands_robots.evaluation.critic.chat import ChatConfig, ChatEndpoint
from strands_robots.evaluation.critic.critique import Critic
from strands_robots.evaluation.critic.rubric import load_rubric
from strands_robots.evaluation.critic.targets import find_targets
from strands_robots.evaluation.critic.verdict import Outcome
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import load_task

RUBRIC = """
instruction: "You watch a robot. The task was: {task}. Answer with one JSON object and nothing else."
criteria: [{name: task_done, question: "Is the red cube in the air at the end of the video?"}]
knobs: {aim: [beside, cube]}
"""
AIMS = {"beside": "{at: [0.2, 0.12, 0.0125]}", "cube": "{body: cube}"}


def main() -> None:
    """Go round until the critic passes an episode, at most three times."""
    task, aim = load_task("lift_cube"), "beside"
    with endpoint() as url, tempfile.TemporaryDirectory() as folder:
        critic = Critic(ChatEndpoint(ChatConfig(url)), load_rubric(RUBRIC))
        for attempt in range(3):
            choice = PolicyChoice("scripted", f"{{model: so101, pick: {{object: {AIMS[aim]}}}}}")
            runner = EpisodeRunner(task, choice)
            runner.run(0, Path(folder) / f"attempt-{attempt}.mp4", keep_success=True)
            runner.close()
            (target,) = find_targets(Path(folder) / f"attempt-{attempt}.mp4", task=task.instruction)
            verdict = critic.critique(target)
            print(f"aim '{aim}': {verdict.outcome.value}: {verdict.message}")
            if verdict.outcome is not Outcome.FAIL or "aim" not in verdict.suggestion:
                break
            aim = str(verdict.suggestion["aim"])


@contextlib.contextmanager
def endpoint() -> Iterator[str]:
    """Give the endpoint of STRANDS_ROBOTS_CRITIC_URL, or a stand-in."""
    if url := os.environ.get("STRANDS_ROBOTS_CRITIC_URL", ""):
        yield url
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


class StandIn(BaseHTTPRequestHandler):
    """Answers as a vision-language model behind vLLM would, by the height of what is red."""

    def do_GET(self) -> None:
        """List one model."""
        self._send({"data": [{"id": "stand-in"}]})

    def do_POST(self) -> None:
        """Grade a video."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        url = request["messages"][0]["content"][0]["video_url"]["url"]
        first, last = heights(base64.b64decode(url.partition(",")[2]))
        is_up = first - last > 5.0  # rows of the picture count downwards
        answer = {
            "criteria": {
                "task_done": {"good": is_up, "why": f"the cube's row in the picture: {first:.0f}, at best {last:.0f}"}
            },
            "summary": "the cube was lifted" if is_up else "the gripper closed beside the cube",
            "suggestion": {} if is_up else {"aim": "cube"},
        }
        self._send({"choices": [{"message": {"content": json.dumps(answer)}, "finish_reason": "stop"}]})

    def _send(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def heights(video: bytes) -> tuple[float, float]:
    """Return the mean row of what is red in an MP4: in the first picture, and where it is highest later."""
    import av
    import numpy as np

    with av.open(io.BytesIO(video)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    rows = []
    for picture in frames:
        red = (
            (picture[..., 0] > 60)
            & (picture[..., 1] < 0.5 * picture[..., 0])
            & (picture[..., 2] < 0.5 * picture[..., 0])
        )
        red &= np.abs(picture[..., 1] - picture[..., 2]) < 20  # the arm is yellow
        if red.sum() >= 8:
            rows.append(float(np.nonzero(red)[0].mean()))
    return (rows[0], min(rows)) if rows else (0.0, 0.0)


if __name__ == "__main__":
    main()
