"""Settings of published servers by name: config/servers/<policy>_<preset>.yaml, and what a goal says besides wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.share import config_names, config_text


def preset_names(policy: str) -> list[str]:
    """Return the presets of a policy."""
    start = f"{policy}_"
    return [name.removeprefix(start) for name in config_names("servers") if name.startswith(start)]


def with_preset(policy: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those of their preset below them.

    Args:
        policy: Name of the provider.
        settings: What was given; "preset" names a preset, and is not among what is returned.

    Raises:
        UnknownNameError: If there is no such preset.
        ConfigurationError: If its name is no text.
    """
    given = dict(settings)
    preset = given.pop("preset", "")
    if not preset:
        return given
    if not isinstance(preset, str):
        raise ConfigurationError(f"preset is {preset!a}; valid: {', '.join(preset_names(policy))}")
    if preset not in preset_names(policy):
        raise UnknownNameError(f"preset of policy '{policy}'", preset, preset_names(policy))
    below: dict[str, Any] = yaml.safe_load(config_text("server", "servers", f"{policy}_{preset}"))
    return {**below, **given}
