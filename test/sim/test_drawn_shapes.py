"""Objects and ground as simple shapes: where they are, how large, and that nothing is missing."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import SetGround
from strands_robots.sim.scene.rendered_shapes import DrawnKind, DrawnShape, SceneShapes
from strands_robots.sim.scene.terrain import Terrain
from strands_robots.sim.world.world import World

from .arms import one_arm_world


def drawn(world: World) -> tuple[SceneShapes, dict[str, list[DrawnShape]]]:
    scene = SceneShapes(world.model, world.robots)
    by_entity: dict[str, list[DrawnShape]] = {}
    for shape in scene.shapes:
        by_entity.setdefault(shape.entity, []).append(shape)
    return scene, by_entity


@pytest.fixture
def world() -> World:
    return one_arm_world()


def test_robots_are_left_out_and_the_floor_is_flat(world: World) -> None:
    _, by_entity = drawn(world)
    (floor,) = by_entity.pop("world")
    assert floor.kind is DrawnKind.BOX and floor.size[0] == 20.0 and floor.offset[2] < 0.0
    assert by_entity == {}


@pytest.mark.parametrize(
    ("shape", "kinds", "size"),
    [
        (Shape("box", [0.01, 0.02, 0.03], mass=0.1), [DrawnKind.BOX], (0.02, 0.04, 0.06)),
        (Shape("sphere", [0.03], mass=0.1), [DrawnKind.ELLIPSOID], (0.06, 0.06, 0.06)),
        (Shape("ellipsoid", [0.01, 0.02, 0.03], mass=0.1), [DrawnKind.ELLIPSOID], (0.02, 0.04, 0.06)),
        (Shape("cylinder", [0.02, 0.05], mass=0.1), [DrawnKind.CYLINDER], (0.04, 0.04, 0.1)),
        (Shape("capsule", [0.02, 0.05], mass=0.1), [DrawnKind.CYLINDER, *[DrawnKind.ELLIPSOID] * 2], (0.04, 0.04, 0.1)),
    ],
    ids=lambda value: value.kind if isinstance(value, Shape) else None,
)
def test_shape_of_each_kind_has_its_full_size(
    world: World, shape: Shape, kinds: list[DrawnKind], size: tuple[float, ...]
) -> None:
    edit(world, [AddBody("thing", [shape], position=(0.3, 1.0, 0.2), quaternion=(0.0, 1.0, 0.0, 1.0), is_free=True)])
    scene, by_entity = drawn(world)
    assert [each.kind for each in by_entity["thing"]] == kinds
    assert by_entity["thing"][0].size == pytest.approx(size)
    positions, _ = scene.poses(world.data)
    mine = [i for i, each in enumerate(scene.shapes) if each.entity == "thing"]
    assert positions[mine].mean(axis=0) == pytest.approx((0.3, 1.0, 0.2))
    assert scene.is_moving[mine].all() and not scene.is_moving[0]
    if len(mine) == 3:  # a capsule lies along its own z axis, here the world's x
        assert np.ptp(positions[mine], axis=0) == pytest.approx((0.1, 0.0, 0.0), abs=1e-9)


def test_terrain_is_drawn_where_it_is(world: World) -> None:
    edit(world, [SetGround(Terrain("slope", size=5.0, height=0.2, step=0.25, clearing=1.0))])
    _, by_entity = drawn(world)
    (ground,) = by_entity["world"]
    assert ground.kind is DrawnKind.TRIANGLES and len(ground.points) % 3 == 0
    high = ground.points[ground.points[:, 2].argmax()]
    assert high[0] == pytest.approx(5.0, abs=0.3)
