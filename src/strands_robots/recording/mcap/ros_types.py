"""The messages of a recording without a ROS installation: definitions, and CDR both ways, by the library rosbags."""

from __future__ import annotations

from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory

JOINT_STATE = "sensor_msgs/msg/JointState"
IMAGE = "sensor_msgs/msg/Image"
JOINT_COMMAND = "strands_robots/msg/JointCommand"


class RosTypes:
    """Types of ROS 2 Jazzy and JointCommand.

    Raises:
        ConfigurationError: If rosbags is not installed.
    """

    def __init__(self) -> None:
        try:
            from rosbags.typesys import Stores, get_types_from_msg, get_typestore
        except ImportError as error:
            raise ConfigurationError(f"rosbags is not installed here; valid: make setup-learning ({error})") from error
        self.store = get_typestore(Stores.ROS2_JAZZY)
        text = (share_directory() / "msg" / "JointCommand.msg").read_text(encoding="utf-8")
        self.store.register(get_types_from_msg(text, JOINT_COMMAND))

    def make(self, kind: str, **fields: Any) -> Any:
        """Return a message."""
        return self.store.types[kind](**fields)

    def header(self, stamp: int, frame_id: str = "") -> Any:
        """Return a header of a stamp [ns]."""
        sec, nanosec = divmod(stamp, 1_000_000_000)
        time = self.make("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
        return self.make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)

    def encode(self, message: Any, kind: str) -> bytes:
        """Return a message as CDR."""
        return bytes(self.store.serialize_cdr(message, kind))

    def decode(self, data: bytes, kind: str) -> Any:
        """Return the message in CDR data."""
        return self.store.deserialize_cdr(data, kind)

    def definition(self, kind: str) -> str:
        """Return the text of a type with all that it contains, as MCAP wants it."""
        return str(self.store.generate_msgdef(kind, ros_version=2)[0])
