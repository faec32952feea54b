"""Makes an episode of an MCAP or rosbag2 recording, by the same streams and sampler as live."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.provenance import package_provenance, robot_provenance
from strands_robots.dataset.schema import CameraPart, Schema
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.recording.mcap.ros_types import IMAGE, JOINT_COMMAND, JOINT_STATE, RosTypes
from strands_robots.recording.recording_options import NEW, RESUME, RecordingOptions, make_schema
from strands_robots.recording.sampler import CommandSample, DatasetFrame, JointSample, Sampler
from strands_robots.recording.stream import SECOND

_SUFFIX = "/image_raw"
_CHANNELS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0)}


@dataclass(frozen=True)
class ImportOptions:
    """What to make of a recording.

    Attributes:
        repo_id: Name of the dataset.
        fps: Frames a second [Hz].
        robots: "<name>=<robot>" each.
        task: What was done, in words.
        cameras: "<robot>/<camera>" each; None for every camera in the recording.
        units: "lerobot" or "si".
        with_velocity, with_effort: Whether these are features as well.
    """

    repo_id: str
    fps: int
    robots: tuple[str, ...]
    cameras: tuple[str, ...] | None
    task: str
    units: str = "lerobot"
    with_velocity: bool = False
    with_effort: bool = False


@dataclass(frozen=True)
class Recorded:
    """One message of a recording: its topic without the leading slash, type, and content."""

    topic: str
    kind: str
    message: Any


def import_episode(recording: Path, root: Path, options: ImportOptions) -> dict[str, Any]:
    """Add a recording to a dataset as one episode, and return its account.

    Args:
        recording: MCAP file, or folder of a rosbag2 recording.
        root: Folder of the dataset; made when it does not exist, else it is gone on with.
        options: What to make of it.

    Raises:
        ConfigurationError: If a topic is missing in the recording.
        RecordingError: If no frame can be made.
    """
    robots = _robots(options.robots)
    wanted = RecordingOptions(
        root=root.absolute(), repo_id=options.repo_id, mode=RESUME if (root / "meta").is_dir() else NEW, fps=options.fps,
        robots=tuple(robots), task=options.task, units=options.units, with_velocity=options.with_velocity,
        with_effort=options.with_effort,
    )  # fmt: skip
    schema = make_schema(wanted, robots, _cameras(recording, options.cameras))
    store = wanted.open_store(schema)
    try:
        sampler = Sampler(schema, replace(wanted.sampler(None), grace=None))
        for frame in sample_recording(read_recording(recording), sampler):
            store.add(frame.values, options.task)
        if sampler.frames == 0:
            raise RecordingError(
                f"{recording} gives no frame: {', '.join(sampler.missing()) or 'it is shorter than one'}"
            )
        account = _account(recording, store.episodes, options, sampler, robots)
        store.save(account)
    finally:
        store.close()
    return account


def sample_recording(messages: Iterator[Recorded], sampler: Sampler) -> Iterator[DatasetFrame]:
    """Give the frames of recorded messages; t_0 is the first instant at which every stream has a sample.

    The end is the newest stamp of all: a frame that would end later is not made.
    """
    orders: dict[tuple[str, ...], list[int]] = {}
    waiting = set(sampler.streams)
    newest = 0
    for recorded in messages:
        stream = sampler.streams.get(recorded.topic)
        if stream is None:
            continue
        stamp = recorded.message.header.stamp.sec * SECOND + recorded.message.header.stamp.nanosec
        stream.push(stamp, _payload(recorded, sampler.schema, orders))
        newest = max(newest, stamp)
        waiting.discard(recorded.topic)
        if waiting:
            continue
        if sampler.start is None:
            _begin(sampler)
        yield from sampler.due(stamp, None)
    if sampler.start is not None:
        config = sampler.config
        sampler.config = replace(config, grace=0.0)
        yield from sampler.due(newest, newest)
        yield from sampler.due(newest + SECOND, newest)
        sampler.config = config


def read_recording(path: Path) -> Iterator[Recorded]:
    """Give the messages of a recording that a dataset can hold, in the order in which they were recorded.

    Raises:
        ConfigurationError: If it cannot be read.
    """
    types = RosTypes()
    kinds = (JOINT_STATE, JOINT_COMMAND, IMAGE)
    if path.is_file():
        yield from _read_mcap(path, types, kinds)
        return
    from rosbags.highlevel import AnyReader, AnyReaderError

    try:
        with AnyReader([path], default_typestore=types.store) as reader:
            connections = [connection for connection in reader.connections if connection.msgtype in kinds]
            for connection, _, data in reader.messages(connections=connections):
                yield Recorded(connection.topic.lstrip("/"), connection.msgtype, types.decode(data, connection.msgtype))
    except AnyReaderError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _read_mcap(path: Path, types: RosTypes, kinds: tuple[str, ...]) -> Iterator[Recorded]:
    from mcap.exceptions import McapError
    from mcap.reader import make_reader

    try:
        with path.open("rb") as file:
            for schema, channel, message in make_reader(file).iter_messages():
                if schema is not None and schema.name in kinds:
                    yield Recorded(channel.topic.lstrip("/"), schema.name, types.decode(message.data, schema.name))
    except (McapError, struct.error) as error:
        raise ConfigurationError(f"{path} is no readable MCAP file: {error}") from error


def _begin(sampler: Sampler) -> None:
    """Begin at the first instant at which every observation has a sample."""
    first = max(stream.oldest for stream in sampler.streams.values())
    sampler.begin(first, keep_counts=True)


def _payload(recorded: Recorded, schema: Schema, orders: dict[tuple[str, ...], list[int]]) -> Any:
    message = recorded.message
    if recorded.kind == IMAGE:
        return _picture(recorded)
    names = tuple(message.name if recorded.kind == JOINT_STATE else message.joint_names)
    robot = next(part for part in schema.robots if recorded.topic.startswith(part.name + "/"))
    if names not in orders:
        missing = [name for name in robot.codec.names if name not in names]
        if missing:
            raise ConfigurationError(
                f"{recorded.topic} lacks the joints {', '.join(missing)}; it has {', '.join(names)}"
            )
        orders[names] = [names.index(name) for name in robot.codec.names]
    order = orders[names]

    def pick(values: Any) -> Any:
        array = np.asarray(values, dtype=np.float64)
        return array[order] if len(array) else np.full(len(order), np.nan)

    if recorded.kind == JOINT_STATE:
        return JointSample(pick(message.position), pick(message.velocity), pick(message.effort))
    return CommandSample(pick(message.values), message.source)


def _picture(recorded: Recorded) -> Any:
    message = recorded.message
    if message.encoding not in _CHANNELS:
        raise ConfigurationError(f"{recorded.topic} is in {message.encoding}; valid: {', '.join(_CHANNELS)}")
    rows = np.asarray(message.data, dtype=np.uint8).reshape(message.height, message.step)[:, : 3 * message.width]
    return np.ascontiguousarray(rows.reshape(message.height, message.width, 3)[:, :, list(_CHANNELS[message.encoding])])


def _robots(texts: tuple[str, ...]) -> dict[str, RobotConfig]:
    robots = {}
    for text in texts:
        name, separator, reference = text.partition("=")
        if not separator or not name or not reference:
            raise ConfigurationError(f"robot '{printable(text)}' given; valid: '<name>=<robot>'")
        robots[name] = load_robot(reference)
    return robots


def _cameras(recording: Path, wanted: tuple[str, ...] | None) -> list[CameraPart]:
    """Return the cameras of a recording, with the sizes of their first pictures."""
    sizes: dict[str, tuple[int, int]] = {}
    topics = set()
    for recorded in read_recording(recording):
        topics.add(recorded.topic)
        if recorded.kind == IMAGE and recorded.topic.endswith(_SUFFIX) and "/depth/" not in recorded.topic:
            sizes.setdefault(recorded.topic[: -len(_SUFFIX)], (recorded.message.height, recorded.message.width))
    names = sorted(sizes) if wanted is None else list(wanted)
    missing = [name for name in names if name not in sizes]
    if missing:
        raise ConfigurationError(
            f"{recording} has no pictures of {', '.join(missing)}; it has {', '.join(sorted(topics))}"
        )
    return [CameraPart(name, *sizes[name]) for name in names]


def _account(
    recording: Path, episode: int, options: ImportOptions, sampler: Sampler, robots: dict[str, RobotConfig]
) -> dict[str, Any]:
    provenance = {
        **package_provenance(), "units": options.units, "clock": "stamps of the recording", "world": None,
        "audit_head": None, "imported_from": str(recording),
        "robots": {name: robot_provenance(config) for name, config in robots.items()},
    }  # fmt: skip
    return sampler.account(
        episode=episode,
        task=options.task,
        ended=sampler.instant(sampler.frames),
        began_wall=time.time(),
        provenance=provenance,
    )
