"""Safe hands for language agents and learned policies, as a ROS 2 package.

Importing this package loads nothing heavy: a public name is imported from its module when it is first used.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

# Public name -> module that defines it.
_LAZY: dict[str, str] = {
    "Robot": "strands_robots.robot.robot",
    "RobotConfig": "strands_robots.description.robot_config",
    "RobotSpec": "strands_robots.sim.world.world_config",
    "World": "strands_robots.sim.world.world",
    "WorldConfig": "strands_robots.sim.world.world_config",
    "create_policy": "strands_robots.policies.registry",
    "load_robot": "strands_robots.description.robot_config",
}

__all__ = ["Robot", "RobotConfig", "RobotSpec", "World", "WorldConfig", "__version__", "create_policy", "load_robot"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    try:
        module = _LAZY[name]
    except KeyError:
        raise AttributeError(
            f"module 'strands_robots' has no attribute '{name}'; valid: {', '.join(sorted(_LAZY))}"
        ) from None
    value: object = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too, though they are not imported yet."""
    return sorted({*globals(), *_LAZY})
