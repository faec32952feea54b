"""Which parts of one robot may not touch in its world, although MuJoCo would let them: said once, for the world and for planners."""

from __future__ import annotations

import mujoco


def name_bodies(spec: mujoco.MjSpec) -> None:
    """Give every body without a name one, so that frames, contacts and messages can name it."""
    for number, body in enumerate(spec.bodies[1:]):
        body.name = body.name or f"unnamed_body_{number}"


def exclude_base_contacts(spec: mujoco.MjSpec) -> None:
    """Exclude contacts between a fixed base and the first moving links, as between any other parent and child.

    MuJoCo's parent-child filter does not hold for bodies welded to the world. A planner that does not exclude them refuses what the world
    allows: bases are often drawn as hulls that their first link turns in.

    Args:
        spec: A robot's own model, whose bodies have names.
    """
    known = {frozenset((pair.bodyname1, pair.bodyname2)) for pair in spec.excludes}
    for root in list(spec.worldbody.bodies):
        if root.joints:
            continue
        fixed, first_moving = _split_fixed(root)
        for a in fixed:
            for b in first_moving:
                if frozenset((a, b)) not in known:
                    spec.add_exclude(bodyname1=a, bodyname2=b)


def _split_fixed(root: mujoco.MjsBody) -> tuple[list[str], list[str]]:
    fixed, moving, waiting = [], [], [root]
    while waiting:
        body = waiting.pop()
        if body.joints:
            moving.append(body.name)
            continue
        fixed.append(body.name)
        waiting.extend(body.bodies)
    return fixed, moving
