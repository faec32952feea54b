"""Fusing what is only drawn changes neither what collides nor what weighs, and draws the same surface."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.description.fused_visuals import fuse_visuals

MODEL = """
<mujoco>
  <worldbody>
    <body name="link">
      <freejoint/>
      <geom type="box" size="0.1 0.1 0.1" mass="1" group="3"/>
      <geom name="named" type="box" size="0.01 0.01 0.01" pos="0.5 0 0" contype="0" conaffinity="0" mass="0"/>
      <geom type="box" size="0.1 0.05 0.02" pos="0.3 0 0" euler="0 0 30" contype="0" conaffinity="0" mass="0"/>
      <geom type="box" size="0.02 0.02 0.02" pos="0 0.3 0" contype="0" conaffinity="0" mass="0"/>
      <geom type="cylinder" size="0.05 0.1" pos="0 0 0.3" contype="0" conaffinity="0" mass="0"/>
      <geom type="box" size="0.02 0.03 0.02" pos="0 -0.3 0" contype="0" conaffinity="0" mass="0"/>
      <geom type="sphere" size="0.02" pos="0 0 -0.3" contype="0" conaffinity="0" mass="0"/>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def models() -> tuple[mujoco.MjModel, mujoco.MjModel]:
    spec = mujoco.MjSpec.from_string(MODEL)
    plain = spec.compile()
    fuse_visuals(spec, plain)
    return plain, spec.compile()


def test_four_alike_become_one_mesh_and_the_rest_stays(models: tuple[mujoco.MjModel, mujoco.MjModel]) -> None:
    plain, fused = models
    assert (plain.ngeom, fused.ngeom, fused.nmesh) == (7, 4, 1)
    assert (plain.geom_contype > 0).sum() == (fused.geom_contype > 0).sum() == 1
    assert fused.geom("named").id >= 0


def test_mass_and_inertia_stay(models: tuple[mujoco.MjModel, mujoco.MjModel]) -> None:
    plain, fused = models
    np.testing.assert_allclose(fused.body("link").mass, plain.body("link").mass)
    np.testing.assert_allclose(fused.body("link").inertia, plain.body("link").inertia)


@pytest.mark.parametrize("towards", [(0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3), (0.0, -0.3, 0.0)])
def test_rays_hit_the_same_surface(models: tuple[mujoco.MjModel, mujoco.MjModel], towards: tuple[float, ...]) -> None:
    distances = []
    for model in models:
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        start = np.array([1.0, 0.8, 1.2])
        geom = np.zeros(1, dtype=np.int32)
        groups = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)
        distances.append(mujoco.mj_ray(model, data, start, np.array(towards) - start, groups, 1, -1, geom))
    assert distances[0] > 0.0
    assert distances[1] == pytest.approx(distances[0], abs=2e-3)
