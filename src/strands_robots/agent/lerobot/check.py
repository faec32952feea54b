"""Asks LeRobot itself, in a process, what options there are and what it makes of them, and refuses what it must not do.

The policy file is asked about the request's name. These rules hold beneath it: a request that is not for the hub sends nothing
there, whatever a configuration file says; nothing outside of the allowed folders is read or written; no code comes from elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from strands_robots.agent.lerobot.paths import job_environment
from strands_robots.agent.tools.tool_answer import clean
from strands_robots.core.errors import ConfigurationError

ENVIRONMENTS = ("pusht",)
"""Simulated ones that install beside this package's MuJoCo; `gym_manipulator` drives a robot past its gate and is none."""

TIMEOUT = 300.0
"""LeRobot and torch take seconds to import, more from a cold disk [s]."""

_SENDING = ("push_to_hub", "save_checkpoint_to_hub", "wandb.enable")
_TARGETS = ("recording_repo_id", "display_ip")
_FOREIGN_CODE = ("trust_remote_code",)
_PATHS = ("root", "new_root", "output_dir", "pretrained_path", "checkpoint_path", "roots")
_DENIED_WORDS = (
    *_SENDING, *_TARGETS, *_FOREIGN_CODE, *_PATHS, "job", "wandb", "repo_id", "repo_ids", "hub", "path", "config_path",
    "discover_packages_path", "revision", "pretrained_revision", "token", "private", "tags", "license", "port", "ip", "resume",
    "calibration_dir", "type",
)  # fmt: skip


def is_free_option(name: str) -> bool:
    """Return whether a model may set an option: none that says where to, where from, or what code."""
    parts = name.split(".")
    return not any(name == word or name.endswith(f".{word}") or word in parts for word in _DENIED_WORDS)


@lru_cache(maxsize=32)
def command_options(command: str, chosen: tuple[str, ...]) -> Mapping[str, Any]:
    """Return each option of a command that may be set, with type and default.

    Args:
        command: A name of `lerobot_inspect.CONFIGS`.
        chosen: Arguments that choose types, as "--policy.type=act".

    Raises:
        ConfigurationError: If LeRobot is not installed, or refuses.
    """
    found = _ask("options", command, chosen, job_environment("none"))
    return {name: entry for name, entry in found.items() if is_free_option(name)}


def resolved_config(command: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the whole configuration that LeRobot makes of arguments, by dotted name; raises as `command_options`."""
    return _ask("resolve", command, arguments, environment)


def check_config(config: Mapping[str, Any], network: str, inside: Callable[[str], Path]) -> None:
    """Raise ConfigurationError for a configuration that does more than the request says.

    Args:
        config: As `resolved_config` returns it.
        network: "none", "download" or "upload": what the request is for.
        inside: Raises ConfigurationError for a path that is not in an allowed folder.
    """
    for name, value in config.items():
        last = name.rpartition(".")[2]
        if _ends(name, _FOREIGN_CODE) and value:
            raise ConfigurationError(f"{name} is {value}; valid: false")
        if network != "upload" and ((_ends(name, _SENDING) and value) or (last in _TARGETS and value is not None)):
            raise ConfigurationError(f"{name} is {value!a}, which sends data away; valid: a request with hub_repo")
        if name == "env.type" and value not in ENVIRONMENTS:
            raise ConfigurationError(f"env.type is {value!a}; valid: {', '.join(ENVIRONMENTS)}")
        if name == "job.target" and value not in (None, "local"):
            raise ConfigurationError(f"job.target is {value!a}; valid: training on this machine")
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (last in _PATHS or text.startswith(("/", "~")) or ".." in Path(text).parts):
                inside(text)
        if last == "pretrained_backbone_weights" and value and network == "none":
            _check_weights(name, str(value))


def _check_weights(name: str, weights: str) -> None:
    """Raise ConfigurationError for weights that torchvision would download; it knows nothing of HF_HUB_OFFLINE."""
    cache = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser() / "hub" / "checkpoints"
    model = weights.partition("_")[0].lower()
    if not any(cache.glob(f"{model}-*.pth")):
        raise ConfigurationError(
            f"{name} is '{weights}', which is not in {cache} and would be downloaded; valid: options with "
            f'"{name}": null, which trains from random weights, or may_download: true'
        )


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return any(name == ending or name.endswith(f".{ending}") for ending in endings)


def _ask(what: str, command: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Mapping[str, Any]:
    call = [sys.executable, "-m", "strands_robots.agent.lerobot.inspect", what, command, *arguments]
    try:
        done = subprocess.run(
            call, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"LeRobot gave no answer about 'lerobot-{command}' within {TIMEOUT:g} s") from error
    if done.returncode == 0:
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return answer
    raise ConfigurationError(f"lerobot-{command} refuses: {_last_words(done.stderr.decode('utf-8', 'replace'))}")


def _last_words(text: str) -> str:
    """Return what a process said last: an error's own line instead of its traceback."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any("No module named 'lerobot'" in line for line in lines[-1:]):
        return "LeRobot is not installed here; valid: make setup-learning"
    return clean(" ".join(lines[-2:]) or "it said nothing", 600)
