"""Policies by name: the built-in ones and those that installed packages announce."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from strands_robots.core.errors import PolicyError, UnknownNameError

if TYPE_CHECKING:  # A list of names needs neither numpy nor a provider.
    from strands_robots.core.types import Policy
    from strands_robots.policies.provider import PolicyContext, Provider

ENTRY_POINTS = "strands_robots.policies"
"""Entry-point group in which a package announces its providers: `name = "module:function"`."""

_BUILT_IN = {
    "cosmos3": "strands_robots.policies.remote.cosmos3:create",
    "cosmos3_local": "strands_robots.policies.cosmos3_local.policy:create",
    "groot": "strands_robots.policies.remote.groot:create",
    "hold": "strands_robots.policies.builtin.hold:create",
    "lerobot": "strands_robots.policies.lerobot.policy:create",
    "lerobot_server": "strands_robots.policies.lerobot.server:create",
    "openpi": "strands_robots.policies.remote.openpi:create",
    "vera": "strands_robots.policies.remote.vera:create",
    "planned": "strands_robots.policies.builtin.planned:create",
    "replay": "strands_robots.policies.builtin.replay:create",
    "scripted": "strands_robots.policies.scripted:create",
    "sine": "strands_robots.policies.builtin.sine:create",
}

LEROBOT_TYPES = (
    "act", "diffusion", "multi_task_dit", "pi0", "pi05", "pi0_fast", "smolvla", "tdmpc", "vqbet", "xvla"
)  # fmt: skip
"""Kinds of LeRobot that are policies by their own names too: "act" is "lerobot" with type act."""

_LIGHT = frozenset(_BUILT_IN) - {"cosmos3_local", "lerobot", "lerobot_server"}
"""Policies that may share a process with the node: they compute little, or wait for a server with a time limit."""


def policy_names() -> list[str]:
    """Return the names of every policy that can be made."""
    return sorted({*_BUILT_IN, *LEROBOT_TYPES, *(entry.name for entry in entry_points(group=ENTRY_POINTS))})


def needs_process(name: str) -> bool:
    """Return whether a policy runs in a process of its own: what computes much, and whatever other packages bring."""
    return name not in _LIGHT


def create_policy(
    name: str, config: Mapping[str, Any] | str = "", context: PolicyContext | None = None, **settings: Any
) -> Policy:
    """Return a new policy, in this process.

    Args:
        name: Provider, one of `policy_names()`. A built-in name cannot be taken over by a package.
        config: The provider's settings, as a mapping or as YAML or JSON.
        context: What is known of the robot and the goal.
        settings: Further settings, for example `path`.

    Raises:
        UnknownNameError: If there is no such provider; the message lists them.
        ConfigurationError: If a setting is not valid.
        PolicyError: If the provider cannot be loaded.
    """
    from strands_robots.policies.provider import PolicyContext, settings_from_text

    given = settings_from_text(config) if isinstance(config, str) else config
    given = {**given, **settings}
    if name in LEROBOT_TYPES:
        name, given = "lerobot", {"type": name, **given}
    return _provider(name)(given, context if context is not None else PolicyContext())


def _provider(name: str) -> Provider:
    installed: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    try:
        if name in _BUILT_IN:
            module, _, function = _BUILT_IN[name].partition(":")
            provider: Provider = getattr(importlib.import_module(module), function)
            return provider
        if name in installed:
            provider = installed[name].load()
            return provider
    except (ImportError, AttributeError) as error:
        raise PolicyError(f"policy '{name}' cannot be loaded: {error}") from error
    raise UnknownNameError("policy", name, policy_names())
