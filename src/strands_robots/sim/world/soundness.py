"""Refuses models that MuJoCo compiles but that no simulation comes of."""

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np

from strands_robots.core.errors import ModelError

MAX_CONTACTS = 5000
"""Most contacts that a world may begin with; more take seconds for each physics step."""


def check_soundness(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Check a model, and a state of it, before a world takes them.

    Raises:
        ModelError: If a value is not a number, or too much touches.
    """
    for name in _numbers():
        if np.isnan(getattr(model, name)).any():
            raise ModelError(f"the model holds values in {name} that are not numbers; valid: numbers")
    for name in ("gravity", "wind", "magnetic"):
        if not np.isfinite(getattr(model.opt, name)).all():
            raise ModelError(f"{name} is {getattr(model.opt, name).tolist()}; valid: finite numbers")
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_collision(model, data)
    if data.ncon > MAX_CONTACTS:
        raise ModelError(f"the model begins with {data.ncon} contacts; valid: at most {MAX_CONTACTS}")


@cache
def _numbers() -> tuple[str, ...]:
    """Return the names of a model's arrays of numbers."""
    model = mujoco.MjSpec().compile()
    arrays = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    return tuple(name for name, array in arrays.items() if isinstance(array, np.ndarray) and array.dtype == np.float64)
