"""Which joint an actuator moves, and how far: by itself, through a tendon, and through joints that follow others.

Source: MuJoCo documentation, "XML reference: tendon/fixed" and "equality/joint".
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

JOINT_TRANSMISSIONS = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))


@dataclass(frozen=True)
class Driven:
    """What an actuator's length says of a joint: length = ratio * joint position + offset."""

    joint: int
    ratio: float
    offset: float


@dataclass(frozen=True)
class _Follow:
    """A joint's position as that of another one: slope * position + offset."""

    joint: int
    slope: float
    offset: float


def driven_joint(model: mujoco.MjModel, actuator: int) -> Driven | None:
    """Return the joint that an actuator moves; None when it moves none, or none by a fixed ratio.

    A fixed tendon counts for its first joint, with the others where they follow that one or are followed by it. Where nothing couples
    them, each moves in proportion to its coefficient, as joints do that are pulled alike.
    """
    gear = float(model.actuator_gear[actuator, 0])
    kind, target = int(model.actuator_trntype[actuator]), int(model.actuator_trnid[actuator, 0])
    if gear == 0.0:
        return None
    if kind in JOINT_TRANSMISSIONS:
        return Driven(target, gear, 0.0)
    if kind != int(mujoco.mjtTrn.mjTRN_TENDON):
        return None
    weights, offset = _leaders(model, target)
    pulled = {joint: weight for joint, weight in weights.items() if abs(weight) > 1e-12}
    if not pulled:
        return None
    leader = next(iter(pulled))
    ratio = sum(weight**2 for weight in pulled.values()) / pulled[leader]
    first = int(model.wrap_objid[int(model.tendon_adr[target])])
    follow = _follow(model, first)
    if follow.joint != leader or follow.slope == 0.0:
        return Driven(leader, gear * ratio, gear * offset)
    return Driven(first, gear * ratio / follow.slope, gear * (offset - ratio * follow.offset / follow.slope))


def moved_joints(model: mujoco.MjModel, actuator: int) -> set[int]:
    """Return the joints that an actuator moves, those through a tendon among them, but not those that follow."""
    kind, target = int(model.actuator_trntype[actuator]), int(model.actuator_trnid[actuator, 0])
    if kind in JOINT_TRANSMISSIONS:
        return {target, _follow(model, target).joint}
    if kind == int(mujoco.mjtTrn.mjTRN_TENDON):
        return set(_leaders(model, target)[0])
    return set()


def _leaders(model: mujoco.MjModel, tendon: int) -> tuple[dict[int, float], float]:
    """Return what a tendon's length is made of: joint -> length per position, and the rest; nothing for a tendon in space."""
    first = int(model.tendon_adr[tendon])
    wraps = range(first, first + int(model.tendon_num[tendon]))
    weights: dict[int, float] = {}
    offset = 0.0
    for wrap in wraps:
        if int(model.wrap_type[wrap]) != int(mujoco.mjtWrap.mjWRAP_JOINT):
            return {}, 0.0
        coefficient = float(model.wrap_prm[wrap])
        follow = _follow(model, int(model.wrap_objid[wrap]))
        weights[follow.joint] = weights.get(follow.joint, 0.0) + coefficient * follow.slope
        offset += coefficient * follow.offset
    return weights, offset


def _follow(model: mujoco.MjModel, joint: int) -> _Follow:
    """Return the joint that another one follows by a straight line, itself if none."""
    slope, offset, seen = 1.0, 0.0, set()
    while joint not in seen:
        seen.add(joint)
        row = _equality_of(model, joint)
        if row is None:
            break
        leader, polynomial = int(model.eq_obj2id[row]), model.eq_data[row, :5]
        start = float(model.qpos0[model.jnt_qposadr[joint]])
        leader_start = float(model.qpos0[model.jnt_qposadr[leader]])
        offset += slope * (start + float(polynomial[0]) - float(polynomial[1]) * leader_start)
        slope *= float(polynomial[1])
        joint = leader
    return _Follow(joint, slope, offset)


def _equality_of(model: mujoco.MjModel, joint: int) -> int | None:
    for row in range(model.neq):
        if (
            int(model.eq_type[row]) == int(mujoco.mjtEq.mjEQ_JOINT)
            and bool(model.eq_active0[row])
            and int(model.eq_obj1id[row]) == joint
            and int(model.eq_obj2id[row]) >= 0
            and not model.eq_data[row, 2:5].any()
        ):
            return row
    return None
