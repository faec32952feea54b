"""A stand-in for vLLM's OpenAI-compatible server with a model that takes videos; looks at the video that it is sent."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

MODEL = "nvidia/Cosmos3-Nano"


class Chat:
    """What was asked, and what is answered next.

    Attributes:
        requests: Bodies of chat requests.
        answer: Makes the content of an answer from the frames (N, H, W, 3) of the video and the prompt.
        spoil: Changes an answer; may return (status, body).
        models: What /v1/models lists.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[np.ndarray, str], str] = lambda frames, prompt: "{}"
        self.spoil: Callable[[dict[str, Any]], Any] = lambda body: body
        self.models = [MODEL]
        self.url = ""

    def reply(self, request: dict[str, Any]) -> tuple[int, Any]:
        video, text = request["messages"][0]["content"]
        assert (video["type"], text["type"]) == ("video_url", "text")
        address = video["video_url"]["url"]
        assert address.startswith("data:video/mp4;base64,")
        frames = decode(base64.b64decode(address.partition(",")[2]))
        message = {"role": "assistant", "content": self.answer(frames, text["text"])}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
        changed = self.spoil(body)
        return changed if isinstance(changed, tuple) else (200, changed)


def decode(content: bytes) -> np.ndarray:
    """Return the frames of an MP4."""
    import av

    with av.open(io.BytesIO(content)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@contextlib.contextmanager
def chat_server() -> Iterator[Chat]:
    """Give a running server."""
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in chat.models]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chat.requests.append(request)
            chat.headers.append(dict(self.headers))
            self._send(*chat.reply(request))

        def _send(self, status: int, body: Any) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chat.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield chat
    server.shutdown()
    server.server_close()
