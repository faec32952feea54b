"""Which policy the words of a command line mean, and what its row is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.core.validation import reading_problem
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions

_LONGEST = 64


def read_policy(words: str, device: str) -> LerobotOptions:
    """Return the settings of a policy.

    Args:
        words: Folder or hub id of a trained policy, or a YAML file with settings of the policy "lerobot".
        device: What to compute on.

    Raises:
        ConfigurationError: If a YAML file is not there or not right.
    """
    if not words.endswith((".yaml", ".yml")):
        return LerobotOptions(path=words, device=device)
    try:
        given = yaml.safe_load(Path(words).expanduser().read_text(encoding="utf-8"))
        return LerobotOptions.model_validate(given).model_copy(update={"device": device})
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"'{printable(words)}': {reading_problem(error, 'settings', LerobotOptions)}; "
            "valid: settings of the policy 'lerobot', as {type: act, state: [...], action: [...]}"
        ) from error


def row_names(policies: Sequence[str]) -> list[str]:
    """Return a name for each policy that is also one of a folder; none twice.

    Raises:
        ConfigurationError: If a policy is given twice.
    """
    if len(set(policies)) != len(policies):
        raise ConfigurationError(f"policies given: {printable(', '.join(policies))}; valid: each one once")
    names: list[str] = []
    for words in policies:
        name = re.sub(
            r"[^A-Za-z0-9_.-]+", "-", str(Path(words).with_suffix("")) if words.endswith((".yaml", ".yml")) else words
        )
        name = name.strip("-.")[-_LONGEST:].strip("-.") or "policy"
        names.append(name if name not in names else f"{name}-{len(names)}")
    return names
