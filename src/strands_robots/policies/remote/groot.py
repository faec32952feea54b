"""Policy "groot": a client of NVIDIA GR00T's inference server (ZeroMQ, msgpack), N1.5 to N1.7.

Requests are {"endpoint", "data"}. N1.5 takes a flat observation, "video.<key>" (T, H, W, 3) uint8, "state.<key>" (T, D) and
"annotation..." [text], and answers "action.<key>" (H, D). From N1.6 on it takes {"observation": {"video": (B, T, H, W, 3), "state":
(B, T, D), "language": [[text]]}, "options"} and answers [{key: (B, H, D)}, info]; behind its simulation wrapper the same with the
flat keys of N1.5, a batch, and [text]. The handshake says the keys, which frames of pictures and states at once, the key of the
task, and how many rows. It does not say how many numbers a key has, nor the rate.

Arrays are .npy files in msgpack; the servers that RoboLab's client is for take those of the package msgpack-numpy.

Source: Isaac-GR00T `gr00t/eval/service.py` (N1.5), `gr00t/policy/server_client.py` and `gr00t_policy.py` (from N1.6); RoboLab
`policies/gr00t/client.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.text import printable
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.model import ModelInput, made_up_input
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import joined, mapping, rows
from strands_robots.policies.remote.codec import pack_groot, pack_msgpack_numpy, unpack_groot
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import ProtocolError
from strands_robots.policies.remote.groot_modalities import Modalities, read_modalities
from strands_robots.policies.remote.presets import with_preset
from strands_robots.policies.remote.remote_options import RemoteOptions
from strands_robots.policies.remote.transport import ZmqTransport
from strands_robots.policies.remote.warming import adapt_warmed


class GrootOptions(RemoteOptions):
    """Settings of "groot"; keys without "video.", "state." and "action.".

    Attributes:
        prompt: Key of the task; empty takes the server's.
        history: Observations at once; 1 takes what the server says.
        horizon: Rows of one answer; 0 takes what the server says.
        wrapper: True for a server that was started with --use-sim-policy-wrapper; from N1.6 on.
        arrays: How arrays are written: "npy", "msgpack_numpy", or "auto": the first answer tells.
    """

    port: int = 5555
    version: Literal["n1.5", "n1.6", "n1.7"] = "n1.7"
    wrapper: bool = False
    arrays: Literal["auto", "npy", "msgpack_numpy"] = "auto"


class GrootModel:
    """Asks a GR00T server.

    Args:
        options: Settings.

    Attributes:
        modalities: What the server said about its model.

    Raises:
        PolicyError: If the server does not answer, or its model has other keys, frames or rows.
    """

    def __init__(self, options: GrootOptions) -> None:
        self._options = options
        self.modalities = Modalities()
        self._is_n15 = options.version == "n1.5"
        self._pack = pack_msgpack_numpy if options.arrays == "msgpack_numpy" else pack_groot
        self._transport = ZmqTransport(options.host, options.port)
        self._link = RemoteLink(self._transport, self._shake_hands, options.link())
        self._link.connect()
        self._prompt = options.prompt or self.modalities.language
        self.needs = replace(self.modalities.needs(options.needs()), language=bool(self._prompt))
        self.gives = replace(options.gives(), horizon=self.modalities.horizon or options.horizon)

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Start an episode; N1.5 servers keep no state."""
        if not self._is_n15:
            self._ask("reset", {"options": {"seed": seed}}, self._link.ask)

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        return self._asked(given, self._link.ask)

    def warm_up(self) -> None:
        """Ask once on made-up numbers and wait long; find out how the server writes arrays.

        Raises:
            PolicyError: As `infer`.
        """
        if self._options.warm_up <= 0.0:
            return
        given = made_up_input(self.needs)
        try:
            self._asked(given, self._link.warm_up)
        except ProtocolError as error:
            if self._options.arrays != "auto" or "must be a numpy array" not in str(error):
                raise
            self._pack = pack_msgpack_numpy
            self._asked(given, self._link.warm_up)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()

    def _asked(self, given: ModelInput, ask: Callable[[bytes], bytes]) -> FloatArray:
        options = self._options
        if self._is_n15:
            action = mapping(self._ask("get_action", self._flat(given), ask), "the answer")
            found = _without_prefix(action)
        else:
            observation = self._batched(self._flat(given)) if options.wrapper else self._nested(given)
            pair = self._ask("get_action", {"observation": observation, "options": None}, ask)
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                mapping(pair, "the answer")  # an error is a mapping
                raise ProtocolError(f"the answer is {type(pair).__name__}; valid: [action, info]")
            action = mapping(pair[0], "the action")
            found = {key: _first_of_batch(key, value) for key, value in _without_prefix(action).items()}
        return joined([rows(found, key, len(names), self.gives.horizon) for key, names in options.action.items()])

    def _flat(self, given: ModelInput) -> dict[str, Any]:
        data: dict[str, Any] = {f"video.{key}": frames for key, frames in given.pictures.items()}
        data.update({f"state.{key}": value for key, value in self._states(given).items()})
        if self._prompt:
            data[self._prompt] = [given.task]
        return data

    def _batched(self, flat: dict[str, Any]) -> dict[str, Any]:
        return {key: value[None] if isinstance(value, np.ndarray) else value for key, value in flat.items()}

    def _nested(self, given: ModelInput) -> dict[str, Any]:
        language = {self._prompt: [[given.task]]} if self._prompt else {}
        return {
            "video": {key: frames[None] for key, frames in given.pictures.items()},
            "state": {key: value[None] for key, value in self._states(given).items()},
            "language": language,
        }

    def _states(self, given: ModelInput) -> dict[str, NDArray[Any]]:
        dtype = np.float64 if self._is_n15 else np.float32
        states = {}
        first = 0
        for key, names in self._options.state.items():
            states[key] = np.ascontiguousarray(given.state[:, first : first + len(names)], dtype=dtype)
            first += len(names)
        return states

    def _ask(self, endpoint: str, data: Any, ask: Callable[[bytes], bytes]) -> Any:
        return _decode(ask(self._pack(self._envelope(endpoint, data))))

    def _envelope(self, endpoint: str, data: Any) -> dict[str, Any]:
        envelope: dict[str, Any] = {"endpoint": endpoint}
        if data is not None:
            envelope["data"] = data
        if self._options.api_key:
            envelope["api_token"] = self._options.api_key
        return envelope

    def _shake_hands(self, timeout: float) -> None:
        answer = self._transport.exchange(pack_groot(self._envelope("get_modality_config", None)), timeout)
        found = read_modalities(mapping(_decode(answer), "the modality configuration"))
        options = self._options
        found.check(options.pictures, options.state, options.action, options.prompt, options.history, options.horizon)
        self.modalities = found


def _decode(message: bytes) -> Any:
    value = unpack_groot(message)
    if isinstance(value, Mapping) and "error" in value:
        raise ProtocolError(f"the server reports: {printable(value['error'])[:1024]}")
    return value


def _without_prefix(action: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).removeprefix("action."): value for key, value in action.items()}


def _first_of_batch(key: Any, value: Any) -> Any:
    if isinstance(value, np.ndarray) and (value.ndim != 3 or len(value) != 1):
        raise ProtocolError(f"'{key}' has shape {value.shape}; valid: (1, H, D)")
    return value[0] if isinstance(value, np.ndarray) else value


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "groot"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt_warmed(GrootModel(read_settings(GrootOptions, "groot", with_preset("groot", settings))), context)
