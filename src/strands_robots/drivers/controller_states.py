"""Whether a controller_manager's controllers can be used. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strands_robots.drivers.driver import DriverError

CONTROLLER_ACTIVE, CONTROLLER_INACTIVE = "active", "inactive"


def check_states(states: Mapping[str, str], names: Sequence[str], may_be_inactive: bool) -> None:
    """Refuse controllers that are not loaded or not ready.

    Args:
        states: State of each loaded controller by name, as list_controllers says it.
        names: Those that are wanted.
        may_be_inactive: Whether an inactive one will do, because it is activated later.

    Raises:
        DriverError: If one is missing or in another state.
    """
    loaded = ", ".join(f"{name} ({state})" for name, state in sorted(states.items())) or "none"
    usable = (CONTROLLER_ACTIVE, CONTROLLER_INACTIVE) if may_be_inactive else (CONTROLLER_ACTIVE,)
    for name in names:
        state = states.get(name)
        if state is None:
            raise DriverError(f"controller '{name}' is not loaded; loaded: {loaded}")
        if state not in usable:
            raise DriverError(
                f"controller '{name}' is {state}; valid: {' or '.join(usable)} (ros2 control switch_controllers --activate {name}, "
                "or `switch: true` in the controllers' file); loaded: " + loaded
            )
