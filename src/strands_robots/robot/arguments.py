"""What a program gives to a Robot, in the form that goals take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError


def pose_fields(position: Sequence[float], orientation: Sequence[float] | None) -> dict[str, dict[str, float]]:
    """Return the fields of a pose from x, y, z [m] and, unless None, a quaternion x, y, z, w."""
    pose = {"position": _parts("position", position, "xyz")}
    return pose if orientation is None else {**pose, "orientation": _parts("orientation", orientation, "xyzw")}


def settings_text(settings: str | Mapping[str, Any]) -> str:
    """Return settings as text: a text as it is, values as JSON, nothing as nothing.

    Raises:
        ConfigurationError: If a value is neither of JSON, nor a path, nor a number of numpy.
    """
    if isinstance(settings, str):
        return settings
    return json.dumps(settings, default=_plain) if settings else ""


def _parts(name: str, values: Sequence[float], letters: str) -> dict[str, float]:
    if len(values) != len(letters):
        raise ConfigurationError(f"{name} has {len(values)} numbers; valid: {', '.join(letters)}")
    return {letter: float(value) for letter, value in zip(letters, values)}


def _plain(value: Any) -> Any:
    """Return a setting that JSON does not know as one that it knows."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # of numpy and torch
        return value.tolist()
    raise ConfigurationError(f"a setting is {ascii(value)[:80]}; valid: texts, numbers, lists, mappings and paths")
