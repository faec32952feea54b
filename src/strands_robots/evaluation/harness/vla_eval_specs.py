"""What both of our ends of vla-eval say of joint positions. Needs vla-eval."""

from __future__ import annotations

from collections.abc import Sequence

from vla_eval.specs import DimSpec

from strands_robots.description.lerobot_units import Units


def joint_spec(names: Sequence[str], units: Units) -> DimSpec:
    """Return the specification of absolute joint positions in an order and in units."""
    return DimSpec("joints", len(names), f"joint_positions_{units.value}", description=", ".join(names))
