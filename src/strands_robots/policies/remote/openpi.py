"""Policy "openpi": a client of openpi's policy server (WebSocket, msgpack), and of vLLM-Omni's endpoint for robots.

The server sends its metadata once after connecting; each request is one mapping of arrays and the prompt. openpi answers with a
mapping that has "actions" (H, A) float; its errors are texts with a traceback. vLLM-Omni answers with a bare array, or with a
mapping {"type": "error", "message"}, knows the endpoint "reset", and closes a connection that is idle for 30 s: it is made again
with the next question.

Source: openpi `packages/openpi-client/src/openpi_client/websocket_client_policy.py`, `serving/websocket_policy_server.py`, and
`policies/*_policy.py` for the keys; vLLM-Omni `entrypoints/openai/realtime/robot/openpi_connection.py`.
"""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.text import printable
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.model import ModelInput, made_up_input
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import joined, mapping, rows
from strands_robots.policies.remote.codec import pack_openpi, unpack_openpi
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import LinkError, ProtocolError
from strands_robots.policies.remote.presets import with_preset
from strands_robots.policies.remote.remote_options import RemoteOptions
from strands_robots.policies.remote.transport import WebSocketTransport
from strands_robots.policies.remote.warming import adapt_warmed

VLLM_OMNI_PATH = "/v1/realtime/robot/openpi"
HEALTH_TIMEOUT = 1.0


class OpenpiOptions(RemoteOptions):
    """Settings of "openpi"; `state`, `pictures` and `action` are the keys of the server's data transforms.

    Attributes:
        server: Whose server: "openpi" or "vllm_omni".
        separator: Divides the parts of keys that are nested in the request: with "." the key "images.cam_high" is cam_high in images.
        dtype: Type of the state's numbers; openpi's own clients send float64.
        session_id: Send an identifier of the episode; also sent where the server's metadata asks for it.
    """

    port: int = 8000
    prompt: str = "prompt"
    server: Literal["openpi", "vllm_omni"] = "openpi"
    separator: Literal["", ".", "/"] = ""
    dtype: Literal["float32", "float64"] = "float64"
    session_id: bool = False


class OpenpiModel:
    """Asks an openpi server.

    Args:
        options: Settings.

    Attributes:
        metadata: What the server said about itself.

    Raises:
        PolicyError: If the server does not answer, or it wants pictures of another size.
    """

    def __init__(self, options: OpenpiOptions) -> None:
        self.needs = options.needs()
        self.gives = options.gives()
        self.metadata: Mapping[Any, Any] = {}
        self._options = options
        self._session = uuid.uuid4().hex
        self._address = options.address(VLLM_OMNI_PATH if options.server == "vllm_omni" else "")
        self._transport = WebSocketTransport(self._address, options.headers())
        self._link = RemoteLink(self._transport, self._shake_hands, options.link())
        try:
            self._link.connect()
        except LinkError as error:
            raise LinkError(f"{error}; {health(self._address)}") from error

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Start an episode: a new session, where the server keeps any.

        Raises:
            PolicyError: If a server that has the endpoint "reset" does not answer it.
        """
        self._session = uuid.uuid4().hex
        if self._options.server == "vllm_omni":
            self._link.exchange(lambda limit: reset_server(self._transport, pack_openpi({"endpoint": "reset"}), limit))

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        return self._asked(given, self._link.ask)

    def warm_up(self) -> None:
        """Ask once on made-up numbers and wait long.

        Raises:
            PolicyError: As `infer`.
        """
        if self._options.warm_up > 0.0:
            self._asked(made_up_input(self.needs), self._link.warm_up)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()

    def _asked(self, given: ModelInput, ask: Callable[[bytes], bytes]) -> FloatArray:
        options = self._options
        answer = unpack_openpi(ask(pack_openpi(self._request(given))))
        if isinstance(answer, np.ndarray) and len(options.action) == 1:
            answer = {next(iter(options.action)): answer}
        found = mapping(answer, "the answer")
        return joined([rows(found, key, len(names), options.horizon) for key, names in options.action.items()])

    def _request(self, given: ModelInput) -> dict[str, Any]:
        options = self._options
        request: dict[str, Any] = {}
        for key, frames in given.pictures.items():
            picture = frames[-1] if options.pictures[key].layout == "hwc" else frames[-1].transpose(2, 0, 1)
            self._put(request, key, np.ascontiguousarray(picture))
        first = 0
        for key, names in options.state.items():
            self._put(request, key, given.state[-1, first : first + len(names)].astype(options.dtype))
            first += len(names)
        if options.prompt:
            request[options.prompt] = given.task
        if options.session_id or self.metadata.get("needs_session_id"):
            request["session_id"] = self._session
        return request

    def _put(self, request: dict[str, Any], key: str, value: Any) -> None:
        separator = self._options.separator
        *folders, name = key.split(separator) if separator else [key]
        for folder in folders:
            request = request.setdefault(folder, {})
        request[name] = value

    def _shake_hands(self, timeout: float) -> None:
        self.metadata = mapping(unpack_openpi(self._transport.receive(timeout)), "the server's metadata")
        size = self.metadata.get("image_resolution")
        if isinstance(size, (list, tuple)) and len(size) == 2:
            wrong = {k: p.size for k, p in self._options.pictures.items() if p.size != (int(size[0]), int(size[1]))}
            if wrong:
                key, ours = next(iter(wrong.items()))
                raise ProtocolError(
                    f"pictures: the settings have {ours[0]}x{ours[1]} for '{key}', the server {size[0]}x{size[1]} (height x width)"
                )


def reset_server(transport: WebSocketTransport, message: bytes, timeout: float) -> None:
    """Have a server reset; it says that it has as a text, or as {"status": text}.

    Raises:
        LinkError: If it does not answer.
        ProtocolError: If it says something else.
    """
    transport.send(message)
    answer = transport.receive_any(timeout)
    said = (
        answer if isinstance(answer, str) else mapping(unpack_openpi(answer), "the answer to reset").get("status", "")
    )
    if "success" not in str(said):
        raise ProtocolError(f"reset: {printable(str(said))[:512]}; valid: 'reset successful'")


def health(address: str) -> str:
    """Return what GET /healthz of a WebSocket server says, in words."""
    found = urlsplit(address)
    kind = http.client.HTTPSConnection if found.scheme == "wss" else http.client.HTTPConnection
    connection = kind(found.hostname or "", found.port, timeout=HEALTH_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        return f"its /healthz answers {connection.getresponse().status}"
    except TimeoutError:
        return "its /healthz does not answer either"
    except (OSError, http.client.HTTPException) as error:
        return f"its /healthz cannot be asked ({error})"
    finally:
        connection.close()


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "openpi"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt_warmed(OpenpiModel(read_settings(OpenpiOptions, "openpi", with_preset("openpi", settings))), context)
