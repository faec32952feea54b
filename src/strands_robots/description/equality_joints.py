"""Joints that follow others through an equality of the model, as the second finger of a gripper does."""

from __future__ import annotations

from collections.abc import Collection

import mujoco

from strands_robots.core.arrays import FloatArray


class Followers:
    """The followers of some joints, put where their leaders ask for.

    Without it a model that is placed at once, not stepped there, would start with its equalities violated.

    Args:
        model: The compiled model.
        leaders: Joint numbers whose followers count; None for all.

    Source: MuJoCo documentation, "XML reference: equality/joint".
    """

    def __init__(self, model: mujoco.MjModel, leaders: Collection[int] | None = None) -> None:
        rows = [
            row
            for row in range(model.neq)
            if int(model.eq_type[row]) == int(mujoco.mjtEq.mjEQ_JOINT)
            and bool(model.eq_active0[row])
            and int(model.eq_obj2id[row]) >= 0
            and (leaders is None or int(model.eq_obj2id[row]) in leaders)
        ]
        self._followers = model.jnt_qposadr[model.eq_obj1id[rows]]
        self._leaders = model.jnt_qposadr[model.eq_obj2id[rows]]
        self._coefficients = model.eq_data[rows, :5].copy()
        self._start = model.qpos0[self._followers].copy()
        self._leaders_start = model.qpos0[self._leaders].copy()
        # A few numbers are placed many thousand times by a planner: one by one that is several times as fast as by arrays.
        self._each = [
            (int(follower), int(leader), float(start), float(leader_start), coefficients.tolist())
            for follower, leader, start, leader_start, coefficients in zip(
                self._followers, self._leaders, self._start, self._leaders_start, self._coefficients
            )
        ]

    def place(self, qpos: FloatArray) -> None:
        """Set the followers in MuJoCo's generalised positions (nq,), in place [rad] or [m]."""
        for follower, leader, start, leader_start, (a, b, c, d, e) in self._each:
            way = qpos[leader] - leader_start
            qpos[follower] = start + a + way * (b + way * (c + way * (d + way * e)))
