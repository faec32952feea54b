"""Writes an episode of a dataset as MCAP, on the topics that it was recorded from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.errors import ConfigurationError
from strands_robots.incident.mcap_file import write_mcap
from strands_robots.incident.ring import Message
from strands_robots.recording.ros_types import IMAGE, JOINT_COMMAND, JOINT_STATE, RosTypes
from strands_robots.recording.sampler import command_topic, image_topic, state_topic
from strands_robots.recording.schema import ACTION, EFFORTS, STATE, VELOCITIES, Schema
from strands_robots.recording.stream import SECOND
from strands_robots.recording.table import (
    EpisodeRow,
    Info,
    read_account,
    read_episodes,
    read_info,
    read_pictures,
    read_schema,
    read_vectors,
)


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
    info, schema = read_info(root), read_schema(root)
    if schema is None:
        raise ConfigurationError(
            f"{root} was made by another recorder: its units are not known; valid: a dataset of strands_robots"
        )
    rows = read_episodes(root, info)
    if not 0 <= episode < len(rows):
        raise ConfigurationError(f"episode {episode} is asked for; valid: 0 to {len(rows) - 1}")
    if file.exists():
        raise ConfigurationError(f"{file} exists; valid: a new file")
    types = RosTypes()
    kinds = {state_topic(robot.name): JOINT_STATE for robot in schema.robots}
    kinds |= {command_topic(robot.name): JOINT_COMMAND for robot in schema.robots}
    kinds |= {image_topic(camera.name): IMAGE for camera in schema.cameras}
    topics = {"/" + topic: kind for topic, kind in kinds.items()}
    written = write_mcap(file, _messages(root, info, schema, rows[episode], types), topics, types.definition)
    return dict(written.messages)


def _messages(root: Path, info: Info, schema: Schema, row: EpisodeRow, types: RosTypes) -> Iterator[Message]:
    account = read_account(root, row.index) or {}
    start, skipped = int(account.get("began_ns", 0)), int(account.get("skipped", 0))
    source = next(iter(account.get("sources", [])), "policy/unknown")
    columns = [
        STATE,
        ACTION,
        *([VELOCITIES] if schema.with_velocity else []),
        *([EFFORTS] if schema.with_effort else []),
    ]
    data = read_vectors(root, row, columns)
    states, actions = schema.split(data[STATE]), schema.split(data[ACTION])
    speeds = _velocities(schema, data.get(VELOCITIES))
    efforts = _plain(schema, data.get(EFFORTS))
    pictures = {camera.name: read_pictures(root, info, row, schema.keys[camera.name]) for camera in schema.cameras}
    for k in range(row.length):
        stamp = start + ((skipped + k) * SECOND) // schema.fps
        header = types.header(stamp)
        for robot in schema.robots:
            names = list(robot.codec.names)
            state = types.make(
                JOINT_STATE, header=header, name=names, position=states[robot.name][k],
                velocity=speeds[robot.name][k] if speeds else np.zeros(0),
                effort=efforts[robot.name][k] if efforts else np.zeros(0),
            )  # fmt: skip
            yield Message("/" + state_topic(robot.name), stamp, types.encode(state, JOINT_STATE))
            lifetime = types.make("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
            command = types.make(
                JOINT_COMMAND, header=header, source=source, sequence=k + 1, lifetime=lifetime, mode=0,
                joint_names=names, values=actions[robot.name][k],
            )  # fmt: skip
            yield Message("/" + command_topic(robot.name), stamp, types.encode(command, JOINT_COMMAND))
        for camera in schema.cameras:
            picture = next(pictures[camera.name])
            image = types.make(
                IMAGE, header=header, height=camera.height, width=camera.width, encoding="rgb8", is_bigendian=0,
                step=3 * camera.width, data=picture.reshape(-1),
            )  # fmt: skip
            yield Message("/" + image_topic(camera.name), stamp, types.encode(image, IMAGE))


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
