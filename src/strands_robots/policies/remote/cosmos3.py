"""Policy "cosmos3": a client of NVIDIA Cosmos 3's action policy servers.

The RoboLab server speaks openpi's protocol. It is shown the wrist's view, and below it the two others at half of its size, as one
picture or as three; it answers "action" (32, 8): absolute joint positions and the gripper ("joint_pos"), or, started with
`--action-space midtrain`, absolute positions and quaternions (x y z w) of the tool, which is then told where its tool is.
The gripper is 0 open and 1 closed. The LIBERO server speaks HTTP and JSON, see `cosmos3_libero`.

Source: cosmos-framework `scripts/action_policy_server_robolab.py`; RoboLab `policies/cosmos3/client.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from strands_robots.core.errors import UnknownNameError
from strands_robots.core.types import ActionSpace, Policy
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.adapt.pictures import stretch
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.openpi import OpenpiModel, OpenpiOptions
from strands_robots.policies.remote.presets import with_preset
from strands_robots.policies.remote.remote_options import Names, Picture, PictureOptions
from strands_robots.policies.remote.warming import adapt_warmed

JOINTS = tuple(f"joint_{i}" for i in range(7))
STATE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"observation/joint_position": JOINTS, "observation/gripper_position": ("gripper",)}
)
TOOL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "observation/eef_pos": ("eef.x", "eef.y", "eef.z"),
        "observation/eef_quat": ("eef.qx", "eef.qy", "eef.qz", "eef.qw"),
    }
)
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper")
WRIST, LEFT, RIGHT = (
    "observation/wrist_image_left", "observation/exterior_image_1_left", "observation/exterior_image_2_left"
)  # fmt: skip
VIEW = PictureOptions(size=(360, 640))


class Cosmos3Options(OpenpiOptions):
    """Settings of "cosmos3"; the defaults are those of the RoboLab server for DROID.

    Attributes:
        action_space: "joint_pos", or "midtrain" for a server that was started with it.
        image: "composed": one picture of the three, as RoboLab sends it; "three": the server composes them.
    """

    port: int = 8000
    timeout: float = 10.0
    state: dict[str, Names] = Field(default_factory=dict)
    pictures: dict[str, Picture] = Field(default_factory=lambda: {WRIST: VIEW, LEFT: VIEW, RIGHT: VIEW})
    action: dict[str, Names] = Field(default_factory=dict)
    action_space: Literal["joint_pos", "midtrain"] = "joint_pos"
    image: Literal["composed", "three"] = "composed"
    gripper: str = "0 open, 1 closed"
    horizon: int = 32
    rate: float = 15.0
    dtype: Literal["float32", "float64"] = "float32"

    @model_validator(mode="before")
    @classmethod
    def _with_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        is_tool = given.get("action_space") == "midtrain"
        given.setdefault("state", {**STATE, **TOOL} if is_tool else dict(STATE))
        given.setdefault("action", {"action": POSE if is_tool else (*JOINTS, "gripper")})
        given.setdefault("space", ActionSpace.EE_POSE if is_tool else ActionSpace.JOINT_POSITION)
        return given

    @model_validator(mode="after")
    def _has_views(self) -> Cosmos3Options:
        missing = [key for key in (WRIST, LEFT, RIGHT) if key not in self.pictures]
        if missing:
            raise ValueError(f"pictures lacks {', '.join(missing)}: the server composes its picture of all three")
        return self


class Cosmos3Model(OpenpiModel):
    """Asks a RoboLab server of Cosmos 3; see OpenpiModel."""

    _options: Cosmos3Options

    def _request(self, given: ModelInput) -> dict[str, Any]:
        if self._options.image == "three":
            return super()._request(given)
        request = super()._request(given)
        views = [request.pop(key) for key in (WRIST, LEFT, RIGHT)]
        return {"observation/image": compose(*views), **request}


def compose(wrist: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Return one picture: the wrist's view, and below it the two others at half of its height and width.

    Source: RoboLab `policies/cosmos3/client.py`, `_pack_request`.
    """
    half = wrist.shape[0] // 2, wrist.shape[1] // 2
    below = np.concatenate([stretch(left, half), stretch(right, half)], axis=1)
    return np.concatenate([wrist, below], axis=0)


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "cosmos3"; raises ConfigurationError, AdapterError or PolicyError."""
    given = with_preset("cosmos3", settings)
    transport = given.pop("transport", "websocket")
    if transport == "libero":
        from strands_robots.policies.remote.cosmos3_libero import Cosmos3LiberoModel, Cosmos3LiberoOptions

        options = read_settings(Cosmos3LiberoOptions, "cosmos3", given)
        return adapt_warmed(Cosmos3LiberoModel(options), context)
    if transport != "websocket":
        raise UnknownNameError("transport of policy 'cosmos3'", str(transport), ("websocket", "libero"))
    return adapt_warmed(Cosmos3Model(read_settings(Cosmos3Options, "cosmos3", given)), context)
