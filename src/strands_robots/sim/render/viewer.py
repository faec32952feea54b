"""MuJoCo's own viewer on the running world; needs a screen."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.sim.world.world import World


def require_screen() -> None:
    """Refuse to go on where no window can be opened; before threads are made, which would abort the process at such an end.

    Raises:
        ConfigurationError: If the viewer cannot be loaded, or there is no screen.
    """
    try:
        import glfw

        importlib.import_module("mujoco.viewer")
    except (ImportError, AttributeError, OSError) as error:
        raise ConfigurationError(f"the viewer cannot be loaded: {error}; valid: headless:=true") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glfw warns of what is said here
        found = glfw.init()
    if not found:
        raise ConfigurationError(
            "headless is false, and the viewer found no screen; valid: headless:=true, or a DISPLAY"
        )


class Viewer:
    """A window on the world. It looks; it does not change the physics.

    Args:
        world: The world; must not be recompiled while it is watched.

    Raises:
        ConfigurationError: If no window can be opened.
    """

    def __init__(self, world: World) -> None:
        require_screen()
        import mujoco.viewer

        self._world = world
        self._handle: Any = mujoco.viewer.launch_passive(
            world.model, world.data, show_left_ui=False, show_right_ui=False
        )

    def show(self) -> None:
        """Draw the present state; about 30 times a second."""
        if self._handle.is_running():
            with self._world.lock:
                self._handle.sync()

    def close(self) -> None:
        """Close the window."""
        self._handle.close()
