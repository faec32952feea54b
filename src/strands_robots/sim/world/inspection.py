"""A still of the world, computed from a copy of its state, so that looking never disturbs what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.world.state import read_state, write_state

if TYPE_CHECKING:
    from strands_robots.sim.world.world import World


@dataclass(frozen=True)
class Snapshot:
    """State (n,) of a world at one instant, and the model that it belongs to."""

    model: mujoco.MjModel
    state: FloatArray
    generation: int


class Still:
    """A world at one instant with everything derived from it: poses, contacts, forces, energies.

    Unlike the running data, whose poses are one timestep older than its positions, all of it is of the same instant.

    Attributes:
        model: The model.
        data: Data of its own, after mj_forward; the holder may change it.
        generation: Generation of the world.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.model = snapshot.model
        self.data = mujoco.MjData(snapshot.model)
        self.generation = snapshot.generation
        self.load(snapshot)

    def load(self, snapshot: Snapshot) -> None:
        """Show another instant of the same generation."""
        write_state(self.model, self.data, snapshot.state)


def take_snapshot(world: World) -> Snapshot:
    """Return a copy of the world's state; takes the lock for microseconds."""
    with world.lock:
        return Snapshot(world.model, read_state(world.model, world.data), world.generation)


class Inspector:
    """Turns snapshots into stills and keeps the memory for the next one. Belongs to one thread."""

    def __init__(self) -> None:
        self._still: Still | None = None

    def show(self, snapshot: Snapshot) -> Still:
        """Return the still of a snapshot; it is overwritten by the next call.

        Raises:
            WorldError: If the simulation has diverged: its state is not finite.
        """
        if self._still is None or self._still.model is not snapshot.model:
            self._still = Still(snapshot)
        else:
            self._still.load(snapshot)
        return self._still
