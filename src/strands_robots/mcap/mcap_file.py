"""Writes messages as an MCAP file with ROS 2 schemas."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcap.writer import CompressionType, Writer

from strands_robots.mcap.message import Message


@dataclass(frozen=True)
class McapSummary:
    """A file that was written.

    Attributes:
        path: The file.
        sha256: Hash of its content, hex.
        size: Its size [bytes].
        messages: Messages by topic.
        began_ns: Stamp of the first message [ns]; 0 when there is none.
        ended_ns: Stamp of the last message [ns]; 0 when there is none.
    """

    path: Path
    sha256: str
    size: int
    messages: Mapping[str, int]
    began_ns: int
    ended_ns: int


def write_mcap(
    path: Path, messages: Iterable[Message], types: Mapping[str, str], definition: Callable[[str], str]
) -> McapSummary:
    """Write a file, whole or not at all: it gets its name once it is on the disk.

    Args:
        path: The file; its folder is made when missing. Nothing in its place is overwritten.
        messages: What to write.
        types: Type of each topic, for example "sensor_msgs/msg/JointState". Messages of other topics are left out.
        definition: Gives the definition of a type, as `message_definition`.

    Raises:
        OSError: If it cannot be written.
        ConfigurationError: If a type is not known.

    Source: https://mcap.dev/spec, profile "ros2".
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    counts: Counter[str] = Counter()
    stamps: list[int] = []
    try:
        with open(descriptor, "w+b") as file:
            writer = Writer(file, compression=CompressionType.ZSTD)
            writer.start(profile="ros2", library="strands_robots")
            channels = _Channels(writer, types, definition)
            for message in messages:
                channel = channels.of(message.topic)
                if channel is None:
                    continue
                number = counts[message.topic]
                writer.add_message(channel, message.stamp_ns, message.data, message.stamp_ns, number)
                counts[message.topic] += 1
                stamps.append(message.stamp_ns)
            writer.finish()  # type: ignore[no-untyped-call]
            file.flush()
            os.fsync(file.fileno())
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            digest = hashlib.sha256()
            while data := file.read(1 << 20):
                digest.update(data)
        os.link(temporary, path)  # Unlike rename, never replaces a file.
    finally:
        temporary.unlink(missing_ok=True)
    return McapSummary(path, digest.hexdigest(), size, dict(counts), min(stamps, default=0), max(stamps, default=0))


class _Channels:
    """Registers a schema for each type and a channel for each topic when it is first seen."""

    def __init__(self, writer: Writer, types: Mapping[str, str], definition: Callable[[str], str]) -> None:
        self._writer = writer
        self._types = types
        self._definition = definition
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def of(self, topic: str) -> int | None:
        type_name = self._types.get(topic)
        if type_name is None:
            return None
        if type_name not in self._schemas:
            data = self._definition(type_name).encode()
            self._schemas[type_name] = self._writer.register_schema(type_name, "ros2msg", data)
        if topic not in self._channels:
            schema = self._schemas[type_name]
            self._channels[topic] = self._writer.register_channel(topic, "cdr", schema)
        return self._channels[topic]
