"""Policy "openpi": a client of openpi's policy server (WebSocket, msgpack).

The server sends its metadata once after connecting; each request is one mapping of arrays and the prompt, each answer has "actions"
(H, A) float. An error is a text message with a traceback.

Source: openpi `packages/openpi-client/src/openpi_client/websocket_client_policy.py`, `serving/websocket_policy_server.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import joined, mapping, rows
from strands_robots.policies.remote.codec import pack_openpi, unpack_openpi
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.remote_options import RemoteOptions
from strands_robots.policies.remote.transport import WebSocketTransport


class OpenpiOptions(RemoteOptions):
    """Settings of "openpi"; `state`, `pictures` and `action` are the keys of the server's data transforms."""

    port: int = 8000
    prompt: str = "prompt"


class OpenpiModel:
    """Asks an openpi server.

    Args:
        options: Settings.

    Attributes:
        metadata: What the server said about itself.

    Raises:
        PolicyError: If nobody answers.
    """

    def __init__(self, options: RemoteOptions) -> None:
        self.needs = options.needs()
        self.gives = options.gives()
        self.metadata: Mapping[Any, Any] = {}
        self._options = options
        self._transport = WebSocketTransport(options.host, options.port, options.api_key)
        self._link = RemoteLink(self._transport, self._shake_hands, options.link())
        self._link.connect()

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Nothing: the server keeps no state of episodes."""

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        answer = mapping(unpack_openpi(self._link.ask(pack_openpi(self._request(given)))), "the answer")
        options = self._options
        parts = [rows(answer, key, len(names), options.horizon) for key, names in options.action.items()]
        return joined(parts)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()

    def _request(self, given: ModelInput) -> dict[str, Any]:
        options = self._options
        request: dict[str, Any] = {}
        first = 0
        for key, names in options.state.items():
            request[key] = given.state[-1, first : first + len(names)].astype(np.float32)
            first += len(names)
        for key, frames in given.pictures.items():
            request[key] = np.ascontiguousarray(frames[-1])
        if options.prompt:
            request[options.prompt] = given.task
        return request

    def _shake_hands(self, timeout: float) -> None:
        self.metadata = mapping(unpack_openpi(self._transport.receive(timeout)), "the server's metadata")


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "openpi"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt(OpenpiModel(read_settings(OpenpiOptions, "openpi", settings)), context)
