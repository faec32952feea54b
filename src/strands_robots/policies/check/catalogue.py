"""What each policy provider is for, which settings it takes, and an example: for those who choose one. No I/O."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import MappingProxyType

from pydantic import BaseModel

from strands_robots.core.errors import PolicyError, UnknownNameError
from strands_robots.policies.registry import ENTRY_POINTS, LEROBOT_TYPES, policy_names
from strands_robots.policies.settings import Setting, settings_of

CONDITIONS = (
    '{"joint": "gripper", "above": 0.1, "below": 0.5}: a joint is in a range [rad] or [m]; "quantity": "velocity" or "effort"',
    '{"body": "cube", "above_z": 0.05}: a body is higher than that in the world [m]',
    '{"body": "cube", "at": [0.2, 0.1, 0.02], "within": 0.03}: a body is near a place [m]',
    '{"body": "cube", "near": "plate", "within": 0.05}: a body is near another',
    '{"contact": ["cube", "plate"]}: two bodies touch',
    '{"time_above": 2.0}: seconds since the start',
    '{"all": [...]}, {"any": [...]}, {"not": {...}}: combinations',
    '{"holds": {...}, "for": 0.5}: without interruption [s]; stop_when and tasks only',
)
"""Forms of conditions, with examples."""


@dataclass(frozen=True)
class Entry:
    """One provider.

    Attributes:
        words: What it does.
        options: Its options as "module:class"; empty when its package does not say.
        examples: Examples of its settings, as JSON.
        needs_adapter: Whether a goal needs an adapter for it.
    """

    words: str
    options: str = ""
    examples: tuple[str, ...] = ()
    needs_adapter: bool = False


_POLICIES = "strands_robots.policies"
_REMOTE = (
    '{"host": "127.0.0.1", "port": 8000, "state": {"observation/state": ["shoulder_pan.pos"]}, '
    '"pictures": {"observation/image": [224, 224]}, "action": {"actions": ["shoulder_pan.pos"]}}'
)
_ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        "hold": Entry("Stays where the robot is.", f"{_POLICIES}.provider:PolicyOptions", ("{}",)),
        "sine": Entry(
            "Waves joints, as sums of sines.",
            f"{_POLICIES}.builtin.sine:SineOptions",
            ('{"joints": {"shoulder_pan": [{"amplitude": 0.3, "frequency": 0.5}]}}',),
        ),
        "scripted": Entry(
            "Picks an object up, lifts it or puts it down at a place or on another object; or goes through way points. Measures "
            "the outcome. A pick takes about 15 s, with putting down about 25 s.",
            f"{_POLICIES}.scripted.script_options:ScriptedOptions",
            (
                '{"model": "so101", "pick": {"object": {"body": "cube"}, "onto": "plate"}}',
                '{"model": "so101", "pick": {"object": {"body": "cube"}}}',
                '{"model": "so101", "pick": {"object": {"body": "cube"}, "place": [0.2, 0.1, 0.0125]}}',
                '{"model": "so101", "waypoints": [{"position": [0.2, 0.0, 0.1]}, {"joints": {"shoulder_pan": 0.3}}]}',
            ),
        ),
        "planned": Entry(
            "Plans a way around everything in the simulated world and plays it. Without a goal in the settings, the task's words "
            "name a state of the robot, such as home.",
            f"{_POLICIES}.builtin.planned:PlannedOptions",
            (
                '{"model": "so101", "position": [0.2, 0.1, 0.1]}',
                '{"model": "so101", "joints": {"shoulder_pan": 0.5}, "held": ["cube"]}',
            ),
        ),
        "replay": Entry(
            "Plays the actions of a recorded episode. replay_episode does the same and reports how well the robot followed.",
            f"{_POLICIES}.builtin.replay:ReplayOptions",
            ('{"root": "/path/of/the/dataset", "episode": 0}',),
        ),
        "lerobot": Entry(
            "A trained policy of LeRobot, by its folder or hub id.",
            f"{_POLICIES}.lerobot.lerobot_options:LerobotOptions",
            ('{"path": "outputs/train/act/checkpoints/last/pretrained_model"}',),
            True,
        ),
        "lerobot_server": Entry(
            "A trained policy behind LeRobot's asynchronous server.",
            f"{_POLICIES}.lerobot.server:LerobotServerOptions",
            ('{"path": "me/act_pick", "type": "act", "host": "127.0.0.1", "port": 8080}',),
            True,
        ),
        "openpi": Entry(
            "A policy behind openpi's server.", f"{_POLICIES}.remote.openpi:OpenpiOptions", (_REMOTE,), True
        ),
        "groot": Entry("A policy behind GR00T's server.", f"{_POLICIES}.remote.groot:GrootOptions", (_REMOTE,), True),
        "cosmos3": Entry(
            "A policy behind Cosmos 3's action server.",
            f"{_POLICIES}.remote.cosmos3:Cosmos3Options",
            ('{"host": "127.0.0.1", "port": 8000}',),
            True,
        ),
        "cosmos3_local": Entry(
            "Cosmos 3 in this process, by diffusers.",
            f"{_POLICIES}.cosmos3_local.policy:Cosmos3LocalOptions",
            ('{"path": "/path/of/the/pipeline", "domain": "droid_lerobot", "statistics": "none"}',),
            True,
        ),
        "vera": Entry(
            "A policy behind VERA's server.",
            f"{_POLICIES}.remote.vera_options:VeraOptions",
            ('{"embodiment": "droid", "server_mode": "attach"}',),
            True,
        ),
    }
)


@dataclass(frozen=True)
class Description:
    """A provider with its settings; without any when its package does not describe them."""

    entry: Entry
    settings: tuple[Setting, ...]


def words_of(name: str) -> str:
    """Return what a provider does, in words; `name` is one of `policy_names()`."""
    return _entry(name).words


def describe_provider(name: str) -> Description:
    """Return what a provider does and takes.

    Raises:
        UnknownNameError: If there is no such provider.
        PolicyError: If its package cannot be loaded.
    """
    if name not in policy_names():
        raise UnknownNameError("policy", name, policy_names())
    entry = _entry(name)
    options = _options(name, entry)
    return Description(entry, tuple(settings_of(options)) if options is not None else ())


def _entry(name: str) -> Entry:
    if name in LEROBOT_TYPES:
        base = _ENTRIES["lerobot"]
        return Entry(f"A trained policy of LeRobot of the kind {name}.", base.options, base.examples, True)
    return _ENTRIES.get(name, Entry("A policy of an installed package."))


def _options(name: str, entry: Entry) -> type[BaseModel] | None:
    """Return the options of a provider: of another package's, the attribute `options` of its function."""
    try:
        if entry.options:
            module, _, kind = entry.options.partition(":")
            found = getattr(importlib.import_module(module), kind)
        else:
            (point,) = (point for point in entry_points(group=ENTRY_POINTS) if point.name == name)
            found = getattr(point.load(), "options", None)
    except (ImportError, AttributeError) as error:
        raise PolicyError(f"the settings of policy '{name}' cannot be read: {error}") from error
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
