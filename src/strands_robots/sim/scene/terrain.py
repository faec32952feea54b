"""Uneven ground as a height field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError
from strands_robots.sim.world.checks import checked_numbers

FLAT = "flat"
KINDS = ("rough", "stairs", "slope")
MAX_SAMPLES = 400  # for each side
BASE = 0.1  # how far the ground goes below its lowest point [m]


@dataclass(frozen=True)
class Terrain:
    """Ground around the origin; level within `clearing` of it, where robots stand.

    Attributes:
        kind: "flat", "rough" (random heights), "stairs" (a square pit whose steps lead up and outwards) or "slope" (rising along +x).
        size: Half length of its sides [m].
        height: Rough: largest height. Stairs: height of a step. Slope: rise for each metre. [m]
        step: Rough: distance of the random heights. Stairs: depth of a step. [m]
        clearing: Half length of the level square around the origin [m].
        seed: Of the random heights.
    """

    kind: str
    size: float = 5.0
    height: float = 0.05
    step: float = 0.25
    clearing: float = 0.5
    seed: int = 0


def add_terrain(spec: mujoco.MjSpec, name: str, terrain: Terrain) -> None:
    """Add the terrain to the world body.

    Raises:
        UnknownNameError: If the kind is not known.
        ConfigurationError: If a number is not possible.
    """
    elevation = heights(terrain)
    top = max(float(elevation.max()), 1e-3)
    rows, columns = elevation.shape
    spec.add_hfield(
        name=name,
        nrow=rows,
        ncol=columns,
        size=[terrain.size, terrain.size, top, BASE],
        userdata=(elevation / top).ravel(),
    )
    material = "floor" if any(each.name == "floor" for each in spec.materials) else ""
    spec.worldbody.add_geom(
        name=name, type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname=name, material=material, friction=[0.8, 0.005, 0.0001]
    )


def heights(terrain: Terrain) -> FloatArray:
    """Return the heights (N, N) [m], at least 0; rows along y, columns along x."""
    if terrain.kind not in KINDS:
        raise UnknownNameError("kind of terrain", terrain.kind, (FLAT, *KINDS))
    checked_numbers("size of the terrain", [terrain.size], 1, 0.5, 100.0, "m")
    checked_numbers("height of the terrain", [terrain.height], 1, 0.0, 2.0, "m")
    checked_numbers("step of the terrain", [terrain.step], 1, 0.02, 10.0, "m")
    checked_numbers("clearing of the terrain", [terrain.clearing], 1, 0.0, terrain.size, "m")
    # Stairs need several samples a step for upright faces.
    spacing = terrain.step / (6.0 if terrain.kind == "stairs" else 1.0)
    count = max(3, min(MAX_SAMPLES, 1 + math.ceil(2.0 * terrain.size / spacing)))
    line = np.linspace(-terrain.size, terrain.size, count)
    x, y = np.meshgrid(line, line)
    outside = np.maximum(np.maximum(np.abs(x), np.abs(y)) - terrain.clearing, 0.0)
    if terrain.kind == "rough":
        random = np.random.default_rng(terrain.seed).uniform(0.0, terrain.height, x.shape)
        return np.asarray(np.where(outside > 0.0, random, 0.0))
    if terrain.kind == "stairs":
        return np.asarray(terrain.height * np.ceil(outside / terrain.step - 1e-9))
    return np.asarray(terrain.height * np.maximum(x - terrain.clearing, 0.0))
