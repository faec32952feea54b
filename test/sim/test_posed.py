"""Drawing a robot where a goal would bring it: the picture changes, the world does not."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.sim.posed import posed_state, views_of
from strands_robots.sim.render.renderer import SceneRenderer
from strands_robots.sim.render.shots import ShotOrder, take_shots

from .arms import two_arm_world


def test_robot_is_drawn_elsewhere_and_the_world_stays_as_it_is() -> None:
    world = two_arm_world()
    name = next(iter(world.robots))
    state = world.get_state()
    before = state.copy()
    posed = posed_state(world, world.model, state, name, ["shoulder", "elbow"], [0.8, 0.5])
    assert (state == before).all() and (world.get_state() == before).all()
    assert np.count_nonzero(posed != state) == 2
    order = ShotOrder(views_of(world, name), width=160, height=120)
    with SceneRenderer(world) as renderer:
        now, there = (take_shots(renderer, each, order) for each in (state, posed))
    for old, new in zip(now, there, strict=True):
        (first,), (second,) = old.pictures.values(), new.pictures.values()
        changed = (first != second).any(axis=2).mean()
        assert 0.005 < changed < 0.5, "the arm has moved, the rest has not"


def test_what_cannot_be_drawn_is_refused() -> None:
    world = two_arm_world()
    name, state = next(iter(world.robots)), world.get_state()
    for error, robot, joints, positions in (
        (UnknownNameError, "so999", ["shoulder"], [0.0]),
        (UnknownNameError, name, ["shoulder_pan"], [0.0]),
        (ConfigurationError, name, ["shoulder"], [30.0]),
        (ConfigurationError, name, ["shoulder"], [float("nan")]),
        (ConfigurationError, name, ["shoulder"], []),
    ):
        with pytest.raises(error):
            posed_state(world, world.model, state, robot, joints, positions)
