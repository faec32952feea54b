"""Forces between one simulated robot and everything that is not this robot, for its supervision."""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np

from strands_robots.control.readings import Readings
from strands_robots.core.errors import ModelError
from strands_robots.description.supervision_config import ContactConfig

_OTHER, _ARM, _FINGER, _UNCOUNTED = 0, 1, 2, 3


class ContactForces:
    """Sums normal forces of the contacts that the last physics step solved, in place.

    Args:
        model, data: The world; make a new one when it is compiled again.
        prefix: What MuJoCo's names of this robot begin with.
        config: Which bodies are fingers, and what may be touched.

    Raises:
        ModelError: If a finger is no body of the robot.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, prefix: str, config: ContactConfig) -> None:
        self._model, self._data = model, data
        names = [model.body(i).name for i in range(model.nbody)]
        own = _subtrees(model, [i for i, name in enumerate(names) if name.startswith(prefix)])
        fingers = []
        for finger in config.fingers:
            if prefix + finger not in names:
                valid = ", ".join(name.removeprefix(prefix) for name in names if name.startswith(prefix))
                raise ModelError(f"supervision.contact.fingers names '{finger}'; valid: {valid}")
            fingers.append(names.index(prefix + finger))
        free = _subtrees(model, [i for i, name in enumerate(names) if name in config.may_touch])
        sides = np.full(model.nbody, _OTHER)
        sides[list(free)] = _UNCOUNTED
        sides[list(own)] = _ARM
        sides[list(_subtrees(model, fingers))] = _FINGER
        bodies = model.geom_bodyid
        # Lists of Python numbers: looked up one at a time, several times a tick.
        self._sides: list[int] = [int(sides[body]) for body in bodies]
        self._names = [_label(model, geom, names[body], prefix) for geom, body in enumerate(bodies)]
        self._wrench = np.zeros(6)

    def read(self, out: Readings) -> None:
        """Refresh the contact forces of `out`; the caller holds the world's lock."""
        out.contact_force = out.finger_force = 0.0
        out.contact_with = out.finger_with = ""
        data = self._data
        count = data.ncon
        if not count:
            return
        sides, wrench = self._sides, self._wrench
        most = most_finger = 0.0
        for number, (first, second) in enumerate(data.contact.geom.tolist()):
            one, two = sides[first], sides[second]
            # Exactly one side is the robot's, and the other one counts.
            if one + two not in (_ARM, _FINGER) or one == two:
                continue
            mujoco.mj_contactForce(self._model, data, number, wrench)
            force = float(wrench[0])
            other = self._names[second if one else first]
            if one == _FINGER or two == _FINGER:
                out.finger_force += force
                if force > most_finger:
                    most_finger, out.finger_with = force, other
            else:
                out.contact_force += force
                if force > most:
                    most, out.contact_with = force, other


def _subtrees(model: mujoco.MjModel, roots: Iterable[int]) -> set[int]:
    """Return the bodies and all that hangs on them."""
    found = set(roots)
    for body in range(1, model.nbody):  # Parents come first.
        if int(model.body_parentid[body]) in found:
            found.add(body)
    return found


def _label(model: mujoco.MjModel, geom: int, body: str, prefix: str) -> str:
    """Return what a person calls the shape: its body, or the shape itself where it is part of the world."""
    return (body if model.geom_bodyid[geom] else model.geom(geom).name) or f"shape {geom}"
