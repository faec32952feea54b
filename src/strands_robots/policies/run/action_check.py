"""The check of what a policy answers, before anything of it is sent. ROS-free; no I/O."""

from __future__ import annotations

import math

import numpy as np

from strands_robots.core.errors import PolicyError
from strands_robots.core.types import Action, ControlMode, Observation

MAX_VALUES = 65536
"""Bound of ActionChunk.values."""


def check_action(action: Action, observation: Observation) -> None:
    """Return if the action can be sent.

    Args:
        action: What the policy answered.
        observation: What it was asked; its joints are the robot's.

    Raises:
        PolicyError: If a type, shape, name, number or time is wrong; the message says what is valid.
    """
    if not isinstance(action, Action):
        raise PolicyError(f"the policy answered {type(action).__name__}; valid: Action")
    names = tuple(action.joint_names)
    unknown = [name for name in names if name not in observation.joint_names]
    if unknown or not names or len(set(names)) != len(names):
        raise PolicyError(
            f"the policy answered for joints {', '.join(map(repr, names[:64])) or 'none'}; valid: each once, of "
            f"{', '.join(observation.joint_names)}"
        )
    values = action.values
    if not isinstance(values, np.ndarray) or values.ndim != 2 or len(values) < 1 or values.shape[1] != len(names):
        raise PolicyError(
            f"the policy answered values of shape {np.shape(values)} for {len(names)} joints; "
            f"valid: (H, {len(names)}), H >= 1"
        )
    if values.size > MAX_VALUES:
        raise PolicyError(f"the policy answered {values.size} values; valid: at most {MAX_VALUES}")
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise PolicyError("the policy answered values that are no finite numbers" + _where(values, names))
    if not (math.isfinite(action.control_period) and action.control_period > 0.0):
        raise PolicyError(
            f"the policy answered a control period of {action.control_period} s; valid: finite and above 0"
        )
    if action.mode not in tuple(ControlMode):
        valid = ", ".join(f"{int(mode)} ({mode.name.lower()})" for mode in ControlMode)
        raise PolicyError(f"the policy answered mode {action.mode}; valid: {valid}")


def _where(values: np.ndarray, names: tuple[str, ...]) -> str:  # type: ignore[type-arg]
    if values.dtype.kind != "f":
        return f" (type {values.dtype})"
    row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
    return f": row {row} of '{names[column]}' is {values[row, column]}"
