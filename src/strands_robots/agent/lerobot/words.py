"""Checks and words that LeRobot's commands have in common. No I/O but looking for what is there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strands_robots.agent.lerobot.check import is_free_option
from strands_robots.agent.lerobot.paths import LeRobotFolders
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import is_hub_repository
from strands_robots.core.text import printable

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_OPTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,5}", re.ASCII)
_PORT = re.compile(r"/dev/(tty[A-Za-z0-9_.-]{1,64}|serial/by-id/[\w.:+-]{1,128}|pts/\d{1,6})", re.ASCII)
_MOST_OPTIONS = 40
_LONGEST_VALUE = 256


def dataset_words(text: str, workspace: LeRobotFolders, prefix: str) -> list[str]:
    """Return the words for an existing dataset of a workspace."""
    root = workspace.existing(text)
    if not (root / "meta" / "info.json").is_file():
        raise ConfigurationError(f"'{root}' is no LeRobot dataset: it has no meta/info.json")
    return [f"{prefix}root={root}", f"{prefix}repo_id={local_name(root)}"]


def policy_words(given: Mapping[str, Any], workspace: LeRobotFolders) -> list[str]:
    """Return the words for a new policy, or one to go on from."""
    if ("policy" in given) == ("start_from" in given):
        raise ConfigurationError("give either policy (a type) or start_from (a folder)")
    if "policy" in given:
        return [f"--policy.type={checked_word('policy', given['policy'])}"]
    return [f"--policy.path={workspace.existing(given['start_from'])}"]


def hub_words(given: Mapping[str, Any], prefix: str, is_private: bool) -> list[str]:
    """Return the words that upload a result, or keep it here."""
    if "hub_repo" not in given:
        return [f"{prefix}push_to_hub=false"]
    if not is_hub_repository(given["hub_repo"]):
        raise ConfigurationError(f"hub_repo is {ascii(given['hub_repo'])[:120]}; valid: <owner>/<name>")
    return [f"{prefix}push_to_hub=true", f"{prefix}repo_id={given['hub_repo']}", f"{prefix}private={flag(is_private)}"]


def network_of(given: Mapping[str, Any]) -> str:
    """Return what a request needs of the network."""
    if "hub_repo" in given:
        return "upload"
    return "download" if given.get("may_download") else "none"


def option_words(given: Mapping[str, Any]) -> list[str]:
    """Return further options as words; names and types are LeRobot's to check."""
    options = given.get("options", {})
    if len(options) > _MOST_OPTIONS:
        raise ConfigurationError(f"{len(options)} options are given; valid: at most {_MOST_OPTIONS}")
    words = []
    for name, value in sorted(options.items()):
        if not _OPTION.fullmatch(name) or not is_free_option(name):
            raise ConfigurationError(
                f"option '{printable(name)[:80]}' cannot be set here; valid: those that lerobot_options finds"
            )
        words.append(f"--{name}={_value(name, value)}")
    return words


def _value(name: str, value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    if len(items) > 64 or not all(_is_scalar(item) for item in items):
        raise ConfigurationError(
            f"option '{name}' is {ascii(value)[:120]}; valid: a number, text, true, false, null, or a list of them"
        )
    return value if isinstance(value, str) else json.dumps(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_VALUE and value.isprintable()
    return value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))


def checked_splits(splits: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts of a dataset, each a fraction or a list of episodes."""
    for name, part in splits.items():
        is_list = isinstance(part, list) and all(isinstance(item, int) and item >= 0 for item in part)
        is_fraction = isinstance(part, (int, float)) and not isinstance(part, bool) and 0.0 < part <= 1.0
        if not _WORD.fullmatch(name) or not (is_list or is_fraction):
            raise ConfigurationError(
                f"split {ascii(name)[:40]} is {ascii(part)[:80]}; valid: a fraction or a list of episodes"
            )
    return splits


def checked_port(text: str) -> str:
    """Return a serial port."""
    if not _PORT.fullmatch(text):
        raise ConfigurationError(f"the port is {ascii(text)[:80]}; valid: a serial port, as /dev/ttyACM0")
    return text


def checked_word(what: str, text: str) -> str:
    """Return a name of letters, digits, _ . and -."""
    if not _WORD.fullmatch(text):
        raise ConfigurationError(f"{what} is {ascii(text)[:80]}; valid: letters, digits, _ . and -, at most 64")
    return text


def checked_line(text: str) -> str:
    """Return a text of one printable line."""
    if not text.isprintable():
        raise ConfigurationError(f"the text {ascii(text)[:80]} is not one printable line")
    return text


def local_name(root: Path) -> str:
    """Return the name under which LeRobot knows a dataset that is only here."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", root.name).strip("-") or "dataset"
    return f"local/{name}"


def flag(is_set: bool) -> str:
    """Return true or false as LeRobot's parser takes it."""
    return "true" if is_set else "false"


def needs(given: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raise ConfigurationError for arguments that are missing."""
    missing = [name for name in names if name not in given]
    if missing:
        raise ConfigurationError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given")


def none_of(given: Mapping[str, Any], names: tuple[str, ...], beside: str) -> None:
    """Raise ConfigurationError for arguments that do not go together."""
    extra = [name for name in names if name in given]
    if extra:
        raise ConfigurationError(f"{', '.join(extra)} cannot be given beside {beside}")
