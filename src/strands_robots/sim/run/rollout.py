"""Many independent futures of one world on all cores, for planners and evaluation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, final

import mujoco
import mujoco.rollout
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, WorldError
from strands_robots.sim.world.state import SIGNATURE, state_size

_PHYSICS = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)
PIECES = 64
"""Pieces of a batch that each thread takes, one after the other; the more, the less one waits for another at the end."""

MAX_VALUES = 200_000_000
"""Most numbers that one call may return."""


class RolloutRobot(Protocol):
    """What a rollout asks of one robot of the world."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The robot's joints, in the order of its actions."""

    def controls(self, targets: FloatArray) -> tuple[Any, FloatArray]:
        """Return actuator numbers and their values for joint targets (..., D)."""


class RolloutWorld(Protocol):
    """What a rollout asks of a world: its model and robots, under its lock."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while the model and the robots are read."""

    @property
    def generation(self) -> int:
        """Number that changes with the model."""

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled model."""

    @property
    def robots(self) -> Mapping[str, RolloutRobot]:
        """Robots by name."""


@dataclass(frozen=True)
class Futures:
    """B futures of H control steps.

    Attributes:
        time: (B, H) [s].
        qpos: Generalised positions (B, H, nq).
        qvel: Generalised velocities (B, H, nv).
        sensordata: What the sensors measured (B, H, nsensordata).
    """

    time: FloatArray
    qpos: FloatArray
    qvel: FloatArray
    sensordata: FloatArray


class KeptRollout:
    """The rollout of a world's present generation, made when it is first wanted. Its owner holds the world's lock."""

    def __init__(self) -> None:
        self._batch: BatchRollout | None = None

    def of(self, world: RolloutWorld) -> BatchRollout:
        """Return the rollout of the world as it is now."""
        if self._batch is None or self._batch.generation != world.generation:
            self.close()
            self._batch = BatchRollout(world)
        return self._batch

    def close(self) -> None:
        """End its threads; the next call of `of` makes them again."""
        if self._batch is not None:
            self._batch.close()
            self._batch = None


@final
class BatchRollout:
    """Threads and memory for rollouts of one generation of a world; `World.rollout` keeps one.

    Args:
        world: The world; its model and present state are taken, nothing in it is changed.
        threads: Number of threads; 0 takes one for each core.
    """

    def __init__(self, world: RolloutWorld, threads: int = 0) -> None:
        count = threads or len(os.sched_getaffinity(0))
        with world.lock:
            self.generation = world.generation
            self._model = world.model
            self._robots = tuple(world.robots.values())
        self._data = [mujoco.MjData(self._model) for _ in range(count)]
        self._pool = mujoco.rollout.Rollout(nthread=count)

    def run(self, actions: FloatArray, states: FloatArray, substeps: int) -> Futures:
        """Return what becomes of each state under its actions.

        Args:
            actions: Joint position targets (B, H, D) [rad] or [m]: the joints of every robot, one robot after the other.
            states: Where each future begins (B, n) or (1, n), from `World.get_state`.
            substeps: Physics steps for each row of actions.

        Raises:
            ShapeError: If the shapes do not fit.
            WorldError: If a value is not finite or the result would be too large.
        """
        model = self._model
        width = sum(len(robot.joint_names) for robot in self._robots)
        if actions.ndim != 3 or actions.shape[2] != width or 0 in actions.shape:
            raise ShapeError(f"actions have shape {actions.shape}; valid: (B, H, {width}) with B and H at least 1")
        batch, horizon, _ = actions.shape
        if states.ndim != 2 or states.shape[1] != state_size(model) or states.shape[0] not in (1, batch):
            raise ShapeError(f"states have shape {states.shape}; valid: (1 or {batch}, {state_size(model)})")
        if not (np.isfinite(actions).all() and np.isfinite(states).all()):
            raise WorldError("actions or states hold values that are not finite")
        steps = horizon * substeps
        size = int(mujoco.mj_stateSize(model, _PHYSICS))
        if substeps < 1 or batch * steps * (size + model.nu + model.nsensordata) > MAX_VALUES:
            raise WorldError(
                f"{batch} futures of {horizon} x {substeps} steps; valid: fewer than {MAX_VALUES} numbers in all"
            )
        initial, warm, control = self._starts(states)
        controls = np.repeat(control[:, None, :], horizon, axis=1)
        if len(controls) == 1:
            controls = np.repeat(controls, batch, axis=0)
        self._write_targets(actions, controls)
        physics, sensordata = self._pool.rollout(
            model,
            self._data,
            initial,
            np.repeat(controls, substeps, axis=1),
            initial_warmstart=warm,
            # MuJoCo's own pieces are a tenth of a thread's share: all but one thread wait for the last one.
            chunk_size=max(1, batch // (PIECES * len(self._data))),
        )
        last = slice(substeps - 1, None, substeps)
        physics = physics[:, last]
        return Futures(
            time=physics[..., 0].copy(),
            qpos=physics[..., 1 : 1 + model.nq].copy(),
            qvel=physics[..., 1 + model.nq : 1 + model.nq + model.nv].copy(),
            sensordata=sensordata[:, last].copy(),
        )

    def close(self) -> None:
        """End the threads."""
        self._pool.close()

    def __enter__(self) -> BatchRollout:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _starts(self, states: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return physics states, warm starts and controls of the beginnings."""
        model, data = self._model, self._data[0]
        initial = np.empty((len(states), int(mujoco.mj_stateSize(model, _PHYSICS))))
        warm, control = np.empty((len(states), model.nv)), np.empty((len(states), model.nu))
        for row, state in enumerate(states):
            mujoco.mj_setState(model, data, state, SIGNATURE)
            mujoco.mj_getState(model, data, initial[row], _PHYSICS)
            warm[row], control[row] = data.qacc_warmstart, data.ctrl
        return initial, warm, control

    def _write_targets(self, actions: FloatArray, controls: FloatArray) -> None:
        first = 0
        for robot in self._robots:
            count = len(robot.joint_names)
            numbers, values = robot.controls(actions[..., first : first + count])
            controls[..., numbers] = values
            first += count
