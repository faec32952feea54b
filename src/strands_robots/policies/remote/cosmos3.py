"""Policy "cosmos3": a client of NVIDIA Cosmos 3's action policy server, which speaks openpi's protocol.

Observations have keys below "observation/", the task is "prompt", and the answer has "action" (T, D): poses of the end effector relative
to where it is, which the end-effector bridge anchors on the measured pose at each inference. With the goal's execute_rows 1 that is at
every step.

Source: Cosmos Framework `scripts/action_policy_server_robolab`, which serves openpi's WebsocketPolicyServer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field

from strands_robots.core.types import ActionSpace, Policy
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.openpi import OpenpiModel
from strands_robots.policies.remote.remote_options import Names, RemoteOptions, Size

STATE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "observation/joint_position": tuple(f"joint_{i}" for i in range(7)),
        "observation/gripper_position": ("gripper",),
    }
)
PICTURES: Mapping[str, Size] = MappingProxyType(
    {"observation/exterior_image_1_left": (180, 320), "observation/wrist_image_left": (180, 320)}
)
POSE = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")
ACTION: Mapping[str, tuple[str, ...]] = MappingProxyType({"action": POSE})


class Cosmos3Options(RemoteOptions):
    """Settings of "cosmos3"; the defaults are those of the DROID server, with relative end-effector poses."""

    port: int = 8000
    timeout: float = 10.0
    state: dict[str, Names] = Field(default_factory=lambda: dict(STATE))
    pictures: dict[str, Size] = Field(default_factory=lambda: dict(PICTURES))
    action: dict[str, Names] = Field(default_factory=lambda: dict(ACTION))
    space: ActionSpace = ActionSpace.EE_DELTA
    gripper: str = "0 open, 1 closed"
    prompt: str = "prompt"
    rate: float = 15.0


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "cosmos3"; raises ConfigurationError, AdapterError or PolicyError."""
    return adapt(OpenpiModel(read_settings(Cosmos3Options, "cosmos3", settings)), context)
