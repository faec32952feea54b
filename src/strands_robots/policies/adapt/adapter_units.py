"""The part of an adapter's check that is about units and modes: a number that is no velocity is never played as one. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from strands_robots.core.types import ActionSpace, Element, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.adapter import Adapter, ElementAdapter, JointMode
from strands_robots.policies.adapt.units import EFFORTS, PLACES, SPEEDS, quantity_of

MODES: Mapping[ActionSpace, JointMode] = MappingProxyType(
    {
        ActionSpace.JOINT_POSITION: "position",
        ActionSpace.JOINT_VELOCITY: "velocity",
        ActionSpace.JOINT_DELTA: "delta",
        ActionSpace.JOINT_RELATIVE: "relative",
    }
)
"""Space of a model -> what each of its numbers is, where the adapter says nothing else."""

_OF_MODE = {"position": PLACES, "velocity": SPEEDS, "delta": PLACES - {"span"}, "relative": PLACES - {"span"}}
_OF_QUANTITY = {"position": PLACES, "velocity": SPEEDS, "effort": EFFORTS}
_VALID = {
    "position": "an angle, a length, or a unit with ends",
    "velocity": "a speed, such as rad/s or '0.2 rad per 1/15 s'; for another kind of number: mode",
    "delta": "an angle or a length",
    "relative": "an angle or a length",
    "effort": "Nm or N",
}


def mode_of(element: ElementAdapter, space: ActionSpace) -> JointMode:
    """Return what a number of an action in a joint space is."""
    return element.mode if element.mode is not None else MODES[space]


def check_action_units(adapter: Adapter, gives: PolicyGives) -> list[str]:
    """Return what of an action in a joint space does not fit: numbers whose unit does not measure what their mode says."""
    problems = []
    for element in adapter.action:
        mode = mode_of(element, gives.space)
        if quantity_of(element.unit) not in _OF_MODE[mode]:
            why = "the adapter's mode" if element.mode is not None else f"the policy's space is {gives.space.value}"
            problems.append(
                f"action: '{element.name}' is a {mode} ({why}), and the adapter has {element.unit}; valid: {_VALID[mode]}"
            )
    return problems


def check_state_units(adapter: Adapter) -> list[str]:
    """Return what of the state does not fit: numbers whose unit does not measure their quantity."""
    return [
        f"state: '{entry.name}' is the {entry.quantity} of '{entry.joint}', and the adapter has {entry.unit}; "
        f"valid: {_VALID[entry.quantity]}"
        for entry in adapter.state
        if isinstance(entry, ElementAdapter) and quantity_of(entry.unit) not in _OF_QUANTITY[entry.quantity]
    ]


def unchecked_elements(adapter: Adapter, needs: PolicyNeeds, gives: PolicyGives) -> tuple[str, ...]:
    """Return the elements whose unit only the adapter says: the policy declares none, so that nothing can be compared."""
    skipped = set(adapter.ignored)
    return tuple(
        f"{kind} '{element.name}'"
        for kind, elements in (("state", needs.state), ("action", gives.action))
        for element in elements
        if not element.unit and element.name not in skipped
    )


def executed(elements: Iterable[Element], ignored: Iterable[str]) -> tuple[Element, ...]:
    """Return the elements of a model's action that are executed."""
    skipped = set(ignored)
    return tuple(element for element in elements if element.name not in skipped)
