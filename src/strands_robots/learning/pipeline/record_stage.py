"""Stages record and verify: a dataset of demonstrations, and whether a policy may learn from it. Needs MuJoCo and LeRobot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import IncompleteDatasetError
from strands_robots.dataset.files import write_json
from strands_robots.dataset.table import read_info
from strands_robots.dataset.verify import verify
from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.floors import resolve
from strands_robots.evaluation.run_record import policy_identity, task_identity, versions
from strands_robots.evaluation.task import load_task
from strands_robots.learning.pipeline.content_hash import dataset_sha256
from strands_robots.learning.pipeline.stage import Context

DATASET = "dataset"
_VERSIONS = ("mujoco", "lerobot", "strands_robots")


class RecordStage:
    """Records demonstrations; after a kill it goes on with the episodes that were saved."""

    name = "record"

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return task, policy and numbers; of a dataset that is there, its content."""
        record = context.config.record
        if record.dataset is not None:
            return {"dataset": str(record.dataset), "content": dataset_sha256(record.dataset)}
        task = load_task(context.config.task_text)
        known = versions()
        return {
            "task": task_identity(task),
            "policy": policy_identity(resolve(self._choice(context), task)),
            "record": record.model_dump(mode="json", exclude={"dataset", "policy", "config", "adapter"}),
            "versions": {name: known.get(name, "") for name in _VERSIONS},
        }

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Record what is missing."""
        record = context.config.record
        if record.dataset is None:
            root = folder / DATASET
            plan = DemonstrationConfig(
                context.config.task_text, self._choice(context), root, record.episodes, record.seed, record.fps, record.bodies,
                record.cameras, f"local/{context.config.name}",
            )  # fmt: skip

            def tell(result: EpisodeResult, is_kept: bool) -> None:
                context.tell(f"record: episode of seed {result.seed} {'kept' if is_kept else 'not kept'}")

            try:
                demonstrate(plan, tell)
            except IncompleteDatasetError as error:
                # Killed before its first episode was whole; what was there is kept until the next time.
                context.tell(f"record: begins anew ({error})")
                aside = root.with_name(f"{DATASET}.unreadable")
                shutil.rmtree(aside, ignore_errors=True)
                if root.exists():
                    root.rename(aside)
                demonstrate(plan, tell)
        info = read_info(dataset_folder(context, folder))
        return {"episodes": info.episodes, "frames": info.frames, "fps": info.fps, "robot": info.robot_type}

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hash of the dataset's content."""
        return {DATASET: dataset_sha256(dataset_folder(context, folder))}

    @staticmethod
    def _choice(context: Context) -> PolicyChoice:
        record = context.config.record
        return PolicyChoice(record.policy, json.dumps(record.config) if record.config else "", record.adapter)


class VerifyStage:
    """Checks the dataset before anything is trained on it."""

    name = "verify"

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return the dataset's content and what is checked."""
        return {"dataset": context.done["record"].outputs, "verify": context.config.verify.model_dump(mode="json")}

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Check it; a dataset with errors ends the pipeline."""
        root = dataset_folder(context, context.done["record"].folder)
        given = context.config.record
        expected = given.episodes if given.dataset is None else None
        verdict = verify(root, expected, context.config.verify.pictures)
        found = verdict.errors if context.config.verify.warnings else [*verdict.errors, *verdict.warnings]
        if found:
            raise ConfigurationError(f"nothing is trained on {root}: {'; '.join(found[:5])}")
        told = {"episodes": verdict.episodes, "frames": verdict.frames, "warnings": list(verdict.warnings)}
        write_json(folder / "verdict.json", told)
        return told

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hash of the verdict."""
        from strands_robots.evaluation.digests import files_sha256

        return {"verdict": files_sha256(folder / "verdict.json")}


def dataset_folder(context: Context, folder: Path) -> Path:
    """Return where the dataset is: the one that was named, else that of stage record in `folder`."""
    given = context.config.record.dataset
    return folder / DATASET if given is None else given
