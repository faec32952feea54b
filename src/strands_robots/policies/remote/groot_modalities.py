"""What a GR00T server says about its model in the handshake: keys, frames, the task's key, rows. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from strands_robots.core.types import PolicyNeeds
from strands_robots.policies.remote.answers import mapping, same_keys
from strands_robots.policies.remote.errors import ProtocolError


@dataclass(frozen=True)
class Modalities:
    """What the server said.

    Attributes:
        keys: Kind (video, state, action) -> keys; a kind that it does not name is not there.
        video, state: Frames at once, in steps before the present one.
        language: Key of the task; empty when it does not say. Of several the first, which is what inference reads.
        horizon: Rows of an answer; 0 when it does not say.
    """

    keys: Mapping[str, tuple[str, ...]] | None = None
    video: tuple[int, ...] = (0,)
    state: tuple[int, ...] = (0,)
    language: str = ""
    horizon: int = 0

    @property
    def history(self) -> int:
        """Observations that the oldest frame reaches back, the present one included."""
        return 1 - min(*self.video, *self.state)

    def needs(self, declared: PolicyNeeds) -> PolicyNeeds:
        """Return what the settings declare, with the frames of the server."""
        cameras = {key: replace(need, frames=self.video) for key, need in declared.cameras.items()}
        return replace(declared, cameras=cameras, history=self.history, state_frames=self.state)

    def check(
        self,
        pictures: Iterable[str],
        state: Iterable[str],
        action: Iterable[str],
        prompt: str,
        history: int,
        horizon: int,
    ) -> None:
        """Return if the settings say the same.

        Raises:
            ProtocolError: If they do not; the message has both sides.
        """
        for kind, ours in (("video", pictures), ("state", state), ("action", action)):
            if self.keys is not None and kind in self.keys:
                same_keys(kind, ours, self.keys[kind])
        if prompt and self.language and prompt != self.language:
            raise ProtocolError(
                f"prompt: the settings have '{prompt}', the server '{self.language}'; empty takes the server's"
            )
        if history != 1 and history != self.history:
            raise ProtocolError(f"history: the settings have {history} observations, the server {self.history}")
        if horizon and self.horizon and horizon != self.horizon:
            raise ProtocolError(f"horizon: the settings have {horizon} rows, the server {self.horizon}")


def read_modalities(config: Mapping[Any, Any]) -> Modalities:
    """Return what a modality configuration says.

    Raises:
        ProtocolError: If it cannot be read.
    """
    keys: dict[str, tuple[str, ...]] = {}
    frames: dict[str, tuple[int, ...]] = {}
    for kind in ("video", "state", "action", "language"):
        if kind not in config:
            continue
        entry = _entry(config[kind])
        keys[kind] = tuple(str(key).removeprefix(f"{kind}.") for key in entry.get("modality_keys", ()))
        try:
            frames[kind] = tuple(sorted(int(step) for step in entry.get("delta_indices", (0,))))
        except (TypeError, ValueError) as error:
            raise ProtocolError(f"{kind}: delta_indices is {entry['delta_indices']!a}; valid: whole numbers") from error
    for kind in ("video", "state"):
        if kind in frames and (not frames[kind] or frames[kind][-1] > 0):
            raise ProtocolError(f"{kind}: delta_indices is {list(frames[kind])}; valid: steps up to the present one, 0")
    language = keys.pop("language", ())
    return Modalities(
        keys, frames.get("video", (0,)), frames.get("state", (0,)), language[0] if language else "",
        len(frames.get("action", ())),
    )  # fmt: skip


def _entry(value: Any) -> Mapping[Any, Any]:
    """Return one modality's configuration: {"__ModalityConfig_class__": true, "as_json": ...}, as JSON or already read."""
    if isinstance(value, Mapping) and "as_json" in value:
        value = value["as_json"]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ProtocolError(f"a modality configuration is no JSON: {error}") from error
    return mapping(value, "a modality configuration")
