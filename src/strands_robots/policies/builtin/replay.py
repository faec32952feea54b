"""Policy "replay": the actions of a recorded episode, after a smooth way to where it begins. Needs pyarrow (make setup-learning).

For replay with a report of how well the robot followed there is the action server ReplayEpisode; this is for comparing and evaluating
recordings as any other policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import Action, Element, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.motion.path import quintic
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.provider import PolicyContext, read_settings

ACTION = "action"


class ReplayOptions(BaseModel):
    """Settings of "replay".

    Attributes:
        root: Folder of a LeRobot dataset (v3).
        episode: Index of the episode.
        robot: The robot's name in the dataset; empty takes the goal's, or the only one.
        approach: Time for the way from where the robot is to the first recorded action [s].
        horizon: Rows of one chunk.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    root: Annotated[str, Field(min_length=1)]
    episode: Annotated[int, Field(ge=0)] = 0
    robot: str = ""
    approach: Annotated[float, Field(ge=0.1, le=60.0)] = 2.0
    horizon: Annotated[int, Field(ge=2, le=1000)] = 20


class ReplayPolicy:
    """Plays recorded rows by the time since the first observation, and holds after the last.

    Args:
        names: Joints, the columns of `rows`.
        rows: Recorded actions (N, D) in SI.
        rate: Rows a second [Hz].
        approach: Time for the way to the first row [s].
        horizon: Rows of one chunk.
    """

    def __init__(self, names: tuple[str, ...], rows: FloatArray, rate: float, approach: float, horizon: int) -> None:
        self._names = names
        self._rows = rows
        self._rate = rate
        self._approach = approach
        self._horizon = horizon
        self._start: FloatArray | None = None
        self._begin = 0.0
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(tuple(Element(name, "rad") for name in names), horizon=horizon, rate=rate)

    @property
    def duration(self) -> float:
        """Time of the way to the first row and of the episode [s]."""
        return self._approach + (len(self._rows) - 1) / self._rate

    def reset(self, seed: int) -> None:
        """Begin at the next observation; nothing here is random."""
        self._start = None

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) from the observation's stamp on.

        Raises:
            PolicyError: If a recorded joint is not among the robot's.
        """
        if self._start is None:
            missing = [name for name in self._names if name not in observation.joint_names]
            if missing:
                raise PolicyError(
                    f"the recording moves {', '.join(missing)}; the robot has {', '.join(observation.joint_names)}"
                )
            self._start = observation.position[[observation.joint_names.index(name) for name in self._names]]
            self._begin = observation.stamp
        times = observation.stamp - self._begin + np.arange(self._horizon, dtype=np.float64) / self._rate
        return Action(self._names, self._at(times, self._start), 1.0 / self._rate)

    def close(self) -> None:
        """Nothing to free."""

    def _at(self, times: FloatArray, start: FloatArray) -> FloatArray:
        way = quintic(np.clip(times / self._approach, 0.0, 1.0))[:, None]
        lead = start + way * (self._rows[0] - start)
        index = np.clip((times - self._approach) * self._rate, 0.0, len(self._rows) - 1)
        below = np.floor(index).astype(np.intp)
        above = np.minimum(below + 1, len(self._rows) - 1)
        share = (index - below)[:, None]
        recorded: FloatArray = self._rows[below] * (1.0 - share) + self._rows[above] * share
        rows: FloatArray = np.where(times[:, None] < self._approach, lead, recorded)
        return rows


def read_episode(options: ReplayOptions, context: PolicyContext) -> tuple[tuple[str, ...], FloatArray, float]:
    """Return joints, actions (N, D) in SI and rate [Hz] of a recorded episode.

    Units are those that the recorder stored beside the dataset; for another recorder's dataset the adapter gives them.

    Raises:
        StrandsRobotsError: If there is no such episode or robot, or the units are not known.
    """
    from strands_robots.dataset.origin import find_origin
    from strands_robots.dataset.table import read_episodes, read_info, read_schema, read_vectors

    root = Path(options.root).expanduser()
    info = read_info(root)
    rows = {row.index: row for row in read_episodes(root, info)}
    if options.episode not in rows:
        raise ConfigurationError(f"'{options.root}' has no episode {options.episode}; valid: 0 to {len(rows) - 1}")
    recorded = np.asarray(read_vectors(root, rows[options.episode], [ACTION])[ACTION], dtype=np.float64)
    schema = read_schema(root)
    if schema is None and not context.adapter.strip():
        origin = find_origin(root, info, list(rows.values()))
        schema = origin.schema if origin.folder is not None else None  # A robot does not move by a convention.
    if schema is not None:
        parts = schema.split(recorded)
        robot = options.robot or (
            context.robot if context.robot in parts else "" if len(parts) > 1 else next(iter(parts))
        )
        if robot not in parts:
            raise UnknownNameError("robot of the recording", robot or context.robot, parts)
        names = next(part.codec.names for part in schema.robots if part.name == robot)
        return names, parts[robot], float(info.fps)
    if not context.adapter.strip():
        raise AdapterError("the dataset does not say its units; valid: an adapter whose 'action' names its elements")
    elements = load_adapter(context.adapter).action
    given, ours = info.names(ACTION), [element.name for element in elements]
    if given != ours:
        raise AdapterError(f"action: the dataset has [{', '.join(given)}], the adapter [{', '.join(ours)}]")
    factors = np.array([element.scale_and_offset() for element in elements])
    return tuple(element.joint for element in elements), recorded * factors[:, 0] + factors[:, 1], float(info.fps)


def create(settings: Mapping[str, Any], context: PolicyContext) -> ReplayPolicy:
    """Provider of "replay"; raises ConfigurationError, AdapterError or PolicyError."""
    options = read_settings(ReplayOptions, "replay", settings)
    names, rows, rate = read_episode(options, context)
    if context.rate > 0.0 and abs(context.rate - rate) > 1e-9:
        raise ConfigurationError(
            f"the goal asks for {context.rate:g} Hz, the recording has {rate:g}; valid: {rate:g} or 0"
        )
    return ReplayPolicy(names, rows, rate, options.approach, options.horizon)
