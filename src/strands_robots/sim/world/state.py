"""The state of a world as one array, and the signs that a simulation has diverged."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, WorldError

# Everything that the next step depends on, MuJoCo's warm start included, so that a restored world goes on byte-identically.
SIGNATURE = int(mujoco.mjtState.mjSTATE_INTEGRATION)

_FATAL = {
    int(mujoco.mjtWarning.mjWARN_BADQPOS): "a position is not finite or huge",
    int(mujoco.mjtWarning.mjWARN_BADQVEL): "a velocity is not finite or huge",
    int(mujoco.mjtWarning.mjWARN_BADQACC): "an acceleration is not finite or huge",
    int(mujoco.mjtWarning.mjWARN_BADCTRL): "a control value is not finite or huge",
}


def state_size(model: mujoco.MjModel) -> int:
    """Return the length of a state array."""
    return int(mujoco.mj_stateSize(model, SIGNATURE))


def read_state(model: mujoco.MjModel, data: mujoco.MjData, out: FloatArray | None = None) -> FloatArray:
    """Return the state (n,), in `out` if given."""
    state = np.empty(state_size(model)) if out is None else out
    mujoco.mj_getState(model, data, state, SIGNATURE)
    return state


def write_state(model: mujoco.MjModel, data: mujoco.MjData, state: FloatArray) -> None:
    """Set the state and everything computed from it.

    Raises:
        ShapeError: If the array is not a state of this world.
        WorldError: If it is not finite.
    """
    if state.shape != (state_size(model),):
        raise ShapeError(f"state has shape {state.shape}; valid for this world: ({state_size(model)},)")
    if not np.isfinite(state).all():
        raise WorldError(f"state holds {int((~np.isfinite(state)).sum())} values that are not finite")
    mujoco.mj_setState(model, data, state, SIGNATURE)
    mujoco.mj_forward(model, data)
    # mj_forward has replaced the warm start.
    mujoco.mj_setState(model, data, state, SIGNATURE)


def carry_over(old_model: mujoco.MjModel, old: mujoco.MjData, model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Copy time and the state of joints, actuators and mocap bodies that both models name alike.

    MuJoCo's own `recompile` would do the same, but it opens the files that a model names anew, wherever they are then.

    Args:
        old_model, old: Where the state comes from.
        model, data: Where it goes; data as new.
    """
    data.time = old.time
    for number in range(model.njnt):
        name = model.joint(number).name
        before = mujoco.mj_name2id(old_model, mujoco.mjtObj.mjOBJ_JOINT, name) if name else -1
        if before >= 0 and old_model.jnt_type[before] == model.jnt_type[number]:
            data.joint(number).qpos[:] = old.joint(before).qpos
            data.joint(number).qvel[:] = old.joint(before).qvel
    for number in np.flatnonzero(model.body_mocapid >= 0):
        name = model.body(number).name
        before = mujoco.mj_name2id(old_model, mujoco.mjtObj.mjOBJ_BODY, name) if name else -1
        last = int(old_model.body_mocapid[before]) if before >= 0 else -1
        if last >= 0:
            first = int(model.body_mocapid[number])
            data.mocap_pos[first], data.mocap_quat[first] = old.mocap_pos[last], old.mocap_quat[last]
    for number in range(model.nu):
        name = model.actuator(number).name
        before = mujoco.mj_name2id(old_model, mujoco.mjtObj.mjOBJ_ACTUATOR, name) if name else -1
        if before >= 0:
            data.actuator(number).ctrl[:] = old.actuator(before).ctrl
            first, last = int(model.actuator_actadr[number]), int(old_model.actuator_actadr[before])
            if first >= 0 and last >= 0 and model.actuator_actnum[number] == old_model.actuator_actnum[before]:
                count = int(model.actuator_actnum[number])
                data.act[first : first + count] = old.act[last : last + count]


def name_what_has_state(spec: mujoco.MjSpec) -> None:
    """Name the joints, actuators, equalities and mocap bodies of a spec that have no name, so that they are found again after a change."""
    bodies, joints = {each.name for each in spec.bodies}, {each.name for each in spec.joints}
    actuators = {each.name for each in spec.actuators}
    for body in spec.bodies[1:]:
        mine = list(body.joints)
        if not body.name and body.mocap:
            body.name = _unused("unnamed_body", bodies)
        for number, joint in enumerate(mine):
            if not joint.name:
                wish = body.name or "unnamed_joint"
                joint.name = _unused(wish if len(mine) == 1 else f"{wish}_joint_{number}", joints)
    equalities = {each.name for each in spec.equalities}
    for equality in spec.equalities:
        if not equality.name:
            equality.name = _unused("unnamed_equality", equalities)
    for actuator in spec.actuators:
        if not actuator.name:
            owner, separator, rest = actuator.target.rpartition("/")
            actuator.name = _unused(f"{owner}{separator}unnamed_{rest}", actuators)


def _unused(wish: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    name = wish
    for number in itertools.count(2):
        if name not in taken:
            break
        name = f"{wish}_{number}"
    taken.add(name)
    return name


class DivergenceWatch:
    """Tells after each step whether MuJoCo has warned of divergence, at the cost of comparing 28 bytes."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model = model
        self._warnings = data.warning
        self._numbers = data.warning.number  # view on the counters
        self._seen = self._numbers.tobytes()

    def forget(self) -> None:
        """Take the present counters as seen; call after mjData was reset."""
        self._numbers[:] = 0
        self._seen = self._numbers.tobytes()

    def check(self) -> str | None:
        """Return what diverged and where, or None."""
        numbers = self._numbers.tobytes()
        if numbers == self._seen:
            return None
        self._seen = numbers
        # What was bad first has been counted most often.
        warning = max(_FATAL, key=lambda number: int(self._numbers[number]))
        if self._numbers[warning] == 0:
            return None
        return f"{_FATAL[warning]} ({self._place(warning, int(self._warnings[warning].lastinfo))})"

    def _place(self, warning: int, number: int) -> str:
        model = self._model
        if warning == int(mujoco.mjtWarning.mjWARN_BADCTRL):
            return f"control {number}"
        joint = number
        if warning == int(mujoco.mjtWarning.mjWARN_BADQPOS):
            joint = int(np.searchsorted(model.jnt_qposadr, number, side="right")) - 1
        elif 0 <= number < model.nv:
            joint = int(model.dof_jntid[number])
        return f"joint '{model.joint(joint).name}'" if 0 <= joint < model.njnt else f"number {number}"
