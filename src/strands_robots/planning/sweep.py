"""How far a point of a robot can move when a joint does: what makes a step between two checks a distance in metres. No I/O."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray


def sweep_radii(model: mujoco.MjModel, joints: list[str]) -> FloatArray:
    """Return an upper bound (D,) for how far a point moves for 1 rad or 1 m of a joint [m], wherever the other joints are.

    For a hinge it is the sum of all distances from its axis outwards, as of a chain that is stretched. Joints that follow one of these
    through an equality count with it.

    Args:
        model: The compiled model.
        joints: Names of the joints, in the order of the answer.
    """
    reach = [own_reach(model, body) for body in range(model.nbody)]
    for body in range(model.nbody - 1, 0, -1):
        parent = int(model.body_parentid[body])
        reach[parent] = max(
            reach[parent], float(np.linalg.norm(model.body_pos[body])) + _slides(model, body) + reach[body]
        )
    each = np.array([_radius(model, joint, reach) for joint in range(model.njnt)])
    for row in range(model.neq):
        if int(model.eq_type[row]) == int(mujoco.mjtEq.mjEQ_JOINT) and int(model.eq_obj2id[row]) >= 0:
            each[model.eq_obj2id[row]] += abs(float(model.eq_data[row, 1])) * each[model.eq_obj1id[row]]
    radii: FloatArray = each[[model.joint(name).id for name in joints]]
    return radii


def own_reach(model: mujoco.MjModel, body: int) -> float:
    """Return how far a body's shapes that can touch something reach from its origin [m]; 0 for none."""
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    colliding = [
        geom
        for geom in range(first, first + count)
        if first >= 0 and (model.geom_contype[geom] or model.geom_conaffinity[geom])
    ]
    return max(
        (float(np.linalg.norm(model.geom_pos[geom])) + float(model.geom_rbound[geom]) for geom in colliding),
        default=0.0,
    )


def _slides(model: mujoco.MjModel, body: int) -> float:
    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    slides = [j for j in range(first, first + count) if int(model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_SLIDE)]
    offset = sum(2.0 * float(np.linalg.norm(model.jnt_pos[j])) for j in range(first, first + count))
    return offset + sum(float(np.abs(model.jnt_range[j]).max()) if model.jnt_limited[j] else 1.0 for j in slides)


def _radius(model: mujoco.MjModel, joint: int, reach: list[float]) -> float:
    if int(model.jnt_type[joint]) == int(mujoco.mjtJoint.mjJNT_SLIDE):
        return 1.0
    return reach[int(model.jnt_bodyid[joint])] + float(np.linalg.norm(model.jnt_pos[joint]))
