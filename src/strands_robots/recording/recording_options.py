"""What a recording is asked to be, checked, and in the words of the core. No ROS, no I/O."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.names import is_hub_repository
from strands_robots.core.text import printable
from strands_robots.dataset.encoder import EncoderConfig
from strands_robots.dataset.robot_type import robot_type
from strands_robots.dataset.schema import CameraPart, RobotPart, Schema
from strands_robots.dataset.store import LeRobotStore
from strands_robots.description.lerobot_units import JointCodec, Units, linear_joints, robot_codec
from strands_robots.description.robot_config import RobotConfig
from strands_robots.recording.sampler import OnStale, SamplerConfig
from strands_robots.recording.stream import picture_rate

NEW, RESUME, OVERWRITE = 0, 1, 2

LONGEST_KEEP = 300.0  # [s]
MOST_KEPT = 2 << 30
"""Pictures that are kept between episodes may take this much memory [bytes]."""


@dataclass(frozen=True)
class RecordingOptions:
    """What was asked for; the fields of srv/StartRecording.

    Raises:
        ConfigurationError: If a value is not valid.
    """

    root: Path
    repo_id: str
    mode: int
    fps: int
    robots: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    task: str = ""
    units: str = "lerobot"
    with_velocity: bool = False
    with_effort: bool = False
    with_outcome: bool = False
    with_intervention: bool = False
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    queue_frames: int = 0
    max_age_joints: float = 0.1
    max_age_images: float = 0.2
    on_stale: str = "mark"
    provenance: str = ""
    keep_seconds: float = 0.0
    with_language: bool = False

    def __post_init__(self) -> None:
        if not is_hub_repository(self.repo_id):
            raise ConfigurationError(
                f"repo_id is '{printable(self.repo_id)}'; valid: <owner>/<name> as on the Hugging Face Hub"
            )
        if self.mode not in (NEW, RESUME, OVERWRITE):
            raise ConfigurationError(f"mode is {self.mode}; valid: 0 (new), 1 (resume), 2 (overwrite)")
        if self.units not in [unit.value for unit in Units]:
            raise UnknownNameError("units", self.units, [unit.value for unit in Units])
        if self.on_stale not in [choice.value for choice in OnStale]:
            raise UnknownNameError("on_stale", self.on_stale, [choice.value for choice in OnStale])
        if not 0.0 <= self.keep_seconds <= LONGEST_KEEP:
            raise ConfigurationError(f"keep_seconds is {self.keep_seconds:g}; valid: 0 to {LONGEST_KEEP:g}")
        parse_provenance(self.provenance)

    @property
    def capacity(self) -> int:
        """Frames that may wait for the writer; an episode that begins in the past comes all at once."""
        return (self.queue_frames or 5 * self.fps) + math.ceil(self.keep_seconds * self.fps)

    def sampler(self, control_period: float | None) -> SamplerConfig:
        """Return how frames are sampled.

        Args:
            control_period: Of a world in lockstep [s]; None where time passes by itself.
        """
        ages = self.max_age_joints, self.max_age_images
        if control_period is None:
            return SamplerConfig(*ages, OnStale(self.on_stale), keep=self.keep_seconds)
        if self.keep_seconds:
            raise ConfigurationError(
                "keep_seconds is for robots whose time passes by itself; valid: 0 in a world in lockstep"
            )
        return SamplerConfig(*ages, OnStale(self.on_stale), grace=None, slack=1.5 * control_period)

    def open_store(self, schema: Schema) -> LeRobotStore:
        """Return the open dataset; in the writer's thread."""
        store = LeRobotStore(self.root, self.repo_id, schema, self.encoder, self.with_language)
        {NEW: store.create, RESUME: store.resume, OVERWRITE: store.overwrite}[self.mode]()
        return store


def make_schema(options: RecordingOptions, known: Mapping[str, RobotConfig], cameras: Sequence[CameraPart]) -> Schema:
    """Return the features of the dataset.

    Args:
        options: What was asked for.
        known: Robots by name on the graph.
        cameras: The cameras, with their sizes.

    Raises:
        UnknownNameError: If a robot is not known.
    """
    names = options.robots or tuple(known)
    parts = []
    for name in names:
        if name not in known:
            raise UnknownNameError("robot", name, known)
        parts.append(RobotPart(name, robot_numbers(known[name], Units(options.units))))
    if len(set(names)) != len(names):
        raise ConfigurationError(f"robots are {', '.join(names)}; valid: every robot once")
    return Schema(
        options.fps, tuple(parts), tuple(cameras), options.units, options.with_velocity, options.with_effort,
        options.with_outcome, robot_type({name: known[name] for name in names}, Units(options.units)),
        with_intervention=options.with_intervention,
    )  # fmt: skip


def require_memory(options: RecordingOptions, cameras: Sequence[CameraPart]) -> None:
    """Refuse to keep more seconds of pictures than memory is meant for.

    Raises:
        ConfigurationError: With the longest time that is valid.
    """
    rate = picture_rate(options.fps)
    second = rate * sum((4 if camera.is_depth else 3) * camera.height * camera.width for camera in cameras)
    if options.keep_seconds * second > MOST_KEPT:
        raise ConfigurationError(
            f"keep_seconds is {options.keep_seconds:g}, whose pictures take {options.keep_seconds * second / (1 << 20):.0f} MiB; valid: "
            f"up to {MOST_KEPT / second:.1f} s with these cameras"
        )


def require_whole_periods(fps: int, control_period: float) -> None:
    """Refuse a rate whose frames are not whole control periods of a world in lockstep: their instants would not be exact.

    Args:
        fps: Frames a second [Hz].
        control_period: Of the world [s].

    Raises:
        ConfigurationError: With the usual rates that are valid.
    """
    if not _is_whole(fps, control_period):
        valid = [str(rate) for rate in (10, 15, 20, 25, 30, 40, 50, 60, 100) if _is_whole(rate, control_period)]
        raise ConfigurationError(
            f"fps is {fps} and the world's control period {control_period:.6g} s, so frames would fall between its steps; valid in "
            f"lockstep: {', '.join(valid) or 'none of the usual rates'}, or a world with a control period that fits, as 1/120 s for 30"
        )


def _is_whole(fps: int, control_period: float) -> bool:
    periods = 1.0 / (fps * control_period)
    return round(periods) >= 1 and abs(periods - round(periods)) < 1e-6


def robot_numbers(config: RobotConfig, units: Units = Units.LEROBOT) -> JointCodec:
    """Return how a robot's joints are written; its URDF says which of them are linear."""
    urdf = "" if config.urdf is None else config.urdf.read_text(encoding="utf-8")
    return robot_codec(config, units, linear_joints(urdf))


def parse_provenance(text: str) -> dict[str, Any]:
    """Return what a client said of its recording.

    Raises:
        ConfigurationError: If it is no JSON object.
    """
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"provenance is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"provenance is a JSON {type(data).__name__}; valid: an object")
    return data
