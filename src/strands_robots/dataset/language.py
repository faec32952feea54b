"""The language columns of a dataset, written and read with LeRobot's own writer and schema.

While an episode is recorded its rows are kept in its account; the columns are written when the dataset is closed. A dataset that is
continued loses its columns until it is closed again: LeRobot's recorder cannot add frames to one that has them. Their rows stay in the
accounts meanwhile, those of `lerobot-annotate` included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import (
    EpisodeRow,
    account_path,
    library,
    read_account,
    read_episodes,
    read_info,
    read_table,
)

ROWS = "language"
"""Key of an episode's rows in its account."""

PERSISTENT, EVENTS = "language_persistent", "language_events"

ASIDE = files.OURS / "language_aside"
"""There while the columns of a dataset are taken out, so that a recording that is killed does not leave them out for good."""


def require_language() -> None:
    """Raise ConfigurationError where LeRobot has no language columns, before anything is recorded for them."""
    _lerobot()


def has_language(root: Path) -> bool:
    """Return whether a dataset has language columns, or had them before a recording that was killed took them out."""
    return PERSISTENT in read_info(root).features or (root / ASIDE).is_file()


def read_language(root: Path) -> dict[int, list[dict[str, Any]]]:
    """Return the rows of each episode with their time in the episode [s], in order of time.

    Raises:
        DatasetError: If the dataset has no language columns or cannot be read.
    """
    info = read_info(root)
    if PERSISTENT not in info.features:
        raise DatasetError(f"{root} has no language columns; valid: a dataset recorded with them, or annotated")
    return {row.index: _rows_of(root, row) for row in read_episodes(root, info)}


def _rows_of(root: Path, row: EpisodeRow) -> list[dict[str, Any]]:
    table = read_table(root / row.data, ["episode_index", "timestamp", PERSISTENT, EVENTS])
    frames = [frame for frame in table.to_pylist() if frame["episode_index"] == row.index]
    rows = [dict(one) for one in (frames[0][PERSISTENT] or () if frames else ())]
    for frame in frames:
        rows += [{**one, "timestamp": float(frame["timestamp"])} for one in frame[EVENTS] or ()]
    return sorted(rows, key=lambda one: float(one["timestamp"]))


def write_language(root: Path) -> int:
    """Write the columns from the episodes' accounts, in place of those that are there; return how many rows were written.

    Raises:
        ConfigurationError: If LeRobot is not installed or has no language columns.
        DatasetError: If a row is not valid in LeRobot's schema; the dataset is as before.
    """
    writer, reader, staging, io, language = _lerobot()
    rows = {
        row.index: (read_account(root, row.index) or {}).get(ROWS) or [] for row in read_episodes(root, read_info(root))
    }
    with tempfile.TemporaryDirectory() as folder:
        records = list(reader.iter_episodes(root))
        for record in records:
            snapped = [_at_frame(row, record.frame_timestamps, reader) for row in rows.get(record.episode_index, [])]
            staging.EpisodeStaging(Path(folder), record.episode_index).write("plan", snapped)
        try:
            writer.LanguageColumnsWriter().write_all(records, Path(folder), root)
        except ValueError as error:
            raise DatasetError(f"the language rows of {root} are not valid: {error}") from error
    info = io.load_info(root)
    info.features = {**info.features, **language.language_feature_info()}
    tools = info.tools or []
    if not any((tool.get("function") or {}).get("name") == "say" for tool in tools):
        info.tools = [*tools, language.SAY_TOOL_SCHEMA]
    io.write_info(info, root)
    (root / ASIDE).unlink(missing_ok=True)
    return sum(len(one) for one in rows.values())


def put_language_aside(root: Path) -> None:
    """Take the columns out of a dataset that shall be continued; their rows go into the accounts.

    It may be killed at any instant and called again: an episode whose table has lost its columns has its rows in its account.

    Raises:
        DatasetError: If the dataset cannot be read.
    """
    (root / ASIDE).touch()
    for row in read_episodes(root, read_info(root)):
        if PERSISTENT not in library("pyarrow.parquet").read_schema(root / row.data).names:
            continue
        account = read_account(root, row.index) or {}
        files.write_json(account_path(root, row.index), {**account, ROWS: _rows_of(root, row)})
    from lerobot.datasets.io_utils import load_info, write_info, write_table_one_row_group_per_episode

    for path in sorted((root / "data").glob("*/*.parquet")):
        table = read_table(path)
        left = table.drop_columns([name for name in (PERSISTENT, EVENTS) if name in table.column_names])
        fresh = path.with_suffix(".new")
        write_table_one_row_group_per_episode(left, fresh)
        fresh.replace(path)
    info = load_info(root)
    info.features = {key: value for key, value in info.features.items() if key not in (PERSISTENT, EVENTS)}
    write_info(info, root)


def _at_frame(row: Mapping[str, Any], stamps: Sequence[float], reader: Any) -> dict[str, Any]:
    """Return a row at the time of the frame that is nearest: LeRobot keeps an event with its frame."""
    return {**row, "timestamp": reader.snap_to_frame(float(row["timestamp"]), stamps), "camera": row.get("camera")}


def _lerobot() -> tuple[Any, ...]:
    try:
        from lerobot.annotations.steerable_pipeline import reader, staging, writer
        from lerobot.datasets import io_utils, language
    except ImportError as error:
        raise ConfigurationError(
            f"language columns need lerobot 0.6.1; valid: make setup-learning ({error})"
        ) from error
    return writer, reader, staging, io_utils, language
