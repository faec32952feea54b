"""Policy "vera": a client of VERA's server (WebSocket, msgpack): a video planner and an inverse dynamics model, one per embodiment.

The server sends its configuration once after connecting: views, context frames, action space and size, period, gripper. A request holds
the last context frames of every view, side by side; the answer has "action" (H, D). `reset` and `configure` are endpoints of the same
connection; an error is a text.

Source: VERA `server/protocol` (VeraServerConfig, RemotePolicy) as the strands-robots VERA provider documents it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.core.types import ActionSpace, Element, PictureNeed, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import mapping, rows, same_keys
from strands_robots.policies.remote.codec import pack_openpi, unpack_openpi
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import ProtocolError
from strands_robots.policies.remote.transport import WebSocketTransport
from strands_robots.policies.remote.vera_options import VeraOptions, with_environment
from strands_robots.policies.remote.vera_server import VeraServer

GRIPPER_EDGE = 0.5
"""A raw gripper number above this closes."""


@dataclass(frozen=True)
class Embodiment:
    """What VERA serves under one name.

    Attributes:
        action_space: The server's word for it.
        space: Ours.
        names: Numbers of one action, the gripper included.
        views: Cameras.
        rate: Rows a second [Hz].
        port, vis_port: Where the server and its viewer listen.
    """

    action_space: str
    space: ActionSpace
    names: tuple[str, ...]
    views: tuple[str, ...]
    rate: float
    port: int
    vis_port: int


_EE = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")
EMBODIMENTS: Mapping[str, Embodiment] = MappingProxyType(
    {
        "pusht": Embodiment("velocity", ActionSpace.EE_DELTA, ("dx", "dy"), ("image",), 10.0, 8820, 8821),
        "mimicgen": Embodiment(
            "eef_delta", ActionSpace.EE_DELTA, _EE, ("agentview_image", "robot0_eye_in_hand_image"), 20.0, 8800, 8801
        ),
        "allegro": Embodiment(
            "joint_position", ActionSpace.JOINT_POSITION, tuple(f"joint_{i}" for i in range(16)),
            tuple(f"camera_{i}" for i in range(12)), 15.0, 8802, 8803,
        ),
        "droid": Embodiment(
            "cartesian_delta", ActionSpace.EE_DELTA, _EE, ("varied_1", "varied_2", "hand"), 15.0, 8804, 8805
        ),
    }
)  # fmt: skip
"""VERA's embodiments; views of allegro are numbered because the server names them itself."""


class VeraModel:
    """Asks a VERA server.

    Args:
        options: Settings, VERA_* variables already applied.

    Attributes:
        metadata: What the server said about itself.

    Raises:
        PolicyError: If nobody answers, or the server is of another embodiment.
    """

    def __init__(self, options: VeraOptions) -> None:
        if options.embodiment not in EMBODIMENTS:
            raise UnknownNameError("embodiment of VERA", options.embodiment, EMBODIMENTS)
        self.embodiment = EMBODIMENTS[options.embodiment]
        self.metadata: Mapping[Any, Any] = {}
        self._options = options
        port = options.port or self.embodiment.port
        self._server = VeraServer(options, port, options.vis_port or self.embodiment.vis_port)
        self._transport = WebSocketTransport(options.host, port, options.api_key)
        self._link = RemoteLink(self._transport, self._shake_hands, options.link(self._server.is_ours))
        self._session = ""
        with contextlib.ExitStack() as stack:
            stack.callback(self._server.stop)
            self._server.start()
            self._link.connect()
            self.needs, self.gives = self._declare(port)
            stack.pop_all()

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Start an episode: a new session of the server."""
        self._session = uuid.uuid4().hex
        self._command({"endpoint": "reset", "session_id": self._session, "reason": f"episode, seed {seed}"})

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A), the gripper as 0 (open) or 1 (closed) where the server sends it raw.

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        views = list(self.needs.cameras)
        frames = np.concatenate([given.pictures[view] for view in views], axis=2)
        request: dict[str, Any] = {
            "endpoint": "infer",
            "context_rgb": frames,
            "rgb": frames[-1],
            "view_keys": views,
            "view_widths": [given.pictures[view].shape[2] for view in views],
            "session_id": self._session,
        }
        if self.needs.language:
            request["prompt"] = given.task
        answer = mapping(unpack_openpi(self._link.ask(pack_openpi(request))), "the answer")
        action = rows(answer, "action", len(self.gives.action), 0)
        column = int(self.metadata.get("gripper_dim_index", -1))
        if column >= 0 and self.metadata.get("gripper_is_raw", True):
            action[:, column] = (action[:, column] > GRIPPER_EDGE).astype(np.float64)
        return action

    def close(self) -> None:
        """Disconnect, and end a server that was started for this policy."""
        self._link.close()
        self._server.stop()

    def _shake_hands(self, timeout: float) -> None:
        self.metadata = mapping(unpack_openpi(self._transport.receive(timeout)), "the server's configuration")
        given = self.metadata
        for key in ("view_keys", "action_space", "action_dim", "context_frames"):
            if key not in given:
                raise ProtocolError(f"the server's configuration lacks '{key}'; it has {', '.join(map(str, given))}")
        if given.get("embodiment", self._options.embodiment) != self._options.embodiment:
            raise ProtocolError(
                f"the server serves '{given['embodiment']}', the settings ask for '{self._options.embodiment}'"
            )
        ours = self.embodiment
        if given["action_dim"] != len(ours.names) or given["action_space"] != ours.action_space:
            raise ProtocolError(
                f"the server's action is {given['action_space']} of {given['action_dim']}, that of "
                f"'{self._options.embodiment}' {ours.action_space} of {len(ours.names)}"
            )
        if self._options.embodiment != "allegro":
            same_keys("views", ours.views, given["view_keys"])
        if self._options.motion_plan_scale > 0.0:
            self._exchange_text(
                {"endpoint": "configure", "motion_plan_scale": self._options.motion_plan_scale}, timeout
            )

    def _declare(self, port: int) -> tuple[PolicyNeeds, PolicyGives]:
        given, ours = self.metadata, self.embodiment
        if given.get("proprio_keys"):
            raise ConfigurationError(
                f"the server wants the state {', '.join(map(str, given['proprio_keys']))}; valid: a server that takes pictures only"
            )
        size = given.get("image_resolution") or (0, 0)
        need = PictureNeed(int(size[0]), int(size[1]))
        period = float(given.get("control_dt") or 1.0 / ours.rate)
        needs = PolicyNeeds(
            (),
            {str(key): need for key in given["view_keys"]},
            bool(given.get("needs_prompt")),
            int(given["context_frames"]),
        )
        gives = PolicyGives(
            tuple(Element(name) for name in ours.names), ours.space,
            "0 open, 1 closed" if "gripper" in ours.names else "", int(given.get("action_horizon", 0)), round(1.0 / period, 6),
            device=f"server at {self._options.host}:{port}",
        )  # fmt: skip
        return needs, gives

    def _command(self, request: dict[str, Any]) -> None:
        self._link.connect()
        try:
            self._exchange_text(request, self._options.timeout)
        except PolicyError:
            self._link.forget()
            raise

    def _exchange_text(self, request: dict[str, Any], timeout: float) -> None:
        """Send a request that is answered with a text that says whether it was done."""
        self._transport.send(pack_openpi(request))
        text = self._transport.receive_text(timeout)
        if "success" not in text:
            raise ProtocolError(
                f"{request['endpoint']}: {printable(text)[:512]}; valid: '{request['endpoint']} successful'"
            )


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "vera"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt(VeraModel(with_environment(read_settings(VeraOptions, "vera", settings))), context)
