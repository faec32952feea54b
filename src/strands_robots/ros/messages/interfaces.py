"""Types by their names: any installed message, service or action."""

from __future__ import annotations

import importlib
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.interface_files import full_name


def load_interface(given: str, kind: str) -> Any:
    """Return the class of an interface.

    Args:
        given: "std_srvs/srv/Trigger" or "std_srvs/Trigger".
        kind: "msg", "srv" or "action".

    Raises:
        UnknownNameError: If it is not installed.
        ConfigurationError: If it is, but its Python cannot be imported.
    """
    package, _, name = full_name(given, kind).split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{package}/{kind}/{name} is installed, but its Python cannot be imported: {error}; "
            "source the setup.bash of the workspace that built it"
        ) from error


def type_name(message: Any) -> str:
    """Return the name of a message's type, as "sensor_msgs/JointState"; parts of services keep their suffix."""
    kind = message if isinstance(message, type) else type(message)
    return f"{kind.__module__.split('.')[0]}/{kind.__name__}"
