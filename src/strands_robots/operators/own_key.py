"""Where an operator's private key is when none is named."""

from __future__ import annotations

import os
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.ros_home import ros_home

KEY_VARIABLE = "STRANDS_ROBOTS_OPERATOR_KEY"
"""Environment variable with the path of the operator's private key."""


def default_folder() -> Path:
    """Return the folder of private keys where none is given."""
    return operators_home() / "operator_keys"


def operators_home() -> Path:
    """Return the folder of keys and keyring: strands_robots in $ROS_HOME or ~/.ros."""
    return ros_home() / "strands_robots"


def find_key(given: Path | None) -> Path:
    """Return the operator's private key: the given one, else $STRANDS_ROBOTS_OPERATOR_KEY, else the only one in the
    folder.

    Raises:
        ConfigurationError: If there is none, or several.
    """
    from strands_robots.operators.operator_key import KEY_SUFFIX  # Loads the cryptography library.

    named = given or os.environ.get(KEY_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    found = sorted(default_folder().glob(f"*{KEY_SUFFIX}"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ConfigurationError(
            f"no single operator key in '{default_folder()}' ({names}); valid: --key PATH, ${KEY_VARIABLE}, or "
            "`strands-robots keys create NAME`"
        )
    return found[0]
