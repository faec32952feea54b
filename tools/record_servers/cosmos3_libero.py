"""Cosmos 3's LIBERO server: its own HTTP handler around a stub service, and its own client. Needs torch and requests."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import types
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.lifted import lift
from record_servers.openpi import free_port
from record_servers.scene import TASK, picture, ramp
from record_servers.tape import Tape


def serve(source: Path) -> int:
    """Run the upstream handler in the background and return its port."""
    names = lift(
        source / "cosmos_framework/scripts/action_policy_server_libero.py", ("_ActionHandler",),
        {
            "BaseHTTPRequestHandler": BaseHTTPRequestHandler, "ThreadingHTTPServer": ThreadingHTTPServer, "json": json,
            "Any": Any, "threading": threading, "Path": Path, "traceback": types.SimpleNamespace(print_exc=lambda: None),
            "log": types.SimpleNamespace(info=lambda *_: None, error=lambda *_: None), "_save_failed_request_dump": None,
        },
    )  # fmt: skip

    class Service:
        cfg = types.SimpleNamespace(dump_dir=None, http_400_on_error=False)

        def get_info(self) -> dict[str, Any]:
            return {
                "run_name": "stub", "checkpoint": "none", "guidance": 3.0, "num_steps": 4, "fps": 20, "seed": 0,
                "action_chunk_size": 16, "max_action_dim": 64, "raw_action_dim": 10,
            }  # fmt: skip

        def predict_policy(self, request: dict[str, Any]) -> dict[str, Any]:
            from PIL import Image

            if request["domain_name"] != "libero":
                raise ValueError(f"Unknown domain name: {request['domain_name']}")
            taken = np.asarray(Image.open(io.BytesIO(base64.b64decode(request["image"]))))
            assert taken.shape[2] == 3
            rows = ramp(16, 10)
            rows[:, 3:9] += np.array([1.0, 0, 0, 0, 1.0, 0], np.float32)
            return {"action": rows.tolist(), "video": []}

    port = free_port()
    server = ThreadingHTTPServer(("127.0.0.1", port), names["_ActionHandler"])
    server.service = Service()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return port


def record(source: Path, commit: str, output: Path) -> None:
    """Record /info, a prediction and an error, as the upstream client asks for them."""
    import requests
    from PIL import Image

    tape = Tape(
        {
            "server": "cosmos3_libero", "repository": "NVIDIA/cosmos-framework", "commit": commit,
            "ran": ["cosmos_framework/scripts/action_policy_server_libero.py (handler)",
                    "cosmos_framework/simulation/libero/closed_loop_eval.py (client)"],
            "settings": {"domain_name": "libero", "image_size": 256, "views": 2, "model": "a ramp"},
        }
    )  # fmt: skip

    class Taped:
        RequestException = requests.RequestException

        def get(self, url: str, **named: Any) -> Any:
            tape.add("client", f"GET {url[url.index('/', 8) :]}")
            answer = requests.get(url, **named)
            tape.add("server", answer.content)
            return answer

        def post(self, url: str, **named: Any) -> Any:
            prepared = requests.Request("POST", url, **{k: v for k, v in named.items() if k == "json"}).prepare()
            tape.add("client", f"POST {url[url.index('/', 8) :]}")
            tape.add("client", prepared.body if isinstance(prepared.body, bytes) else str(prepared.body).encode())
            answer = requests.post(url, **named)
            tape.add("server", answer.content)
            return answer

    path = source / "cosmos_framework/simulation/libero/closed_loop_eval.py"
    names = lift(
        path, ("ActionEnvironmentClient",),
        {"requests": Taped(), "np": np, "Any": Any, "Image": Image, "base64": base64, "io": io, "dataclass": dataclass},
    )  # fmt: skip
    address = f"http://127.0.0.1:{serve(source)}"
    views = [picture(0, 256, 256), picture(1, 256, 256)]
    client = names["ActionEnvironmentClient"](address, "libero", TASK, 256, 10.0)
    client.get_info()
    client.predict(views)
    client.domain_name = "no_such_robot"
    with contextlib.suppress(RuntimeError):
        client.predict(views)
    tape.save(output / "cosmos3_libero", "libero")
