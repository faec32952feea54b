"""Conversations recorded from the public servers and their own clients (test/data/remote), and servers that play them back.

Uses none of the package under test: messages are read with a codec of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import lzma
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "remote"
_SCENE = Path(__file__).parents[2] / "tools" / "record_servers" / "scene.py"


def _load_scene() -> Any:
    spec = importlib.util.spec_from_file_location("recorded_scene", _SCENE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scene = _load_scene()
"""What the recorded robot saw and felt."""


@dataclass(frozen=True)
class Tape:
    """One conversation.

    Attributes:
        about: Repository, commit, settings.
        messages: (sender, kind, bytes).
    """

    about: dict[str, Any]
    messages: list[tuple[str, str, bytes]]

    def exchanges(self) -> list[tuple[Any, tuple[str, bytes]]]:
        """Return what the client asked, read, with what it was answered."""
        pairs = []
        for (sender, _, content), (_, kind, answer) in zip(self.messages, self.messages[1:]):
            if sender == "client":
                pairs.append((unpack(content), (kind, answer)))
        return pairs

    def requests(self, endpoint: str) -> list[Any]:
        """Return the requests to an endpoint, as the upstream client made them."""
        return [request for request, _ in self.exchanges() if endpoint_of(request) == endpoint]


def tapes() -> list[str]:
    """Return the names of all tapes."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.json"))


def load_tape(name: str) -> Tape:
    """Return a tape by its name, such as "openpi/droid"."""
    about = json.loads((FOLDER / f"{name}.json").read_text())
    content = lzma.decompress((FOLDER / f"{name}.bin.xz").read_bytes())
    messages = [
        (entry["from"], entry["kind"], content[entry["offset"] : entry["offset"] + entry["bytes"]])
        for entry in about["messages"]
    ]
    return Tape(about, messages)


def unpack(message: bytes) -> Any:
    """Return the value of a message in any of the servers' codecs."""

    def hook(entry: dict[Any, Any]) -> Any:
        if b"__ndarray__" in entry:
            return np.frombuffer(entry[b"data"], np.dtype(entry[b"dtype"])).reshape(entry[b"shape"])
        if b"__npgeneric__" in entry or b"__npscalar__" in entry:
            return np.dtype(entry[b"dtype"]).type(entry[b"data"])
        if "__ndarray_class__" in entry:
            return np.load(io.BytesIO(entry["as_npy"]), allow_pickle=False)
        if entry.get(b"nd"):
            return np.frombuffer(entry[b"data"], np.dtype(entry[b"type"])).reshape(entry[b"shape"])
        return entry

    return msgpack.unpackb(message, object_hook=hook, strict_map_key=False)


def endpoint_of(request: Any) -> str:
    return str(request.get("endpoint", "infer")) if isinstance(request, dict) else ""


def mismatches(ours: Any, theirs: Any, at: str = "", tolerance: float = 1e-5) -> list[str]:
    """Return every difference of two messages: keys and their order, types, dtypes, shapes, and numbers beyond a tolerance.

    Pictures may differ by the way they are made smaller: on average by less than one level.
    """
    if isinstance(theirs, np.ndarray) or isinstance(ours, np.ndarray):
        if not (isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray)):
            return [f"{at}: {type(ours).__name__} for {type(theirs).__name__}"]
        if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
            return [f"{at}: {ours.dtype} {ours.shape} for {theirs.dtype} {theirs.shape}"]
        difference = np.abs(ours.astype(float) - theirs.astype(float))
        limit = 1.0 if ours.dtype == np.uint8 else tolerance
        worst = float(difference.mean() if ours.dtype == np.uint8 else difference.max(initial=0.0))
        return [] if worst <= limit else [f"{at}: differs by {worst:g}"]
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if list(ours) != list(theirs):
            return [f"{at}: keys {list(ours)} for {list(theirs)}"]
        return [line for key in theirs for line in mismatches(ours[key], theirs[key], f"{at}.{key}", tolerance)]
    if isinstance(theirs, (list, tuple)) and isinstance(ours, (list, tuple)):
        if len(ours) != len(theirs):
            return [f"{at}: {len(ours)} entries for {len(theirs)}"]
        return [
            line for i, (a, b) in enumerate(zip(ours, theirs)) for line in mismatches(a, b, f"{at}[{i}]", tolerance)
        ]
    return [] if type(ours) is type(theirs) and ours == theirs else [f"{at}: {ours!r} for {theirs!r}"]


@dataclass
class Playback:
    """A server that answers as the tape's did.

    Attributes:
        port: Where it listens.
        requests: What it was asked, read.
        headers: Headers of the last connection.
        path: Path of the last connection.
    """

    tape: Tape
    port: int = 0
    requests: list[Any] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""

    def asked(self, endpoint: str) -> list[Any]:
        return [request for request in self.requests if endpoint_of(request) == endpoint]

    def answer(self, message: bytes) -> tuple[str, bytes]:
        """Return what the recorded server answered to the same endpoint, the n-th time what it answered the n-th time."""
        request = unpack(message)
        self.requests.append(request)
        endpoint = endpoint_of(request)
        answers = [
            (kind, answer) for asked, (kind, answer) in self.tape.exchanges()
            if endpoint_of(asked) == endpoint and b'"error"' not in answer and not answer.startswith(b"\x81\xa5error")
            and (kind == "binary" or endpoint != "infer")
        ]  # fmt: skip
        count = len(self.asked(endpoint)) - 1
        return answers[min(count, len(answers) - 1)]


@contextlib.contextmanager
def websocket_playback(name: str) -> Iterator[Playback]:
    """Give a server that plays back the tape of a WebSocket server: its first message at once, then answer by answer."""
    from websockets.sync.server import serve

    playback = Playback(load_tape(name))

    def handle(connection: Any) -> None:
        playback.headers = dict(connection.request.headers.raw_items())
        playback.path = connection.request.path
        connection.send(playback.tape.messages[0][2])
        for message in connection:
            kind, answer = playback.answer(message)
            connection.send(answer.decode() if kind == "text" else answer)

    with serve(handle, "127.0.0.1", 0, compression=None, max_size=None) as server:
        playback.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield playback
        server.shutdown()


@contextlib.contextmanager
def zmq_playback(name: str) -> Iterator[Playback]:
    """Give a server that plays back the tape of a ZeroMQ server."""
    import zmq

    playback = Playback(load_tape(name))
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    playback.port = socket.bind_to_random_port("tcp://127.0.0.1")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            if socket.poll(20):
                socket.send(playback.answer(socket.recv())[1])

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield playback
    finally:
        stop.set()
        thread.join(5.0)
        socket.close(0)
        context.term()


@contextlib.contextmanager
def http_playback(name: str) -> Iterator[Playback]:
    """Give a server that plays back the tape of an HTTP server: /info, and the answer to a POST by its domain."""
    playback = Playback(load_tape(name))
    messages = playback.tape.messages
    info = next(messages[i + 1][2] for i, m in enumerate(messages) if m[2] == b"GET /info")
    posts = [
        (json.loads(messages[i + 1][2]), messages[i + 2][2]) for i, m in enumerate(messages) if m[2].startswith(b"POST")
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(info)

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            playback.requests.append(request)
            playback.path = self.path
            self._send(next(answer for asked, answer in posts if asked["domain_name"] == request["domain_name"]))

        def _send(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    playback.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield playback
    server.shutdown()
    server.server_close()
