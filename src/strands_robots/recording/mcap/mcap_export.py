"""Writes an episode of a dataset as MCAP, on the topics that it was recorded from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.depth import read_depths
from strands_robots.dataset.origin import require_known_schema
from strands_robots.dataset.schema import ACTION, EFFORTS, STATE, VELOCITIES, Schema
from strands_robots.dataset.table import (
    EpisodeRow,
    Info,
    read_account,
    read_episode,
    read_info,
    read_pictures,
    read_vectors,
)
from strands_robots.mcap.mcap_file import write_mcap
from strands_robots.mcap.message import Message
from strands_robots.recording.mcap.ros_types import IMAGE, JOINT_COMMAND, JOINT_STATE, RosTypes
from strands_robots.recording.sampler import command_topic, image_topic, state_topic
from strands_robots.recording.stream import SECOND


def export_episode(root: Path, episode: int, file: Path) -> dict[str, int]:
    """Write an episode: joint_states, command_applied and image_raw, stamped with the instants of its frames.

    Args:
        root: Folder of the dataset.
        episode: Index of the episode.
        file: File to write; must not exist.

    Returns:
        Messages by topic.

    Raises:
        ConfigurationError: If there is no such episode, it was made by another recorder, or the file exists.
    """
    info, schema = read_info(root), require_known_schema(root)
    row = read_episode(root, info, episode)
    if file.exists():
        raise ConfigurationError(f"{file} exists; valid: a new file")
    types = RosTypes()
    kinds = {state_topic(robot.name): JOINT_STATE for robot in schema.robots}
    kinds |= {command_topic(robot.name): JOINT_COMMAND for robot in schema.robots}
    kinds |= {image_topic(camera.name): IMAGE for camera in schema.cameras}
    topics = {"/" + topic: kind for topic, kind in kinds.items()}
    written = write_mcap(file, _messages(root, info, schema, row, types), topics, types.definition)
    return dict(written.messages)


def _messages(root: Path, info: Info, schema: Schema, row: EpisodeRow, types: RosTypes) -> Iterator[Message]:
    """Give the messages of every frame, and at the end of the last one its commands once more: they were in force until then."""
    account = read_account(root, row.index) or {}
    # Stamped as a sampler counts from the first frame on, so that an import finds every sample at its instant.
    first = int(account.get("began_ns", 0)) + int(account.get("skipped", 0)) * SECOND // schema.fps
    source = next(iter(account.get("sources", [])), "policy/unknown")
    columns = [
        STATE,
        ACTION,
        *([VELOCITIES] if schema.with_velocity else []),
        *([EFFORTS] if schema.with_effort else []),
    ]
    data = read_vectors(root, row, columns)
    joints = _Joints(types, schema, data, source)
    pictures: dict[str, Iterator[Any]] = {
        camera.name: (read_depths if camera.is_depth else read_pictures)(root, info, row, schema.keys[camera.name])
        for camera in schema.cameras
    }
    for k in range(row.length):
        stamp = first + k * SECOND // schema.fps
        yield from joints.states(k, stamp)
        yield from joints.commands(k, stamp)
        for camera in schema.cameras:
            size, encoding = (4, "32FC1") if camera.is_depth else (3, "rgb8")
            image = types.make(
                IMAGE, header=types.header(stamp), height=camera.height, width=camera.width, encoding=encoding,
                is_bigendian=0, step=size * camera.width, data=next(pictures[camera.name]).reshape(-1).view(np.uint8),
            )  # fmt: skip
            yield Message("/" + image_topic(camera.name), stamp, types.encode(image, IMAGE))
    yield from joints.commands(row.length - 1, first + row.length * SECOND // schema.fps)


class _Joints:
    """The vectors of an episode as messages of its robots.

    Args:
        types: The messages.
        schema: What the vectors hold.
        data: The vectors (N, D), by feature.
        source: Who commanded.
    """

    def __init__(self, types: RosTypes, schema: Schema, data: dict[str, Any], source: str) -> None:
        self._types, self._schema, self._source = types, schema, source
        self._states, self._actions = schema.split(data[STATE]), schema.split(data[ACTION])
        self._speeds = _velocities(schema, data.get(VELOCITIES))
        self._efforts = _plain(schema, data.get(EFFORTS))
        self._sequence = 0

    def states(self, k: int, stamp: int) -> Iterator[Message]:
        """Give the measured joints of frame k."""
        for robot in self._schema.robots:
            state = self._types.make(
                JOINT_STATE, header=self._types.header(stamp), name=list(robot.codec.names),
                position=self._states[robot.name][k],
                velocity=self._speeds[robot.name][k] if self._speeds else np.zeros(0),
                effort=self._efforts[robot.name][k] if self._efforts else np.zeros(0),
            )  # fmt: skip
            yield Message("/" + state_topic(robot.name), stamp, self._types.encode(state, JOINT_STATE))

    def commands(self, k: int, stamp: int) -> Iterator[Message]:
        """Give the set-points of frame k."""
        self._sequence += 1
        for robot in self._schema.robots:
            lifetime = self._types.make("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
            command = self._types.make(
                JOINT_COMMAND, header=self._types.header(stamp), source=self._source, sequence=self._sequence,
                lifetime=lifetime, mode=0, joint_names=list(robot.codec.names), values=self._actions[robot.name][k],
            )  # fmt: skip
            yield Message("/" + command_topic(robot.name), stamp, self._types.encode(command, JOINT_COMMAND))


def _velocities(schema: Schema, vectors: Any) -> dict[str, Any]:
    if vectors is None:
        return {}
    parts = _plain(schema, vectors)
    return {robot.name: robot.codec.velocity_to_si(parts[robot.name]) for robot in schema.robots}


def _plain(schema: Schema, vectors: Any) -> dict[str, Any]:
    """Return the columns of each robot, unchanged."""
    if vectors is None:
        return {}
    parts, start = {}, 0
    for robot in schema.robots:
        end = start + len(robot.codec.names)
        parts[robot.name] = np.asarray(vectors[:, start:end], dtype=np.float64)
        start = end
    return parts
