"""vLLM-Omni's endpoint for robots: its own connection class, over a socket that is two queues; the engine is a ramp."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
import types
from pathlib import Path
from typing import Any

from record_servers.openpi import requests
from record_servers.scene import ramp
from record_servers.tape import Tape

CONFIG = {
    "image_resolution": [180, 320], "n_external_cameras": 2, "needs_wrist_camera": True, "needs_stereo_camera": False,
    "needs_session_id": True, "action_space": "joint_position",
}  # fmt: skip


class Socket:
    """What the connection class uses of a WebSocket."""

    def __init__(self, tape: Tape, messages: list[bytes]) -> None:
        self._tape, self._messages = tape, messages

    async def accept(self) -> None:
        """Take the connection."""

    async def receive(self) -> dict[str, Any]:
        if not self._messages:
            return {"type": "websocket.disconnect"}
        message = self._messages.pop(0)
        self._tape.add("client", message)
        return {"type": "websocket.receive", "bytes": message}

    async def send_bytes(self, message: bytes) -> None:
        self._tape.add("server", message)

    async def send_text(self, message: str) -> None:
        self._tape.add("server", message)


class Serving:
    """The engine's side."""

    policy_server_config = types.SimpleNamespace(to_dict=lambda: CONFIG)

    def reset(self, observation: dict) -> None:
        """Forget the episode."""

    async def infer(self, observation: dict) -> Any:
        if observation.get("prompt") == "fail":
            raise RuntimeError("CUDA out of memory")
        return ramp(24, 8)


def record(source: Path, commit: str, output: Path) -> None:
    """Record the handshake, an answer, a reset and two errors."""
    from openpi_client import msgpack_numpy

    for name, members in (
        ("fastapi", {"WebSocket": object}), ("starlette", {}), ("starlette.websockets", {"WebSocketDisconnect": OSError}),
        ("vllm", {}), ("vllm.logger", {"init_logger": logging.getLogger}),
        ("vllm_omni.entrypoints.openai.realtime.robot.openpi_serving", {"ServingRealtimeRobotOpenPI": Serving}),
    ):  # fmt: skip
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
    path = source / "vllm_omni/entrypoints/openai/realtime/robot/openpi_connection.py"
    spec = importlib.util.spec_from_file_location("openpi_connection", path)
    assert spec is not None
    assert spec.loader is not None
    connection = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(connection)
    droid = requests()["droid"]
    sent = [
        {**droid, "session_id": "recorded"}, {"endpoint": "reset"}, {**droid, "prompt": "fail", "session_id": "recorded"}
    ]  # fmt: skip
    tape = Tape(
        {
            "server": "vllm_omni", "repository": "vllm-project/vllm-omni", "commit": commit,
            "ran": ["vllm_omni/entrypoints/openai/realtime/robot/openpi_connection.py"],
            "settings": {"path": "/v1/realtime/robot/openpi", "policy_server_config": CONFIG, "model": "a ramp"},
        }
    )  # fmt: skip
    socket = Socket(tape, [*(msgpack_numpy.packb(message) for message in sent), msgpack_numpy.packb([1, 2])])
    asyncio.run(connection.RobotRealtimeConnection(socket, Serving()).handle_connection())
    tape.save(output / "vllm_omni", "droid")
