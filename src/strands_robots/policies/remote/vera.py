"""Policy "vera": a client of VERA's server (WebSocket, msgpack): a video planner and an inverse dynamics model, one per embodiment.

The server sends its configuration once after connecting: views, context frames, the checkpoint's action mode and size, period,
scales. A request holds the last context frames of every view, side by side; at the start of an episode only those that there are,
because copies of one frame freeze the planner. The answer has "action" (H, D). `reset` (answered with a text) and `configure`
(answered with what is applied, or a text) are endpoints of the same connection; an error is a text.

Source: VERA `server/protocol/` (websocket_policy_server, vera_policy_adapter, server_config), `controller/`.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError
from strands_robots.core.text import printable
from strands_robots.core.types import Element, PictureNeed, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.model import ModelInput, made_up_input
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.answers import mapping, rows, same_keys
from strands_robots.policies.remote.codec import pack_vera, unpack_openpi
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import ProtocolError
from strands_robots.policies.remote.openpi import reset_server
from strands_robots.policies.remote.transport import WebSocketTransport
from strands_robots.policies.remote.vera_options import VeraOptions, with_environment
from strands_robots.policies.remote.vera_server import VeraServer
from strands_robots.policies.remote.vera_wire import EMBODIMENTS
from strands_robots.policies.remote.warming import adapt_warmed

REQUIRED = ("view_keys", "action_space", "action_dim", "context_frames")


class VeraModel:
    """Asks a VERA server.

    Args:
        options: Settings, VERA_* variables already applied.

    Attributes:
        metadata: What the server said about itself.

    Raises:
        PolicyError: If the server does not answer, or is of another embodiment.
    """

    def __init__(self, options: VeraOptions) -> None:
        if options.embodiment not in EMBODIMENTS:
            raise UnknownNameError("embodiment of VERA", options.embodiment, EMBODIMENTS)
        self.embodiment = EMBODIMENTS[options.embodiment]
        self.metadata: Mapping[Any, Any] = {}
        self._options = options
        port = options.port or self.embodiment.port
        self._server = VeraServer(options, port, options.vis_port or self.embodiment.vis_port)
        self._transport = WebSocketTransport(options.address(port), options.headers())
        self._link = RemoteLink(self._transport, self._shake_hands, options.link(self._server.is_ours))
        self._session = uuid.uuid4().hex
        with contextlib.ExitStack() as stack:
            stack.callback(self._server.stop)
            self._server.start()
            self._link.connect()
            self._proprio = self._offered()
            self.needs, self.gives = self._declare(options.address(port))
            self._scale = self._scales()
            stack.pop_all()

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Start an episode: a new session of the server."""
        self._session = uuid.uuid4().hex
        request = pack_vera({"session_id": self._session, "reason": "new_episode", "endpoint": "reset"})
        self._link.exchange(lambda limit: reset_server(self._transport, request, limit))

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A), metric; the gripper's number as the server sends it.

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        return self._asked(given, self._link.ask)

    def warm_up(self) -> None:
        """Ask once on made-up pictures and wait long; raises PolicyError as `infer`."""
        if self._options.warm_up > 0.0:
            self._asked(made_up_input(self.needs), self._link.warm_up)

    def close(self) -> None:
        """Disconnect, and end a server that was started for this policy."""
        self._link.close()
        self._server.stop()

    def _asked(self, given: ModelInput, ask: Callable[[bytes], bytes]) -> FloatArray:
        views = list(self.needs.cameras)
        request: dict[str, Any] = {
            "context_rgb": np.concatenate([given.pictures[view] for view in views], axis=2),
            "view_keys": views,
            "view_widths": [given.pictures[view].shape[2] for view in views],
            "session_id": self._session,
        }
        first = 0
        for key, names in self._proprio.items():
            request[key] = given.state[-1, first : first + len(names)].astype(np.float32)
            first += len(names)
        if given.task:
            request["prompt"] = given.task
        for key, value in (
            ("lang_guidance", self._options.lang_guidance),
            ("hist_guidance", self._options.hist_guidance),
        ):
            if value is not None:
                request[key] = value
        request["endpoint"] = "infer"
        answer = mapping(unpack_openpi(ask(pack_vera(request))), "the answer")
        return rows(answer, "action", len(self.gives.action), 0) * self._scale

    def _shake_hands(self, timeout: float) -> None:
        given = mapping(unpack_openpi(self._transport.receive(timeout)), "the server's configuration")
        self.metadata = given
        options, ours = self._options, self.embodiment
        for key in REQUIRED:
            if key not in given:
                raise ProtocolError(f"the server's configuration lacks '{key}'; it has {', '.join(map(str, given))}")
        version = given.get("protocol_version", 1)
        if version != 1:
            raise ProtocolError(f"the server speaks version {version} of VERA's protocol, this client version 1")
        if given.get("embodiment", options.embodiment) != options.embodiment:
            raise ProtocolError(
                f"the server serves '{given['embodiment']}', the settings ask for '{options.embodiment}'"
            )
        mode = given["action_space"]
        if mode not in ours.modes:
            raise ProtocolError(
                f"the server's action mode is '{mode}', '{options.embodiment}' knows {', '.join(ours.modes)}"
            )
        names = ours.modes[mode][1]
        if given["action_dim"] != len(names):
            raise ProtocolError(
                f"the server's action is {mode} of {given['action_dim']}, that of '{options.embodiment}' {mode} of {len(names)}"
            )
        if options.embodiment != "allegro":
            same_keys("views", ours.views, given["view_keys"])
        if options.motion_plan_scale > 0.0:
            self._configure({"motion_plan_scale": options.motion_plan_scale}, timeout)

    def _configure(self, values: Mapping[str, float], timeout: float) -> None:
        """Set options of the running server; it answers with what it applied, or with a text that says why not."""
        self._transport.send(pack_vera({**values, "endpoint": "configure"}))
        answer = self._transport.receive_any(timeout)
        if isinstance(answer, str):
            raise ProtocolError(f"configure: {printable(answer)[:512]}; asked for {dict(values)}")
        applied = mapping(mapping(unpack_openpi(answer), "the answer to configure").get("applied"), "what is applied")
        for key, value in values.items():
            if key in applied and not np.isclose(float(applied[key]), value):
                raise ProtocolError(f"configure: the server applied {key} {applied[key]}; asked for {value}")

    def _offered(self) -> Mapping[str, tuple[str, ...]]:
        """Return what is sent of the robot's state: what the server names, where the adapter has it."""
        if not self._options.proprio:
            return {}
        known = self.embodiment.proprio
        unknown = [str(key) for key in self.metadata.get("proprio_keys", ()) if key not in known]
        if unknown:
            raise ProtocolError(
                f"proprio: the server has {', '.join(unknown)}, '{self._options.embodiment}' {', '.join(known)}"
            )
        return {key: known[key] for key in self.metadata.get("proprio_keys", ())}

    def _scales(self) -> FloatArray:
        """Return the factor of each column that makes it metric; the gripper's is never scaled."""
        given, names = self.metadata, [element.name for element in self.gives.action]
        if given.get("actions_already_metric", False):
            return np.ones(len(names))
        scale = list(self._options.action_scale) or [float(value) for value in given.get("action_abs_scale") or ()]
        if len(scale) != len(names):
            raise ProtocolError(
                f"the server's numbers are not metric, and its action_abs_scale has {len(scale)} numbers for {', '.join(names)}; "
                "valid: a server that says them, or the setting action_scale"
            )
        return np.array([1.0 if name == "gripper" else value for name, value in zip(names, scale)])

    def _declare(self, address: str) -> tuple[PolicyNeeds, PolicyGives]:
        given, ours = self.metadata, self.embodiment
        space, names = ours.modes[given["action_space"]]
        height, width = given.get("image_resolution") or self._options.view_size or ours.view_size
        need = PictureNeed(int(height), int(width))
        period = float(given.get("control_dt") or 1.0 / ours.rate)
        needs = PolicyNeeds(
            tuple(Element(name) for group in self._proprio.values() for name in group),
            {str(key): need for key in given["view_keys"]},
            bool(given.get("needs_prompt")),
            int(given["context_frames"]),
            takes_short=True,
        )
        gives = PolicyGives(
            tuple(Element(name) for name in names), space, ours.gripper if "gripper" in names else "",
            int(given.get("action_horizon", 0)), round(1.0 / period, 6), device=f"server at {address}",
        )  # fmt: skip
        return needs, gives


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "vera"; raises ConfigurationError, AdapterError or PolicyError."""
    options = with_environment(read_settings(VeraOptions, "vera", settings))
    if options.proprio is None:
        from strands_robots.policies.adapt.adapter import load_adapter

        has_state = bool(context.adapter.strip()) and bool(load_adapter(context.adapter).state)
        options = options.model_copy(update={"proprio": has_state})
    return adapt_warmed(VeraModel(options), context)
