"""Stage publish: dataset and policy on the Hugging Face Hub, through its own client, where the approval policy lets them go there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.files import read_json, write_json
from strands_robots.dataset.push import hub_errors, push_dataset
from strands_robots.learning.pipeline.journal import Journal
from strands_robots.learning.pipeline.promotion import OVERWRITE, PUBLISH, Authority, require_approval
from strands_robots.learning.pipeline.record_stage import dataset_folder
from strands_robots.learning.pipeline.stage import Context
from strands_robots.learning.pipeline.train_stage import POLICY

PUBLISHED = "published.json"


class PublishStage:
    """Publishes what was promoted; a repository that is there already is overwritten only where that is allowed too.

    Args:
        authority: Whose word counts.
    """

    name = "publish"

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return what is published, and where."""
        return {
            "dataset": context.done["record"].outputs, "promotion": context.done["gate"].outputs,
            "publish": context.config.publish.model_dump(mode="json"), "approval_policy": self._authority.sha256,
        }  # fmt: skip

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Ask for each repository, then publish."""
        given = context.config.publish
        wanted = {
            "dataset": (given.dataset, dataset_folder(context, context.done["record"].folder), "dataset",
                        context.done["record"].outputs["dataset"]),
            "policy": (given.policy, context.done["train"].folder / POLICY, "model", context.done["gate"].outputs[POLICY]),
        }  # fmt: skip
        wanted = {kind: one for kind, one in wanted.items() if one[0]}
        for kind, (repository, _, repo_type, digest) in wanted.items():
            fields = {"pipeline": context.config.name, "kind": kind, "repository": repository, "sha256": digest,
                      "public": given.public}  # fmt: skip
            is_private = _is_private(repository, repo_type)
            if is_private is False and not given.public:
                raise ConfigurationError(
                    f"publish.public is false, and the public can read {repository}; valid: public: true, or another repository"
                )
            is_there = is_private is not None and not _was_allowed(context.journal, key, fields)
            what = OVERWRITE if is_there else PUBLISH
            require_approval(self._authority, context.journal, context.folder, what, fields, key)
        urls = {}
        for kind, (repository, root, _, _) in wanted.items():
            context.tell(f"publish: {kind} to {repository}")
            urls[kind] = _push(kind, root, repository, public=given.public)
        write_json(folder / PUBLISHED, {"urls": urls, "sha256": {kind: one[3] for kind, one in wanted.items()}})
        return urls

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hashes of what was published."""
        return dict(read_json(folder / PUBLISHED)["sha256"])


def _was_allowed(journal: Journal, key: str, fields: Mapping[str, Any]) -> bool:
    """Return whether this stage may publish already: killed after it made the repository, it does not overwrite another's."""
    return any(
        one["kind"] == "allowed" and one["stage_key"] == key and one["name"] == PUBLISH[0] and one["fields"] == fields
        for one in journal.records
    )


def _is_private(repository: str, repo_type: str) -> bool | None:
    """Return whether the public cannot read a repository; None where there is none. One that is there keeps what it is."""
    api = _api()
    with hub_errors():
        if not api.repo_exists(repository, repo_type=repo_type):
            return None
        return bool(api.repo_info(repository, repo_type=repo_type).private)


def _push(kind: str, root: Path, repository: str, *, public: bool) -> str:
    if kind == "dataset":
        return push_dataset(root, repository, private=not public).url
    api = _api()
    with hub_errors():
        url = api.create_repo(repository, repo_type="model", private=not public, exist_ok=True)
        # The training's configuration names folders of this machine.
        api.upload_folder(
            folder_path=root, repo_id=repository, repo_type="model", ignore_patterns=["train_config.json", "**/.*"]
        )
    return str(url)


def _api() -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ConfigurationError(
            f"huggingface_hub is not installed here; valid: make setup-learning ({error})"
        ) from error
    return HfApi()
