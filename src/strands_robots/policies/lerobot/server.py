"""Policy "lerobot_server": LeRobot's asynchronous inference server as the backend, for a Python that current lerobot does not run on, or a
GPU elsewhere. Needs lerobot's client side (lerobot[async]).

The protocol sends pickles both ways. What the server unpickles is its own affair, which is why it must be on this machine or behind a
tunnel; what comes back is unpickled here with tensors and their times allowed and nothing else.

Source: lerobot `async_inference/policy_server.py`, `robot_client.py`.
"""

from __future__ import annotations

import importlib
import io
import pickle
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.text import printable
from strands_robots.core.types import Element, PictureNeed, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.lerobot.seen import SeenCheckpoint, look_at
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.connection import LinkState
from strands_robots.policies.remote.errors import LinkError, ProtocolError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PICTURES = "observation.images."
Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]


class LerobotServerOptions(BaseModel):
    """Settings of "lerobot_server".

    Attributes:
        path: Folder or hub id of the trained policy, as the server finds it.
        type: LeRobot's name of the kind, for example act.
        host, port: Where the server is. Other hosts than this one need `is_trusted_network`: pickles carry no authentication.
        is_trusted_network: True says that no other machine can speak on the way to the server.
        device: What the server shall compute on.
        cameras: Pictures: key -> height and width [px].
        rows: Rows of one answer.
        rate: Rows a second [Hz]; 0 leaves it to the adapter.
        language: True for policies that take the task in words.
        statistics_margin: As of "lerobot".
        load_timeout, timeout: For loading the policy, and for one answer [s].
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    path: Annotated[str, Field(min_length=1)]
    type: Annotated[str, Field(min_length=1)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    is_trusted_network: bool = False
    device: str = "cpu"
    cameras: Annotated[dict[str, Size], Field(max_length=16)] = Field(default_factory=dict)
    rows: Annotated[int, Field(ge=1, le=1000)] = 50
    rate: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    language: bool = False
    statistics_margin: Annotated[float, Field(ge=0.0, le=10.0)] = 0.1
    load_timeout: Annotated[float, Field(gt=0.0, le=3600.0)] = 300.0
    timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 5.0


class LerobotServerModel:
    """Asks LeRobot's server.

    Args:
        options: Settings.
        state, action: Names of the elements.
        seen: What the checkpoint says, where it is on this machine.

    Attributes:
        statistics: Of the training data; None where the checkpoint is not on this machine.

    Raises:
        ConfigurationError: If the server is elsewhere and the network is not said to be trusted.
        PolicyError: If the server does not answer, or the policy cannot be loaded there.
    """

    def __init__(
        self,
        options: LerobotServerOptions,
        state: tuple[str, ...],
        action: tuple[str, ...],
        seen: SeenCheckpoint | None = None,
    ) -> None:
        if options.host not in LOOPBACK and not options.is_trusted_network:
            raise ConfigurationError(
                f"lerobot's server at '{options.host}' unpickles what the network sends; valid: {', '.join(LOOPBACK)} (a tunnel), or "
                "is_trusted_network true"
            )
        self._options = options
        seen = seen if seen is not None else SeenCheckpoint()
        self.statistics = seen.statistics
        self._state = LinkState.CONNECTING
        self._step = 0
        try:
            self._grpc = importlib.import_module("grpc")
            self._helpers = importlib.import_module("lerobot.async_inference.helpers")
            self._messages = importlib.import_module("lerobot.transport.services_pb2")
            self._transport = importlib.import_module("lerobot.transport.utils")
            services = importlib.import_module("lerobot.transport.services_pb2_grpc")
        except ImportError as error:
            raise PolicyError(f"policy 'lerobot_server' needs lerobot[async] ({error}); make setup-learning") from error
        keys = {(key if key.startswith(PICTURES) else PICTURES + key): size for key, size in options.cameras.items()}
        self.needs = PolicyNeeds(
            tuple(Element(name) for name in state),
            {key: PictureNeed(*size) for key, size in keys.items()},
            options.language,
        )
        self.gives = PolicyGives(
            tuple(Element(name) for name in action), horizon=options.rows, rate=options.rate,
            device=f"{options.device} of the server at {options.host}:{options.port}", notes=seen.notes,
        )  # fmt: skip
        self._channel = self._grpc.insecure_channel(
            f"{options.host}:{options.port}", self._transport.grpc_channel_options()
        )
        self._stub = services.AsyncInferenceStub(self._channel)
        try:
            self._load(keys)
        except PolicyError:
            self._channel.close()
            raise

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._state.value

    def reset(self, seed: int) -> None:
        """Nothing: the server keeps the newest observation only."""

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer in time, or answers nothing or another shape.
        """
        raw: dict[str, Any] = dict(zip((element.name for element in self.needs.state), given.state[-1].tolist()))
        raw.update({key.removeprefix(PICTURES): frames[-1] for key, frames in given.pictures.items()})
        if self.needs.language:
            raw["task"] = given.task
        self._step += 1
        observation = self._helpers.TimedObservation(
            timestamp=time.time(), timestep=self._step, observation=raw, must_go=True
        )
        chunks = self._transport.send_bytes_in_chunks(pickle.dumps(observation), self._messages.Observation)
        self._call(lambda: self._stub.SendObservations(chunks, timeout=self._options.timeout))
        answer = self._call(lambda: self._stub.GetActions(self._messages.Empty(), timeout=self._options.timeout))
        if not answer.data:
            raise ProtocolError(
                "lerobot's server answered nothing: its policy failed on this observation; its log says why"
            )
        rows = read_actions(answer.data)
        if rows.shape[1] != len(self.gives.action):
            raise ProtocolError(
                f"lerobot's server answered rows of {rows.shape[1]} numbers; valid: {len(self.gives.action)}"
            )
        return rows

    def close(self) -> None:
        """Disconnect."""
        self._state = LinkState.DEAD
        self._channel.close()

    def _load(self, keys: Mapping[str, Size]) -> None:
        names = [element.name for element in self.needs.state]
        features: dict[str, Any] = {"observation.state": {"dtype": "float32", "shape": (len(names),), "names": names}}
        for key, (height, width) in keys.items():
            features[key] = {"dtype": "image", "shape": (height, width, 3), "names": ["height", "width", "channels"]}
        options = self._options
        specification = self._helpers.RemotePolicyConfig(
            options.type, options.path, features, options.rows, options.device
        )
        self._call(lambda: self._stub.Ready(self._messages.Empty(), timeout=options.timeout, wait_for_ready=True))
        setup = self._messages.PolicySetup(data=pickle.dumps(specification))
        self._call(lambda: self._stub.SendPolicyInstructions(setup, timeout=options.load_timeout))

    def _call(self, call: Any) -> Any:
        begin = time.monotonic()
        try:
            answer = call()
        except self._grpc.RpcError as error:
            code = error.code()
            late = code == self._grpc.StatusCode.DEADLINE_EXCEEDED
            self._state = LinkState.STALLED if late else LinkState.RECONNECTING
            where = f"{self._options.host}:{self._options.port}"
            raise LinkError(
                f"lerobot's server at {where}: {code.name.lower()}: {printable(error.details())[:512]}"
            ) from error
        slow = time.monotonic() - begin > 0.5 * self._options.timeout
        self._state = LinkState.DEGRADED if slow else LinkState.STREAMING
        return answer


class _ActionReader(pickle.Unpickler):
    """Reads lists of LeRobot's TimedAction with tensors; anything else in the pickle is an error."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _load_storage
        if (module, name) in _ALLOWED:
            return getattr(importlib.import_module(module), name)
        raise ProtocolError(f"lerobot's server sent a pickle with {module}.{name}; valid: actions only")


_ALLOWED = frozenset(
    {
        ("lerobot.async_inference.helpers", "TimedAction"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("collections", "OrderedDict"),
    }
)


def _load_storage(data: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(data), weights_only=True)


def read_actions(data: bytes) -> FloatArray:
    """Return the rows (H, A) of a server's answer.

    Raises:
        ProtocolError: If it holds anything but actions, or their numbers are not finite.
    """
    try:
        actions = _ActionReader(io.BytesIO(data)).load()
        rows = np.stack([action.get_action().numpy() for action in actions]).astype(np.float64)
    except (pickle.UnpicklingError, EOFError, AttributeError, ValueError, TypeError, IndexError) as error:
        raise ProtocolError(
            f"the answer of lerobot's server cannot be read: {type(error).__name__}: {error}"
        ) from error
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ProtocolError(f"lerobot's server answered an array {rows.shape}; valid: (H, A) of finite numbers")
    return rows


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "lerobot_server"; raises ConfigurationError, AdapterError or PolicyError."""
    options = read_settings(LerobotServerOptions, "lerobot_server", settings)
    if not context.adapter.strip():
        raise ConfigurationError(
            "policy 'lerobot_server' takes the names of its elements from the adapter, and there is none"
        )
    adapter = load_adapter(context.adapter)
    state, action = (tuple(element.name for element in part) for part in (adapter.state_elements, adapter.action))
    seen = look_at(options.path, options.type, options.statistics_margin)
    notes = seen.check(state, action, options.rate or adapter.rate or context.rate)
    return adapt(LerobotServerModel(options, state, action, replace(seen, notes=notes)), context)
