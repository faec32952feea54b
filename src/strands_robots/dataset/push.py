"""Publishes a dataset on the Hugging Face Hub, through its own client. The token is never read here, shown or stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import is_hub_repository
from strands_robots.core.text import printable
from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError, RecordingError
from strands_robots.dataset.manifest import PROGRESS
from strands_robots.dataset.table import Info, read_info
from strands_robots.dataset.verify import verify

_TOKEN = re.compile(r"hf_[A-Za-z0-9]+|(?i:bearer)\s+\S+")


@dataclass(frozen=True)
class Pushed:
    """What was published.

    Attributes:
        url: Where.
        files: Number of files.
        private: Whether only its owner can read it.
    """

    url: str
    files: int
    private: bool


def push_dataset(root: Path, repo_id: str, *, private: bool = True, branch: str = "") -> Pushed:
    """Upload a dataset that holds together, with the tag by which LeRobot finds its format.

    Args:
        root: Folder of the dataset.
        repo_id: "<owner>/<name>".
        private: Whether only its owner can read it. A repository that exists keeps what it is; see `Pushed.private`.
        branch: Branch; empty for the main one.

    Raises:
        ConfigurationError: If the name is not valid, or the hub's client is not installed.
        DatasetError: If the dataset is not whole.
        RecordingError: If the hub refuses.
    """
    if not is_hub_repository(repo_id):
        raise ConfigurationError(f"repo_id is '{printable(repo_id)}'; valid: <owner>/<name>")
    verdict = verify(root, pictures=False)
    if not verdict.is_good:
        raise DatasetError(f"{root} is not published: {verdict.errors[0]}")
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ConfigurationError(
            f"huggingface_hub is not installed here; valid: make setup-learning ({error})"
        ) from error
    info = read_info(root)
    ignored = [f"{files.OURS}/{files.LOST}/**", str(PROGRESS), str(files.RESERVE), "tmp*/**", "images/**", "**/.*"]
    api = HfApi()
    with hub_errors():
        url = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        revision = branch or "main"
        if branch:
            api.create_branch(repo_id, branch=branch, repo_type="dataset", exist_ok=True)
        card = _card(info, verdict.episodes, verdict.frames)
        if not (root / "README.md").exists():
            api.upload_file(
                path_or_fileobj=card.encode(),
                path_in_repo="README.md",
                repo_id=repo_id,
                repo_type="dataset",
                revision=revision,
            )
        api.upload_folder(
            folder_path=root, repo_id=repo_id, repo_type="dataset", revision=revision, ignore_patterns=ignored,
            commit_message=f"{verdict.episodes} episodes",
        )  # fmt: skip
        api.delete_tag(repo_id, tag=info.version, repo_type="dataset") if _has_tag(api, repo_id, info.version) else None
        api.create_tag(repo_id, tag=info.version, revision=revision, repo_type="dataset", exist_ok=True)
        is_private = bool(api.dataset_info(repo_id).private)
    number = sum(
        1 for path in root.rglob("*") if path.is_file() and files.LOST.name not in path.relative_to(root).parts
    )
    return Pushed(str(url), number, is_private)


@contextmanager
def hub_errors() -> Iterator[None]:
    """Turn what the hub's client raises into one sentence without the token.

    Raises:
        RecordingError: If the hub refuses.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError, ValueError) as error:
        text = _TOKEN.sub("<token>", str(error)).splitlines()
        raise RecordingError(f"the hub did not take it: {text[0] if text else type(error).__name__}") from None


def _has_tag(api: object, repo_id: str, tag: str) -> bool:
    refs = api.list_repo_refs(repo_id, repo_type="dataset")  # type: ignore[attr-defined]
    return any(ref.name == tag for ref in refs.tags)


def _card(info: Info, episodes: int, frames: int) -> str:
    return (
        "---\ntags:\n- LeRobot\n- robotics\ntask_categories:\n- robotics\nconfigs:\n- config_name: default\n"
        "  data_files: data/*/*.parquet\n---\n\n"
        f"Recorded with strands_robots: robot `{info.robot_type}`, {episodes} episodes, {frames} frames at {info.fps} Hz, "
        f"LeRobotDataset {info.version}. `meta/strands_robots/` holds units, accounts of every episode and its provenance.\n"
    )
