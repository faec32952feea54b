"""Applies edits to a world, all or none."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.core.errors import ConfigurationError, ModelError
from strands_robots.sim.edit.edits import Draft, Edit
from strands_robots.sim.edit.placement import move_mocap, place
from strands_robots.sim.world.inspection import Still, take_snapshot
from strands_robots.sim.world.world import World

MAX_EDITS = 4096


def edit(world: World, edits: Sequence[Edit]) -> None:
    """Apply edits in order. Time and state of all that still exists stay; when one edit is refused, nothing has changed.

    Raises:
        ConfigurationError, UnknownNameError, WorldError: If an edit is not possible; the message begins with its number.
        ModelError: If MuJoCo's compiler refuses the result; the message has its own words.
    """
    if len(edits) > MAX_EDITS:
        raise ConfigurationError(f"{len(edits)} edits given; valid: at most {MAX_EDITS}")
    with world.lock:
        now = Still(take_snapshot(world))
        draft = Draft(world.spec.copy(), world.config, world.nominal, now.data)
        for change in edits:
            try:
                change.apply(draft)
            except ValueError as error:
                raise ModelError(f"MuJoCo says: {' '.join(str(error).split())}") from error
        # Free objects are placed after the swap; refuse before it what cannot be placed.
        world.adopt(draft.spec, draft.config)
        if draft.mocap:
            move_mocap(world, draft.mocap)
        if draft.placements:
            place(world, draft.placements)
