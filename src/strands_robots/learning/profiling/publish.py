"""Publishes a profile as a row of a dataset on the Hugging Face Hub, through its own client: one file for each policy and state.

    rows/<policy>-<hash>.json       the row: sections, memory, fingerprints, versions and settings

The hash is that of the row, so that the same profile published twice is one row, and no other row is ever replaced.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import is_hub_repository
from strands_robots.core.text import printable
from strands_robots.dataset.push import hub_errors
from strands_robots.learning.profiling.profile_policy import Profile, read_profile

_HASH = 12
_PATHS = ("policy", "dataset")
"""Settings that name folders of this machine."""


def row_of(profile: Profile) -> dict[str, Any]:
    """Return a profile as a row: without the timeline, operators and losses, and of folders only their names."""
    data = asdict(profile)
    for name in ("timeline", "operators", "losses"):
        del data[name]
    settings = dict(data["settings"])
    for name in _PATHS:
        if isinstance(settings.get(name), str) and settings[name].startswith(("/", "~", ".")):
            settings[name] = Path(settings[name]).name
    return {**data, "settings": settings}


def publish_row(path: Path, repository: str, *, private: bool = True) -> str:
    """Upload the row of a profile, and return where it is.

    Args:
        path: Folder of the profile, or its file.
        repository: "<owner>/<name>" of a dataset; made where it is not there.
        private: Whether only its owner can read a repository that is made.

    Raises:
        ConfigurationError: If the name is not valid, it is no profile, or the hub's client is not installed.
        RecordingError: If the hub refuses.
    """
    if not is_hub_repository(repository):
        raise ConfigurationError(f"repository is '{printable(repository)}'; valid: <owner>/<name>")
    row = json.dumps(row_of(read_profile(path)), indent=1, sort_keys=True) + "\n"
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ConfigurationError(
            f"huggingface_hub is not installed here; valid: make setup-learning ({error})"
        ) from error
    name = f"rows/{json.loads(row)['name']}-{hashlib.sha256(row.encode()).hexdigest()[:_HASH]}.json"
    api = HfApi()
    with hub_errors():
        url = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.upload_file(path_or_fileobj=row.encode(), path_in_repo=name, repo_id=repository, repo_type="dataset")
    return f"{url}/{name}"
