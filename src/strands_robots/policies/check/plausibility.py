"""Whether a checkpoint's statistics, pushed through the adapter, can be of this robot: units, order and signs. ROS-free; no I/O.

The rules, of which each has numbers that a healthy checkpoint does not reach (docs/how_to/run_a_policy.md explains them):

1. Low and high lie within the joint's limits, widened by `margin` of its way.
2. With mean and standard deviation alone: no distribution within [a, b] has a variance above (b - mean)(mean - a).
3. In degrees no joint ever leaves -3.5 to 3.5: those are radians.
4. What the model is told of a joint (state) and what it commands (action) overlap, or are near.
5. An element that bears the name of one joint is not given to another.

Source of 2: Bhatia and Davis 2000, "A Better Bound on the Variance".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, PolicyError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits
from strands_robots.policies.adapt.adapter import Adapter, ElementAdapter
from strands_robots.policies.adapt.adapter_tool import ToolStateAdapter
from strands_robots.policies.check.statistics import ModelStatistics, VectorStatistics

STRICT = 0.5
"""Part of the margin that numbers of a unit with ends, which are clipped where they are recorded, and rule 2 get."""

APART = 2.5
"""Margins that state and action of one joint may be apart."""

LARGEST_IN_RADIANS = 3.5
FEWEST_IN_DEGREES = 3

SHOWN = 6
DEGREE = math.pi / 180.0
_ANGLES = ("rad", "deg")


@dataclass(frozen=True)
class _Joint:
    """One element on its joint: limits and what the statistics say of it, in SI."""

    element: ElementAdapter
    lower: float
    upper: float
    low: float
    high: float
    mean: float | None
    std: float | None
    has_ends: bool

    @property
    def way(self) -> float:
        return self.upper - self.lower


def check_statistics(statistics: ModelStatistics, adapter: Adapter, limits: JointLimits) -> None:
    """Return if the statistics can be of this robot through this adapter.

    Args:
        statistics: The model's own.
        adapter: Checked against the model.
        limits: The robot's, in SI.

    Raises:
        AdapterError: If not; the message has joint, range after the adapter, and limits.
    """
    problems = []
    joints: dict[str, dict[str, _Joint]] = {}
    for kind, vector, (elements, length) in (
        ("state", statistics.state, _on_columns(adapter.state)), ("action", statistics.action, _on_columns(adapter.action)),
    ):  # fmt: skip
        problems += _names(kind, elements.values(), limits)
        if vector is None or len(vector) < length:
            continue
        found = list(_on_joints(vector, elements, limits))
        joints[kind] = {each.element.joint: each for each in found}
        problems += [_outside(kind, each) for each in found if not _fits(each, statistics.margin)]
        problems += _radians(kind, vector, elements)
    if not problems and len(joints) == 2:
        problems = _apart(joints["state"], joints["action"], APART * statistics.margin)
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise AdapterError(
            f"the checkpoint's own statistics do not fit the robot through the adapter: {'; '.join(problems[:SHOWN])}{more}; valid: "
            "an adapter with the order, units and ends of the training data, or statistics_margin above "
            f"{statistics.margin:g} in the policy's config where they are right all the same"
        )


def check_reach(values: FloatArray, names: tuple[str, ...], limits: JointLimits) -> None:
    """Return if a policy's answer is near the robot's limits: for servers too, whose statistics are not known here.

    Args:
        values: Positions (H, D) of the joints `names`, in SI.
        names: Joints.
        limits: The robot's.

    Raises:
        PolicyError: If a value is further outside than the joint's whole way: no policy that was trained on this robot answers it, in
            whatever situation. Nearer ones are the gate's affair.
    """
    for column, name in enumerate(names):
        place = limits.index.get(name)
        if place is None:
            continue
        lower, upper = float(limits.lower[place]), float(limits.upper[place])
        way = upper - lower
        low, high = float(values[:, column].min()), float(values[:, column].max())
        if math.isfinite(way) and (low < lower - way or high > upper + way):
            raise PolicyError(
                f"the policy answered {low:.4g} to {high:.4g} for joint '{name}', limits {lower:.3g} to {upper:.3g}: units or order of the "
                "adapter are not those of its training data; valid: an adapter that says them"
            )


def _on_columns(entries: Iterable[object]) -> tuple[dict[int, ElementAdapter], int]:
    """Return the elements that are joints by their column in the vector, and the vector's length; tool poses and constants are none."""
    found: dict[int, ElementAdapter] = {}
    column = 0
    for entry in entries:
        if isinstance(entry, ElementAdapter):
            found[column] = entry
        column += len(entry.names) if isinstance(entry, ToolStateAdapter) else 1
    return found, column


def _on_joints(
    vector: VectorStatistics, elements: Mapping[int, ElementAdapter], limits: JointLimits
) -> Iterable[_Joint]:
    """Give the elements that are positions of joints with limits."""
    for i, element in elements.items():
        place = limits.index.get(element.joint)
        span = vector.span(i)
        if place is None or span is None or element.quantity != "position":
            continue
        lower, upper = float(limits.lower[place]), float(limits.upper[place])
        if not math.isfinite(upper - lower):
            continue
        scale, offset = element.scale_and_offset()
        low, high = sorted(scale * number + offset for number in span)
        has_moments = vector.mean is not None and vector.std is not None
        mean = scale * float(vector.mean[i]) + offset if has_moments else None  # type: ignore[index]
        std = abs(scale) * float(vector.std[i]) if has_moments else None  # type: ignore[index]
        yield _Joint(element, lower, upper, low, high, mean, std, vector.low is not None)


def _fits(joint: _Joint, margin: float) -> bool:
    if joint.has_ends and not _is_inside(joint, margin):
        return False
    if joint.mean is None or joint.std is None:
        return True
    room = STRICT * margin * joint.way
    above, below = joint.upper + room - joint.mean, joint.mean - joint.lower + room
    return above >= 0.0 and below >= 0.0 and joint.std**2 <= above * below


def _is_inside(joint: _Joint, margin: float) -> bool:
    room = margin * joint.way
    if joint.low < joint.lower - room or joint.high > joint.upper + room:
        return False
    if joint.element.ends is None:
        return True
    low, high = sorted(joint.element.ends)
    room = STRICT * margin * (high - low)
    return low - room <= joint.low and joint.high <= high + room


def _outside(kind: str, joint: _Joint) -> str:
    element = joint.element
    moments = "" if joint.mean is None else f", mean {joint.mean:.3g}, standard deviation {joint.std:.3g}"
    return (
        f"{kind} '{printable(element.name)}' ({element.unit}) on joint '{element.joint}': {joint.low:.3g} to {joint.high:.3g}"
        f"{moments}, limits {joint.lower:.3g} to {joint.upper:.3g}{_guess(joint)}"
    )


def _guess(joint: _Joint) -> str:
    """Return what the numbers look like, where that is plain."""
    if joint.element.unit == "rad" and joint.high - joint.low > 2.0 * joint.way:
        fits = joint.lower - joint.way < joint.low * DEGREE and joint.high * DEGREE < joint.upper + joint.way
        return " (they look like degrees, or a range of 0 to 100)" if fits else ""
    return ""


def _radians(kind: str, vector: VectorStatistics, elements: Mapping[int, ElementAdapter]) -> list[str]:
    """Return rule 3's problem, if any."""
    spans = [(e, vector.span(i)) for i, e in elements.items() if e.unit == "deg" and e.quantity == "position"]
    known = [(element, span) for element, span in spans if span is not None]
    if len(known) < FEWEST_IN_DEGREES or vector.is_placeholder():
        return []
    largest = max(abs(number) for _, span in known for number in span)
    if largest > LARGEST_IN_RADIANS or largest == 0.0:
        return []
    names = ", ".join(f"'{element.joint}' {span[0]:.3g} to {span[1]:.3g}" for element, span in known[:SHOWN])
    return [
        f"{kind}: in degrees no joint would ever have moved more than {largest:.2g} from zero: {names} (they look like radians)"
    ]


def _apart(state: dict[str, _Joint], action: dict[str, _Joint], share: float) -> list[str]:
    """Return rule 4's problems. Grippers are left out: one that holds a thing is commanded far beyond where it is."""
    problems = []
    for name in (name for name in action if name in state):
        told, commanded = state[name], action[name]
        gap = max(told.low, commanded.low) - min(told.high, commanded.high)
        if gap > share * told.way and told.element.unit in _ANGLES and commanded.element.unit in _ANGLES:
            problems.append(
                f"joint '{name}' was at {told.low:.3g} to {told.high:.3g} (state '{printable(told.element.name)}') and commanded to "
                f"{commanded.low:.3g} to {commanded.high:.3g} (action '{printable(commanded.element.name)}'), limits "
                f"{told.lower:.3g} to {told.upper:.3g}"
            )
    return problems


def _names(kind: str, elements: Iterable[ElementAdapter], limits: JointLimits) -> list[str]:
    """Return rule 5's problems."""
    problems = []
    for element in elements:
        named = next((part for part in (element.name, element.name.rpartition(".")[0]) if part in limits.index), "")
        if named and named != element.joint:
            problems.append(
                f"{kind} '{printable(element.name)}' is given to joint '{element.joint}', the robot has '{named}'"
            )
    return problems
