"""Whether the vectors of an episode are what a policy may learn from: times, numbering, tasks, numbers, limits, motion, who commanded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.motion_check import FROZEN, start_problem
from strands_robots.dataset.schema import ACTION, STATE, Schema
from strands_robots.dataset.table import EpisodeRow, Info

TIME_TOLERANCE = 1e-4
"""LeRobot's own tolerance of timestamps [s]."""

RANGE_TOLERANCE = 0.02
"""A measured position may be this part of the joint's way outside its limits."""

LARGEST_LAG = 10
"""Frames by which the action may lead the state before that is reported."""

NOBODY = 1.0
"""How long a robot may hold because no source commands it, within an episode, before that is reported [s]."""


@dataclass
class Found:
    """What is wrong with an episode, and what a person should know of it."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lag: int | None = None


def check_vectors(data: Mapping[str, NDArray[Any]], row: EpisodeRow, info: Info, tasks: Sequence[str]) -> Found:
    """Check the vectors of an episode by themselves.

    Args:
        data: Features (N,) or (N, D).
        row: The episode.
        info: The dataset's info.
        tasks: Tasks in the order in which LeRobot counts them.
    """
    found = Found()
    found.errors += _time_problems(data, row, info)
    if tasks:
        found.errors += _task_problems(data["task_index"], row, tasks)
    for name, values in data.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            found.errors.append(f"{name} holds NaN or infinity in frame {int(np.argwhere(~np.isfinite(values))[0][0])}")
    state, action = data[STATE].astype(np.float64), data[ACTION].astype(np.float64)
    if not (np.isfinite(state).all() and np.isfinite(action).all()):
        return found
    if state.shape == action.shape:
        _check_alignment(state, action, found)
    _check_motion(state, action, info.fps, found)
    return found


def range_problems(
    account: Mapping[str, Any] | None, schema: Schema, state: NDArray[np.float64], action: NDArray[np.float64]
) -> list[str]:
    """Return the joints that were, or were told to go, outside the limits of the robot that was recorded."""
    robots = ((account or {}).get("provenance") or {}).get("robots") or {}
    found = []
    for what, vectors in (("state", state), ("action", action)):
        for name, values in schema.split(vectors).items():
            limits = (robots.get(name) or {}).get("limits") or {}
            part = next(robot for robot in schema.robots if robot.name == name)
            for i, joint in enumerate(part.codec.names):
                if joint not in limits:
                    continue
                lower, upper = limits[joint]["lower"], limits[joint]["upper"]
                margin = RANGE_TOLERANCE * (upper - lower)
                low, high = float(values[:, i].min()), float(values[:, i].max())
                if low < lower - margin or high > upper + margin:
                    found.append(
                        f"{what} of {name}/{joint} goes from {low:.4f} to {high:.4f}; its limits are {lower:.4f} to {upper:.4f}"
                    )
    return found


def account_problems(account: Mapping[str, Any] | None, row: EpisodeRow) -> list[str]:
    """Return why an episode's account, as the recorder wrote it, makes it no demonstration of anything."""
    if account is None or account.get("sources") != []:
        return []
    return [
        "no source commanded: every action is the robot holding its position; valid: a policy, a hand or a motion that moves it"
    ]


def account_warnings(account: Mapping[str, Any] | None, row: EpisodeRow, fps: int) -> list[str]:
    """Return what the recorder noted of an episode that a person should know."""
    if account is None:
        return []
    found = []
    for topic, count in (account.get("streams") or {}).items():
        bad = [f"{count[name]} {name}" for name in ("lost", "stale", "late") if count.get(name)]
        if bad:
            found.append(f"{topic}: {', '.join(bad)}")
    if account.get("dropped"):
        found.append(f"{account['dropped']} frames were dropped for stale streams")
    for first, last in account.get("uncommanded") or []:
        if last - first + 1 >= NOBODY * fps and account.get("sources"):
            found.append(
                f"no source commanded in frames {first} to {last} of {row.length}: the action is the robot holding still"
            )
    return found


def longest_repeat(values: NDArray[Any]) -> int:
    """Return the longest run of equal rows."""
    longest = current = 1
    for same in (values[1:] == values[:-1]).all(axis=1):
        current = current + 1 if same else 1
        longest = max(longest, current)
    return longest


def _time_problems(data: Mapping[str, NDArray[Any]], row: EpisodeRow, info: Info) -> list[str]:
    found = []
    times = data["timestamp"].astype(np.float64).reshape(-1)
    wanted = np.arange(row.length) / info.fps
    # A time that is no number must not pass for one that fits.
    if not (np.abs(times - wanted) <= TIME_TOLERANCE).all():
        worst = int((~(np.abs(times - wanted) <= TIME_TOLERANCE)).argmax())
        worst = int(np.abs(times - wanted).argmax()) if np.isfinite(times).all() else worst
        found.append(
            f"frame {worst} is at {times[worst]:.6f} s; {info.fps} frames a second put it at {wanted[worst]:.6f} s"
        )
    if not (data["frame_index"].reshape(-1) == np.arange(row.length)).all():
        found.append("frame_index is not 0, 1, 2, ...")
    if not (data["index"].reshape(-1) == np.arange(row.start, row.start + row.length)).all():
        found.append(f"index does not run from {row.start} to {row.start + row.length - 1}")
    return found


def _task_problems(indices: NDArray[Any], row: EpisodeRow, tasks: Sequence[str]) -> list[str]:
    used = sorted({int(index) for index in indices.reshape(-1)})
    unknown = [index for index in used if not 0 <= index < len(tasks)]
    if unknown:
        return [f"task_index {unknown[0]} has no task; valid: 0 to {len(tasks) - 1}"]
    if {tasks[index] for index in used} != set(row.tasks):
        named = ", ".join(f"'{tasks[index]}'" for index in used)
        return [f"its frames are of the task {named}; the table of episodes says {', '.join(map(repr, row.tasks))}"]
    return []


def _check_alignment(state: NDArray[np.float64], action: NDArray[np.float64], found: Found) -> None:
    found.lag = _lag(state, action)
    moves = len(state) >= 10 and np.ptp(state, axis=0).max() > 1e-3
    if found.lag is not None and found.lag < 0:
        found.errors.append(
            f"the state leads the action by {-found.lag} frames: action_k must be the answer to observation_k"
        )
    elif moves and np.array_equal(state, action):
        found.errors.append(
            "the action is the state of the same frame: no source commanded it, and a policy would learn to stand still"
        )
    elif found.lag is not None and found.lag > LARGEST_LAG:
        found.warnings.append(f"the state follows the action after {found.lag} frames")
    elif moves:
        for shift in range(1, min(LARGEST_LAG, len(state) // 2) + 1):
            if np.array_equal(action[:-shift], state[shift:]):
                found.warnings.append(
                    f"the action is the state of {shift} frames later: it was measured, not commanded"
                )
                break


def _check_motion(state: NDArray[np.float64], action: NDArray[np.float64], fps: int, found: Found) -> None:
    repeat = longest_repeat(state)
    if repeat >= FROZEN and np.ptp(action, axis=0).max() > 0 and _moves(action, repeat):
        found.warnings.append(f"the state does not change for {repeat} frames while the action does")
    problem = start_problem(state, action, fps)
    if problem:
        found.warnings.append(problem)


def _lag(state: NDArray[np.float64], action: NDArray[np.float64]) -> int | None:
    """Return by how many frames the state follows the action: the shift at which they differ least.

    None where that says nothing: an episode that is short, or a robot that hardly moved.
    """
    length = len(state)
    if length < 4 * LARGEST_LAG or np.ptp(action, axis=0).max() < 1e-3:
        return None
    span = 2 * LARGEST_LAG
    core = action[span : length - span] if length > 3 * span else action[LARGEST_LAG : length - LARGEST_LAG]
    begin = span if length > 3 * span else LARGEST_LAG
    reach = min(begin, span)
    costs = {
        shift: float(np.abs(state[begin + shift : begin + shift + len(core)] - core).mean())
        for shift in range(-reach, reach + 1)
    }
    best = min(costs, key=lambda shift: (costs[shift], abs(shift)))
    if costs[best] > 0.9 * costs[0]:
        return 0
    return best


def _moves(action: NDArray[np.float64], window: int) -> bool:
    return bool(len(action) > window and np.abs(action[window:] - action[:-window]).max() > 1e-3)
