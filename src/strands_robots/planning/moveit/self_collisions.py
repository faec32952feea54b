"""Which pairs of links need no collision check, from sampled joint positions, as MoveIt's setup assistant finds them. Needs MuJoCo.

Source: moveit2, branch jazzy, moveit_setup_srdf_plugins/src/compute_default_collisions.cpp: links that are adjacent, that touch at the
default positions, that touch in at least 95 % of the samples, and that never touch. Shapes are those of MuJoCo, convex hulls of meshes.
"""

from __future__ import annotations

from collections import Counter

import mujoco
import numpy as np

from strands_robots.description.contact_margins import set_margins
from strands_robots.description.equality_joints import Followers

SAMPLES = 10_000
"""Joint positions that are looked at."""

ALWAYS = 0.95
"""Links that touch in this part of the samples touch always."""

_EVERY_TYPE = 2**31 - 1

Pair = tuple[str, str]


def disabled_pairs(model: mujoco.MjModel, joints: list[str], samples: int = SAMPLES, seed: int = 0) -> dict[Pair, str]:
    """Return the pairs of links that need no check, each with MoveIt's word for why: Adjacent, Default, Always or Never.

    Args:
        model: The robot by itself; changed in place, so that all its shapes meet each other.
        joints: Joints that are sampled within their limits; others follow or stay.
        samples: How many joint positions.
        seed: Seed of the samples.
    """
    _let_all_meet(model)
    data, followers = mujoco.MjData(model), Followers(model)
    address = np.array([model.joint(name).qposadr[0] for name in joints])
    ranges = np.array([model.joint(name).range for name in joints])
    limited = np.array([bool(model.jnt_limited[model.joint(name).id]) for name in joints])
    low = np.where(limited, ranges[:, 0], -np.pi)
    high = np.where(limited, ranges[:, 1], np.pi)
    random = np.random.default_rng(seed)
    counts: Counter[Pair] = Counter()
    at_default = _touching(model, data, followers)
    for _ in range(samples):
        data.qpos[address] = random.uniform(low, high)
        counts.update(_touching(model, data, followers))
    links = [model.body(i).name for i in range(1, model.nbody) if model.body_geomnum[i]]
    found: dict[Pair, str] = {}
    for i, one in enumerate(links):
        for other in links[i + 1 :]:
            pair = _pair(one, other)
            if _are_adjacent(model, one, other):
                found[pair] = "Adjacent"
            elif pair in at_default:
                found[pair] = "Default"
            elif counts[pair] >= ALWAYS * samples:
                found[pair] = "Always"
            elif not counts[pair]:
                found[pair] = "Never"
    return found


def _let_all_meet(model: mujoco.MjModel) -> None:
    """Let every shape that collides at all meet every other one; MuJoCo's own exclusions of parents and pairs are lifted."""
    collides = (model.geom_contype > 0) | (model.geom_conaffinity > 0)
    model.geom_contype[collides] = model.geom_conaffinity[collides] = _EVERY_TYPE
    set_margins(model, 0.0)
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_FILTERPARENT
    model.exclude_signature[:] = 0


def _touching(model: mujoco.MjModel, data: mujoco.MjData, followers: Followers) -> set[Pair]:
    followers.place(data.qpos)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    bodies = model.geom_bodyid[data.contact.geom[: data.ncon]]
    names = {tuple(row) for row in bodies.tolist() if row[0] != row[1] and 0 not in row}
    return {_pair(model.body(one).name, model.body(other).name) for one, other in names}


def _are_adjacent(model: mujoco.MjModel, one: str, other: str) -> bool:
    """Return whether no link with a shape is between two links of one chain."""
    first, second = int(model.body(one).id), int(model.body(other).id)
    return _shaped_parent(model, first) == second or _shaped_parent(model, second) == first


def _shaped_parent(model: mujoco.MjModel, body: int) -> int:
    parent = int(model.body_parentid[body])
    while parent > 0 and not model.body_geomnum[parent]:
        parent = int(model.body_parentid[parent])
    return parent


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
