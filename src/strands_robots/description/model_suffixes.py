"""How model files are called. Imports nothing heavy, so that commands start fast."""

from __future__ import annotations

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

MODEL_FILES = (".xml", ".urdf", ".mjcf")


def is_model_file(reference: str) -> bool:
    """Return whether a robot is given by its MJCF or URDF file; capitals do not matter.

    Raises:
        ConfigurationError: If it is given by a xacro, which is a program that makes one; says how to run it.
    """
    lowered = reference.lower()
    if lowered.endswith(".xacro"):
        raise ConfigurationError(
            f"'{printable(reference)}' is a xacro, which makes a URDF; valid: the URDF that it makes: "
            "xacro robot.urdf.xacro > robot.urdf (of a ROS installation, or pip install xacro)"
        )
    return lowered.endswith(MODEL_FILES)
