"""Named states of a world that can be gone back to, as long as the world holds the same things."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError, WorldError
from strands_robots.sim.world.checks import checked_name
from strands_robots.sim.world.world import World

MAX_CHECKPOINTS = 256


@dataclass(frozen=True)
class _Checkpoint:
    generation: int
    seed: int
    state: FloatArray


class Checkpoints:
    """The checkpoints of a world, in memory.

    Args:
        world: The world.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._saved: dict[str, _Checkpoint] = {}

    @property
    def names(self) -> list[str]:
        """Names of the checkpoints that can be gone back to."""
        return [name for name, saved in self._saved.items() if saved.generation == self._world.generation]

    def save(self, name: str) -> None:
        """Keep the present state under a name; one of that name is replaced.

        Raises:
            ConfigurationError: If the name is not usable.
            WorldError: If there are too many.
        """
        checked_name("checkpoint", name)
        world = self._world
        with world.lock:
            self._saved = {
                key: saved for key, saved in self._saved.items() if saved.generation == world.generation or key == name
            }
            if name not in self._saved and len(self._saved) >= MAX_CHECKPOINTS:
                raise WorldError(f"{MAX_CHECKPOINTS} checkpoints are kept; valid: remove one first")
            self._saved[name] = _Checkpoint(world.generation, world.seed, world.get_state())

    def load(self, name: str) -> None:
        """Go back to a checkpoint, random streams started anew from its seed.

        Raises:
            UnknownNameError: If there is none of that name.
            WorldError: If the world was changed since.
        """
        saved = self._saved.get(name)
        if saved is None:
            raise UnknownNameError("checkpoint", name, self.names)
        with self._world.lock:
            if saved.generation != self._world.generation:
                raise WorldError(
                    f"the world was changed after checkpoint '{name}' was saved; valid: {', '.join(self.names) or 'none'}"
                )
            self._world.set_state(saved.state)
            self._world.seed = saved.seed

    def remove(self, name: str) -> None:
        """Forget a checkpoint.

        Raises:
            UnknownNameError: If there is none of that name.
        """
        if self._saved.pop(name, None) is None:
            raise UnknownNameError("checkpoint", name, self.names)
