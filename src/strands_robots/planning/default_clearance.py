"""The distance that a plan keeps where none is asked for: the larger one that there is a way with. No I/O.

Measured arms are beside the curve that was checked: servos follow later, each joint by its own time, and gravity pulls. At full speed the
simulated SO-101 came up to 5 mm nearer to things than planned, the Panda up to 9 mm; at 2 mm some touched (docs/reference/planning.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from strands_robots.core.errors import MotionError
from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import DEFAULT_CLEARANCE

DEFAULT_CLEARANCES = (0.01, DEFAULT_CLEARANCE)
"""Distances that are tried one after the other where none is asked for [m]."""

FIRST_ITERATIONS = 2000
"""Most iterations of a search while a smaller distance is left to try: an easy way is found in fewer."""

_TOO_NEAR = ("collision", "no_path", "unreachable")


def widest_plan(clearances: Sequence[float], iterations: int, make: Callable[[float, int], Plan]) -> Plan:
    """Return the plan with the first distance that gives a whole one.

    Args:
        clearances: Distances to try in this order [m].
        iterations: Most iterations of a search.
        make: Makes a plan that keeps a distance, within some iterations.

    Raises:
        MotionError: That of the last distance.
    """
    *wider, last = clearances
    for clearance in wider:
        try:
            plan = make(clearance, min(iterations, FIRST_ITERATIONS))
        except MotionError as error:
            if error.reason not in _TOO_NEAR:
                raise
            continue
        if plan.fraction >= 1.0:  # part of a line, where all of it may be had nearer to things
            return plan
    return make(last, iterations)
