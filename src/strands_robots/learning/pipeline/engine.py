"""Runs stages one after the other, skips what has not changed, and goes on after a kill at any instant. Writes files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.dataset.files import sync_files, sync_folders
from strands_robots.learning.pipeline.content_hash import canonical_sha256
from strands_robots.learning.pipeline.journal import last
from strands_robots.learning.pipeline.pipeline_status import STATES
from strands_robots.learning.pipeline.stage import Context, Stage, StageDone, WaitingForPersonError

KEY_LENGTH = 16


def run_stages(stages: Sequence[Stage], context: Context) -> list[StageDone]:
    """Run the stages and return what each one made.

    A stage is skipped when the journal says that it was done with the same inputs, and its outputs are on the disk as they were.
    Outputs that have changed since are kept aside, and the stage runs again.

    Raises:
        StrandsRobotsError: What the first stage that could not be done raised; the journal has it.
    """
    return [_run_stage(stage, context) for stage in stages]


def _run_stage(stage: Stage, context: Context) -> StageDone:
    journal = context.journal
    inputs = dict(stage.inputs(context))
    key = canonical_sha256({"stage": stage.name, "inputs": inputs})
    folder = context.folder / stage.name / key[:KEY_LENGTH]
    before = journal.done(stage.name, key)
    if before is not None:
        if _outputs(stage, context, folder) == before["outputs"]:
            context.tell(f"{stage.name}: unchanged")
            if last_of(journal.records, stage.name) is not before:
                # Another result of this stage came in between; now this one counts again.
                journal.append(
                    "unchanged", **{name: value for name, value in before.items() if name not in ("kind", "at")}
                )
            done = StageDone(stage.name, key, folder, before["outputs"], before["facts"], before["elapsed"], True)
            context.done[stage.name] = done
            return done
        if _is_settled(journal.records, stage.name, key):
            _keep_aside(folder, context)
    journal.append("begun", stage=stage.name, key=key, inputs=inputs)
    context.tell(f"{stage.name}: begins")
    begin = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        facts = dict(stage.run(context, folder, key))
        outputs = dict(stage.outputs(context, folder))
        _sync(folder)
    except WaitingForPersonError as error:
        journal.append("waiting", stage=stage.name, key=key, message=str(error))
        raise
    except StrandsRobotsError as error:
        journal.append("failed", stage=stage.name, key=key, message=str(error))
        raise
    except OSError as error:
        message = f"{stage.name} could not read or write: {error}"
        journal.append("failed", stage=stage.name, key=key, message=message)
        raise ConfigurationError(message) from error
    elapsed = round(time.monotonic() - begin, 3)
    journal.append("done", stage=stage.name, key=key, outputs=outputs, facts=facts, elapsed=elapsed)
    context.tell(f"{stage.name}: done in {elapsed:.1f} s")
    done = StageDone(stage.name, key, folder, outputs, facts, elapsed)
    context.done[stage.name] = done
    return done


def last_of(records: list[dict[str, Any]], stage: str) -> dict[str, Any] | None:
    """Return the last record of a stage that says where it stands; of an unchanged one, that of the time when it was done."""
    found = next((one for one in reversed(records) if one["kind"] in STATES and one["stage"] == stage), None)
    if found is None or found["kind"] != "unchanged":
        return found
    return last(records, kind="done", stage=stage, key=found["key"])


def _is_settled(records: list[dict[str, Any]], stage: str, key: str) -> bool:
    """Return whether a stage was done with a key and not begun again since: then what lies there is no work of its own."""
    kinds = (one["kind"] for one in reversed(records) if one.get("stage") == stage and one.get("key") == key)
    return next((kind for kind in kinds if kind in STATES), "") in ("done", "unchanged")


def _outputs(stage: Stage, context: Context, folder: Path) -> Mapping[str, Any] | None:
    try:
        return dict(stage.outputs(context, folder))
    except (OSError, StrandsRobotsError, ValueError, KeyError):
        return None


def _keep_aside(folder: Path, context: Context) -> None:
    """Move outputs that are not what they were out of the way; they may be a person's work."""
    if not folder.exists():
        return
    for number in range(1, 10_000):
        target = folder.with_name(f"{folder.name}.changed-{number}")
        if not target.exists():
            folder.rename(target)
            context.tell(f"{folder} is not what was made there; it is kept as {target.name}")
            return


def _sync(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    sync_files(path for path in paths if path.is_file())
    sync_folders([folder, folder.parent, *(path for path in paths if path.is_dir())])
