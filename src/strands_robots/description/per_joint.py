"""Values of the section `supervision` that are one number, or one for each joint, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray


def per_joint(value: float | Mapping[str, float | None], names: Sequence[str]) -> FloatArray:
    """Return the values (D,) in the order of `names`, infinite where there is none.

    Args:
        value: One number for every joint, or one for each; None for a joint that is left out.
        names: The joints.
    """
    if not isinstance(value, Mapping):
        return np.full(len(names), value)
    given = [value[name] for name in names]
    return np.array([np.inf if number is None else number for number in given])
