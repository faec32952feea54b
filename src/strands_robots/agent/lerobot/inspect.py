"""What LeRobot's own parser makes of the options of its commands. Runs in a process of its own: LeRobot takes seconds to import.

python -m strands_robots.agent.lerobot.inspect (options|resolve) COMMAND [ARGUMENT...]

`options` prints every option of the command with type and default, for the types that the arguments choose; `resolve` prints the
whole configuration that LeRobot makes of the arguments. One line of JSON on the standard output; what LeRobot says is on the error
output, and the exit code is not 0 when it refuses.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

CONFIGS: Mapping[str, tuple[str, str]] = {
    "train": ("lerobot.configs.train", "TrainPipelineConfig"),
    "eval": ("lerobot.configs.eval", "EvalPipelineConfig"),
    "edit_dataset": ("lerobot.scripts.lerobot_edit_dataset", "EditDatasetConfig"),
    "annotate": ("lerobot.annotations.steerable_pipeline.config", "AnnotationPipelineConfig"),
    "calibrate": ("lerobot.scripts.lerobot_calibrate", "CalibrateConfig"),
    "record": ("lerobot.scripts.lerobot_record", "RecordConfig"),
}
"""Module and class of each command's configuration."""


def main() -> int:
    """Print what is asked for."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Whatever LeRobot prints while it is imported is no answer.
    what, command, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    kind = _config_class(command)
    answer = dict(_options(kind, arguments)) if what == "options" else _resolve(kind, command, arguments)
    json.dump(answer, output, default=str)
    output.flush()
    return 0


def _config_class(command: str) -> type:
    for module in ("lerobot.policies", "lerobot.envs"):  # They register the types to choose from.
        importlib.import_module(module)
    try:
        from lerobot.utils.import_utils import register_third_party_plugins
    except ImportError:
        pass  # LeRobot 0.4 has none.
    else:
        register_third_party_plugins()
    module, name = CONFIGS[command]
    found: type = getattr(importlib.import_module(module), name)
    return found


def _resolve(kind: type, command: str, arguments: list[str]) -> dict[str, Any]:
    """Return the configuration with dotted names, made as the command itself makes it."""
    import draccus
    from lerobot.configs import parser

    def take(config: Any) -> Any:
        return config

    take.__annotations__["config"] = kind
    sys.argv = [f"lerobot-{command}", *arguments]
    config = parser.wrap()(take)()
    if hasattr(config, "validate"):
        config.validate()
    return dict(_flat(draccus.encode(config), ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _options(kind: type, arguments: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name of each option with its type, default or valid values."""
    chosen = dict(word[2:].split("=", 1) for word in arguments if word.startswith("--") and "=" in word)
    yield from _fields(kind, "", chosen)


def _fields(kind: type, prefix: str, chosen: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    try:
        hints = typing.get_type_hints(kind)
    except NameError:  # A name that only type checkers import.
        hints = {}
    for entry in dataclasses.fields(kind):
        if not entry.init:
            continue
        name, hint = prefix + entry.name, _plain(hints.get(entry.name, entry.type))
        if hasattr(hint, "get_known_choices"):
            choices = hint.get_known_choices()
            yield f"{name}.type", {"valid": sorted(choices)}
            if chosen.get(f"{name}.type") in choices:
                yield from _fields(choices[chosen[f"{name}.type"]], f"{name}.", chosen)
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _fields(hint, f"{name}.", chosen)
        else:
            yield name, {"type": _words(hint), "default": _default(entry)}


def _plain(hint: Any) -> Any:
    """Return a type without its None."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(inner) == 1:
            return inner[0]
    return hint


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def _default(entry: dataclasses.Field[Any]) -> Any:
    if entry.default is not dataclasses.MISSING:
        return entry.default
    if entry.default_factory is not dataclasses.MISSING:
        return entry.default_factory()
    return "required"


if __name__ == "__main__":
    sys.exit(main())
