"""Names of a model's parts. A part without a name is called "#<number>"."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from strands_robots.core.errors import UnknownNameError

Part = mujoco.mjtObj

BODY, JOINT, GEOM = Part.mjOBJ_BODY, Part.mjOBJ_JOINT, Part.mjOBJ_GEOM
SITE, SENSOR = Part.mjOBJ_SITE, Part.mjOBJ_SENSOR

_WORDS = {
    int(BODY): ("body", "nbody"),
    int(JOINT): ("joint", "njnt"),
    int(GEOM): ("shape", "ngeom"),
    int(SITE): ("site", "nsite"),
    int(SENSOR): ("sensor", "nsensor"),
}


def name_of(model: mujoco.MjModel, part: mujoco.mjtObj, number: int) -> str:
    """Return the name of a part, "#<number>" when it has none."""
    return mujoco.mj_id2name(model, part, number) or f"#{number}"


def names_of(model: mujoco.MjModel, part: mujoco.mjtObj) -> list[str]:
    """Return the names of all parts of one kind, by number."""
    return [name_of(model, part, number) for number in range(getattr(model, _WORDS[int(part)][1]))]


def number_of(model: mujoco.MjModel, part: mujoco.mjtObj, name: str) -> int:
    """Return the number of a part.

    Raises:
        UnknownNameError: If there is none of that name; the message lists the valid ones.
    """
    if name.isascii() and "\0" not in name:
        number = int(mujoco.mj_name2id(model, part, name))
        if number >= 0:
            return number
    valid = names_of(model, part)
    if name.startswith("#") and name in valid:
        return valid.index(name)
    raise UnknownNameError(_WORDS[int(part)][0], name, [each for each in valid if not each.startswith("#")])


def is_named(name: str, wanted: Sequence[str]) -> bool:
    """Return whether a name is wanted; one that ends in "/" stands for all below it, and no names for all."""
    return not wanted or name in wanted or any(each.endswith("/") and name.startswith(each) for each in wanted)
