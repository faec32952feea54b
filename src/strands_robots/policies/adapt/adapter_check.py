"""The check of an adapter against a model and a robot, before anything moves. Every mismatch is named with both lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from strands_robots.core.errors import AdapterError
from strands_robots.core.text import printable
from strands_robots.core.types import Element, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.adapter import Adapter, BodyAdapter, ElementAdapter
from strands_robots.policies.adapt.adapter_units import check_action_units, check_state_units, executed


def check_adapter(
    adapter: Adapter,
    needs: PolicyNeeds,
    gives: PolicyGives,
    joint_names: Iterable[str],
    cameras: Mapping[str, tuple[int, int]] | None,
    task: str | None = None,
) -> None:
    """Return if model, adapter and robot fit.

    Args:
        adapter: The adapter.
        needs: What the model must be given.
        gives: What it answers.
        joint_names: The robot's joints.
        cameras: The robot's cameras with their height and width [px], (0, 0) where not known; None when nothing is known.
        task: The task in words; None leaves it unchecked.

    Raises:
        AdapterError: If anything does not fit; the message has every mismatch, with what is needed and what is there.
    """
    joints = tuple(joint_names)
    problems = [
        *_elements("state", needs.state, adapter.state_elements),
        *_joints("state", tuple(e for e in adapter.state if isinstance(e, ElementAdapter)), joints),
        *check_state_units(adapter),
        *_elements("environment", needs.environment, adapter.environment),
        *_pictures(adapter, needs, cameras),
        *_action(adapter, gives, joints),
    ]
    if adapter.start == "short" and not needs.takes_short:
        problems.append(
            f"start: the adapter says short, the policy takes {needs.history} frames at once; valid: repeat"
        )
    if needs.language and task is not None and not task.strip():
        problems.append("the policy needs the task in words; the goal gives none")
    if gives.rate == 0.0 and adapter.rate == 0.0:
        problems.append("neither the policy nor the adapter says a rate; valid: 'rate' in the adapter, in Hz")
    if problems:
        raise AdapterError("; ".join(problems))


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(printable(name) for name in names) + "]"


def _with_units(elements: Iterable[Element | ElementAdapter | BodyAdapter]) -> str:
    return _list(f"{element.name} ({element.unit})" if element.unit else element.name for element in elements)


def _elements(
    kind: str, wanted: tuple[Element, ...], given: tuple[Element | ElementAdapter | BodyAdapter, ...]
) -> list[str]:
    names_fit = [element.name for element in wanted] == [element.name for element in given]
    units_fit = names_fit and all(not w.unit or w.unit == g.unit for w, g in zip(wanted, given))
    if units_fit:
        return []
    return [f"{kind}: the policy has {_with_units(wanted)}, the adapter {_with_units(given)}"]


def _joints(kind: str, given: tuple[ElementAdapter, ...], joints: tuple[str, ...]) -> list[str]:
    unknown = [element.joint for element in given if element.joint not in joints]
    return [f"{kind}: the adapter names joints {_list(unknown)}, the robot has {_list(joints)}"] if unknown else []


def _pictures(adapter: Adapter, needs: PolicyNeeds, cameras: Mapping[str, tuple[int, int]] | None) -> list[str]:
    problems = []
    given = {*adapter.cameras, *adapter.absent_cameras}
    if given != set(needs.cameras):
        wanted = (f"{key} (optional)" if need.is_optional else key for key, need in needs.cameras.items())
        there = [*adapter.cameras, *(f"{key} (absent)" for key in adapter.absent_cameras)]
        problems.append(f"cameras: the policy has {_list(wanted)}, the adapter {_list(there)}")
    needed = [key for key in adapter.absent_cameras if key in needs.cameras and not needs.cameras[key].is_optional]
    if needed:
        optional = [key for key, need in needs.cameras.items() if need.is_optional]
        problems.append(
            f"cameras: the adapter leaves out {_list(needed)}, the policy can do without {_list(optional)} only"
        )
    if cameras is None:
        return problems
    unknown = [entry.camera for entry in adapter.cameras.values() if entry.camera not in cameras]
    if unknown:
        problems.append(f"cameras: the adapter names {_list(unknown)}, the robot has {_list(cameras)}")
    for key, entry in adapter.cameras.items():
        need, size = needs.cameras.get(key), cameras.get(entry.camera, (0, 0))
        if need is None or 0 in size or entry.resize != "exact" or need.height == 0:
            continue
        if (need.height, need.width) != size:
            problems.append(
                f"cameras: '{key}' is {need.height}x{need.width}, '{entry.camera}' takes {size[0]}x{size[1]} (height x "
                "width); valid: resize 'stretch' or 'pad', or a camera of that size"
            )
    return problems


def _action(adapter: Adapter, gives: PolicyGives, joints: tuple[str, ...]) -> list[str]:
    problems = []
    names = {element.name for element in gives.action}
    unknown = [name for name in adapter.ignored if name not in names]
    if unknown:
        problems.append(f"ignored: the adapter names {_list(unknown)}, the policy has {_with_units(gives.action)}")
    wanted = executed(gives.action, adapter.ignored)
    if not gives.space.is_of_tool:
        problems += _elements("action", wanted, adapter.action)
        problems += _joints("action", adapter.action, joints)
        if adapter.end_effector is not None:
            problems.append(f"action: the policy's space is {gives.space.value}, the adapter has end_effector")
        if not adapter.action:
            problems.append(f"action: the adapter names no element, the policy has {_with_units(wanted)}")
        return problems + check_action_units(adapter, gives)
    if adapter.action or adapter.end_effector is None:
        return [
            f"action: the policy's space is {gives.space.value} with {_with_units(wanted)}, the adapter has no end_effector"
        ]
    effector = adapter.end_effector
    if sorted(element.name for element in wanted) != sorted(effector.names):
        problems.append(f"action: the policy has {_with_units(wanted)}, end_effector {_list(effector.names)}")
    if effector.gripper is not None and effector.gripper.joint not in joints:
        problems.append(
            f"action: the adapter names joints {_list([effector.gripper.joint])}, the robot has {_list(joints)}"
        )
    return problems
