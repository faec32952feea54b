"""Futures on all cores are those that stepping the world gives."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import ShapeError, WorldError
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape

from .arms import one_arm_world, two_arm_world

RNG = np.random.default_rng(3)


def test_futures_are_what_stepping_gives_byte_for_byte() -> None:
    world = two_arm_world()
    world.step(20)
    start = world.get_state()
    actions = RNG.uniform(-1.0, 1.0, (6, 8, 4))
    futures = world.rollout(actions, substeps=5)
    assert world.get_state().tobytes() == start.tobytes()
    for future, rows in enumerate(actions):
        world.set_state(start)
        for step, row in enumerate(rows):
            world.robots["left"].set_target(row[:2])
            world.robots["right"].set_target(row[2:])
            world.step(5)
            assert futures.qpos[future, step].tobytes() == world.data.qpos.tobytes()
            assert futures.qvel[future, step].tobytes() == world.data.qvel.tobytes()
        assert futures.time[future, -1] == world.time


def test_each_future_begins_where_it_should() -> None:
    world = one_arm_world()
    states = []
    for target in (0.0, 0.8):
        world.reset(0)
        world.robots["arm"].set_target(np.array([target, 0.0]))
        world.step(200)
        states.append(world.get_state())
    futures = world.rollout(np.zeros((2, 1, 2)) + 0.5, np.array(states), substeps=1)
    assert futures.qpos[0, 0, 0] < 0.1 < 0.6 < futures.qpos[1, 0, 0]


def test_rollout_after_an_edit_has_the_new_object() -> None:
    world = one_arm_world()
    world.rollout(np.zeros((2, 2, 2)))
    edit(world, [AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=(1.0, 1.0, 1.0), is_free=True)])
    futures = world.rollout(np.zeros((2, 3, 2)))
    assert futures.qpos.shape == (2, 3, 9)
    assert (futures.qpos[:, -1, 4] < 1.0).all()


@pytest.mark.parametrize(
    ("shape", "states", "error", "words"),
    [
        ((2, 3, 5), None, ShapeError, r"valid: \(B, H, 2\)"),
        ((2, 3), None, ShapeError, r"valid: \(B, H, 2\)"),
        ((0, 3, 2), None, ShapeError, "at least 1"),
        ((2, 3, 2), np.zeros((2, 3)), ShapeError, "states have shape"),
        ((200, 100000, 2), None, WorldError, "valid: fewer than"),
    ],
)
def test_rollout_that_cannot_be_is_refused(
    shape: tuple[int, ...], states: np.ndarray | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        one_arm_world().rollout(np.zeros(shape), states)


def test_actions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(WorldError, match="not finite"):
        one_arm_world().rollout(np.full((1, 1, 2), np.nan))
