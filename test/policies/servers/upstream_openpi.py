"""openpi's own server (openpi-server on PyPI) around a policy that answers zeros and a closing hand. Uses none of the package under test.

python upstream_openpi.py        prints the port once it listens; needs an interpreter with openpi-server
"""

from __future__ import annotations

import asyncio
import socket

import numpy as np
from openpi_server.websocket_policy_server import WebsocketPolicyServer


class Policy:
    def infer(self, observation: dict) -> dict:
        assert observation["observation/joint_position"].shape == (7,)
        if observation["prompt"] == "fail":
            raise RuntimeError("CUDA out of memory")
        actions = np.zeros((10, 8), np.float32)
        actions[:, 7] = 0.98
        return {"actions": actions}

    def reset(self) -> None:
        """Nothing is kept."""


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]


async def main() -> None:
    server = asyncio.ensure_future(WebsocketPolicyServer(Policy(), "127.0.0.1", port, {"stub": True}).run())
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.05)
    print(port, flush=True)
    await server


asyncio.run(main())
