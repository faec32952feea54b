"""Policy "groot": a client of NVIDIA GR00T's inference server (ZeroMQ, msgpack), N1.5 to N1.7.

Requests are {"endpoint", "data"}. N1.5 takes a flat observation, "video.<key>" (T, H, W, 3) uint8, "state.<key>" (T, D) float32 and
"annotation..." [text], and answers "action.<key>" (H, D). From N1.6 on it takes {"observation": {"video": (B, T, H, W, 3), "state":
(B, T, D), "language": [[text]]}, "options"} and answers [{key: (B, H, D)}, info].

Source: Isaac-GR00T `gr00t/eval/service.py` (N1.5), `gr00t/policy/server_client.py` and `gr00t_policy.py` (from N1.6).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import joined, mapping, rows, same_keys
from strands_robots.policies.remote.codec import pack_groot, unpack_groot
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import ProtocolError
from strands_robots.policies.remote.remote_options import RemoteOptions
from strands_robots.policies.remote.transport import ZmqTransport


class GrootOptions(RemoteOptions):
    """Settings of "groot"; keys without "video.", "state." and "action."."""

    port: int = 5555
    version: Literal["n1.5", "n1.6", "n1.7"] = "n1.7"
    prompt: str = "annotation.human.task_description"


class GrootModel:
    """Asks a GR00T server.

    Args:
        options: Settings.

    Raises:
        PolicyError: If nobody answers, or the server's model has other keys.
    """

    def __init__(self, options: GrootOptions) -> None:
        self.needs = options.needs()
        self.gives = options.gives()
        self._options = options
        self._is_flat = options.version == "n1.5"
        self._transport = ZmqTransport(options.host, options.port)
        self._link = RemoteLink(self._transport, self._shake_hands, options.link())
        self._link.connect()

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Start an episode; N1.5 servers keep no state."""
        if not self._is_flat:
            self._ask("reset", {"options": {"seed": seed}})

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        options = self._options
        if self._is_flat:
            answer = mapping(self._ask("get_action", self._flat(given)), "the answer")
            found = {key: answer.get(f"action.{key}") for key in options.action if f"action.{key}" in answer}
        else:
            pair = self._ask("get_action", {"observation": self._nested(given), "options": None})
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise ProtocolError(f"the answer is {type(pair).__name__}; valid: [action, info]")
            action = mapping(pair[0], "the action")
            found = {key: _first_of_batch(key, value) for key, value in action.items()}
        return joined([rows(found, key, len(names), options.horizon) for key, names in options.action.items()])

    def close(self) -> None:
        """Disconnect."""
        self._link.close()

    def _flat(self, given: ModelInput) -> dict[str, Any]:
        data: dict[str, Any] = {f"video.{key}": frames for key, frames in given.pictures.items()}
        data.update({f"state.{key}": value for key, value in self._states(given).items()})
        if self._options.prompt:
            data[self._options.prompt] = [given.task]
        return data

    def _nested(self, given: ModelInput) -> dict[str, Any]:
        language = {self._options.prompt: [[given.task]]} if self._options.prompt else {}
        return {
            "video": {key: frames[None] for key, frames in given.pictures.items()},
            "state": {key: value[None] for key, value in self._states(given).items()},
            "language": language,
        }

    def _states(self, given: ModelInput) -> dict[str, NDArray[np.float32]]:
        states = {}
        first = 0
        for key, names in self._options.state.items():
            states[key] = given.state[:, first : first + len(names)].astype(np.float32)
            first += len(names)
        return states

    def _ask(self, endpoint: str, data: Any = None) -> Any:
        return _decode(self._link.ask(pack_groot(self._envelope(endpoint, data))))

    def _envelope(self, endpoint: str, data: Any) -> dict[str, Any]:
        envelope: dict[str, Any] = {"endpoint": endpoint}
        if data is not None:
            envelope["data"] = data
        if self._options.api_key:
            envelope["api_token"] = self._options.api_key
        return envelope

    def _shake_hands(self, timeout: float) -> None:
        answer = self._transport.exchange(pack_groot(self._envelope("get_modality_config", None)), timeout)
        config = mapping(_decode(answer), "the modality configuration")
        options = self._options
        for kind, ours in (("video", options.pictures), ("state", options.state), ("action", options.action)):
            if kind in config:
                keys = [key.removeprefix(f"{kind}.") for key in _modality(config[kind]).get("modality_keys", ())]
                same_keys(kind, ours, keys)
        frames = _modality(config.get("state", {})).get("delta_indices")
        if frames is not None and len(frames) != options.history:
            raise ProtocolError(f"history: the settings have {options.history} observations, the server {len(frames)}")


def _decode(message: bytes) -> Any:
    if message == b"ERROR":
        raise ProtocolError("the server reports ERROR; is it a GR00T policy server?")
    answer = unpack_groot(message)
    if isinstance(answer, Mapping):
        mapping(answer, "the answer")
    return answer


def _modality(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping) and "as_json" in value:
        value = value["as_json"]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ProtocolError(f"a modality configuration is no JSON: {error}") from error
    return mapping(value, "a modality configuration")


def _first_of_batch(key: Any, value: Any) -> Any:
    if isinstance(value, np.ndarray) and (value.ndim != 3 or len(value) != 1):
        raise ProtocolError(f"'{key}' has shape {value.shape}; valid: (1, H, D)")
    return value[0] if isinstance(value, np.ndarray) else value


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "groot"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt(GrootModel(read_settings(GrootOptions, "groot", settings)), context)
