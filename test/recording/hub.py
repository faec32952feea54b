"""A stand-in for the Hugging Face Hub: enough of its HTTP interface to create a private dataset and commit files to it."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """What was said to it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.tags: list[str] = []
        self.tokens: set[str] = set()
        self.refuses = ""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def answer(self, body: Any, status: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    data = b""
                    while size := int(self.rfile.readline().strip() or b"0", 16):
                        data += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return data
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_GET(self) -> None:
                hub.tokens.add(self.headers.get("Authorization", ""))
                if "/refs" in self.path:
                    tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": "0" * 40} for tag in hub.tags]
                    self.answer({"branches": [], "converts": [], "tags": tags})
                    return
                private = bool(hub.created and "private" in (hub.created[-1].get("visibility"), *hub.created[-1]))
                self.answer(
                    {"_id": "1", "id": "me/data", "private": private, "sha": "0" * 40, "siblings": [], "tags": []}
                )

            do_HEAD = do_GET  # noqa: N815

            def do_POST(self) -> None:
                data = self.body()
                hub.tokens.add(self.headers.get("Authorization", ""))
                if hub.refuses:
                    self.answer({"error": hub.refuses}, 403)
                elif self.path.endswith("/repos/create"):
                    hub.created.append(json.loads(data))
                    self.answer({"url": f"{hub.url}/datasets/me/data", "name": "me/data", "id": "1"})
                elif "/preupload/" in self.path:
                    given = json.loads(data)["files"]
                    modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in given]
                    self.answer({"files": modes})
                elif "/commit/" in self.path:
                    for line in data.splitlines():
                        entry = json.loads(line)
                        if entry["key"] == "file":
                            hub.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                    self.answer(
                        {
                            "commitUrl": f"{hub.url}/datasets/me/data/commit/{'0' * 40}",
                            "commitOid": "0" * 40,
                            "hookOutput": "",
                        }
                    )
                elif "/tag/" in self.path:
                    hub.tags.append(json.loads(data)["tag"])
                    self.answer({})
                else:
                    self.answer({})

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
