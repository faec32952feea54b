"""Puts a dataset back to its completed episodes after a crash, and says exactly what was lost."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from strands_robots.dataset import files
from strands_robots.dataset.check import EpisodeCheck
from strands_robots.dataset.errors import DatasetError, IncompleteDatasetError
from strands_robots.dataset.manifest import COPIES, Manifest, commit, read_manifest, read_progress, restore_mutable
from strands_robots.dataset.restate import restate
from strands_robots.dataset.table import (
    EPISODES,
    EpisodeRow,
    Info,
    account_path,
    read_episodes,
    read_info,
    read_table,
    read_tasks,
    table_rows,
)
from strands_robots.dataset.verify_statistics import statistics_fit


@dataclass
class Recovery:
    """What a recovery found and did.

    Attributes:
        episodes, frames: What the dataset has now.
        repaired: What was done, one line each.
        lost: What is gone, one line each.
    """

    episodes: int = 0
    frames: int = 0
    repaired: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True when nothing had to be done and nothing is lost."""
        return not self.repaired and not self.lost


def recover(root: Path, keep_lost: bool = True) -> Recovery:
    """Make a dataset readable: completed episodes stay, what was being written when it ended is taken out.

    A dataset of our recorder goes back to its manifest, or forward when the last episode turns out to be complete. Any other is
    searched for the episodes that are whole. Temporary folders are removed.

    Args:
        root: Folder of the dataset.
        keep_lost: Whether what is taken out goes to meta/strands_robots/lost; else it is deleted.

    Raises:
        IncompleteDatasetError: If the folder holds no dataset, or one without info and without any episode's file.
        DatasetError: If its info cannot be restored.
    """
    if not (root / "meta").is_dir():
        raise IncompleteDatasetError(f"{root} holds no dataset: it has no folder meta")
    was_open = (root / files.RESERVE).exists()
    files.release(root)
    report = Recovery()
    for folder in files.temporary_folders(root):
        shutil.rmtree(folder)
        report.repaired.append(f"removed the temporary folder {folder.name}")
    manifest = _readable_manifest(root, report)
    if manifest is None or not _is_intact(root, manifest):
        _search(root, report, manifest)
    else:
        _follow_manifest(root, manifest, report, keep_lost, was_open)
    for path in sorted((root / EPISODES).glob("episode-*.json")):
        if path.stem > f"episode-{report.episodes - 1:06d}" or not report.episodes:
            path.unlink()
            report.repaired.append(f"removed {path.name}, the account of an episode that was not saved")
    _report_progress(root, report)
    return report


def take_out_last(root: Path) -> Recovery:
    """Take the newest episode of a dataset out of it, and delete its files.

    Raises:
        DatasetError: If the dataset cannot be read.
    """
    info = read_info(root)
    rows = read_episodes(root, info)
    report = Recovery()
    before = set(files.payload_files(root))
    _keep_only(root, info, rows, rows[:-1], report)
    (account_path(root, rows[-1].index)).unlink(missing_ok=True)
    for path in before - set(files.payload_files(root)):
        (root / files.OURS / files.LOST / path).unlink(missing_ok=True)
    report.episodes, report.frames = len(rows) - 1, rows[-1].start
    commit(root, report.episodes, report.frames)
    return report


def _readable_manifest(root: Path, report: Recovery) -> Manifest | None:
    try:
        return read_manifest(root)
    except DatasetError as error:
        report.repaired.append(f"the manifest is not used: {error}")
        return None


def _is_intact(root: Path, manifest: Manifest) -> bool:
    """Return whether every completed file is there in its size, and the copies with it."""
    sizes = {Path(name): size for name, size in manifest.files.items()}
    if not (root / COPIES / str(manifest.episodes) / files.INFO.name).is_file():
        return False
    return all((root / path).is_file() and (root / path).stat().st_size == size for path, size in sizes.items())


def _follow_manifest(root: Path, manifest: Manifest, report: Recovery, keep_lost: bool, was_open: bool) -> None:
    extra = [path for path in files.payload_files(root) if str(path) not in manifest.files]
    if extra and _goes_forward(root, manifest):
        info = read_info(root)
        commit(root, info.episodes, info.frames)
        report.episodes, report.frames = info.episodes, info.frames
        report.repaired.append(f"episode {info.episodes - 1} was complete on the disk and is kept")
        return
    for path in extra:
        if keep_lost:
            _take_out(root, path)
        else:
            (root / path).unlink()
        report.repaired.append(f"took out {path}, which belongs to no completed episode")
    report.episodes, report.frames = manifest.episodes, manifest.frames
    if not was_open and not extra and manifest.episodes and _is_edited(root, manifest):
        # No recorder died here: another tool, such as lerobot-edit-dataset, changed what may be changed in place.
        commit(root, manifest.episodes, manifest.frames)
        report.repaired.append("took over what another tool changed in place")
        return
    report.repaired += [f"put {name} back as after the last episode" for name in restore_mutable(root, manifest)]


def _goes_forward(root: Path, manifest: Manifest) -> bool:
    """Return whether exactly one more episode than the manifest's is whole, with all that belongs to it."""
    try:
        info = read_info(root)
        paths = sorted((root / "meta/episodes").glob("*/*.parquet"))
        rows = [row for path in paths for row in table_rows(root, path.relative_to(root), info)]
        read_table(root / files.TASKS)
        files.read_json(root / files.STATS)
    except DatasetError:
        return False
    if info.episodes != manifest.episodes + 1 or [row.index for row in rows] != list(range(info.episodes)):
        return False
    return sum(row.length for row in rows) == info.frames and not EpisodeCheck(root, info).problems(rows[-1])


def _is_edited(root: Path, manifest: Manifest) -> bool:
    """Return whether the files that every episode writes anew were changed, and still fit the episodes."""
    copies = root / COPIES / str(manifest.episodes)
    if all(_same(root / name, copies / name.name) for name in files.MUTABLE):
        return False
    try:
        info, before = read_info(root), files.read_json(copies / files.INFO.name)
        rows = read_episodes(root, info)
        tasks = set(read_tasks(root))
    except DatasetError:
        return False
    fits = (info.episodes, info.frames) == (manifest.episodes, manifest.frames)
    fits = fits and list(info.features) == list(before["features"]) and info.fps == before["fps"]
    return fits and all(set(row.tasks) <= tasks for row in rows) and statistics_fit(root, info, rows)


def _same(path: Path, copy: Path) -> bool:
    return path.is_file() and copy.is_file() and path.read_bytes() == copy.read_bytes()


def _search(root: Path, report: Recovery, manifest: Manifest | None) -> None:
    """Find the episodes that are whole, without a manifest that could be trusted."""
    info = _find_info(root, report)
    rows: list[EpisodeRow] = []
    for path in sorted((root / "meta/episodes").glob("*/*.parquet")):
        relative = path.relative_to(root)
        try:
            rows += table_rows(root, relative, info)
        except DatasetError as error:
            report.lost.append(f"the episodes in {relative}: {error}")
            _take_out(root, relative)
    check = EpisodeCheck(root, info)
    kept: list[EpisodeRow] = []
    for row in sorted(rows, key=lambda row: row.index):
        problems = check.problems(row)
        if row.index != len(kept):
            problems.append(f"episode {len(kept)} is missing before it")
        if problems:
            report.lost.append(f"episode {row.index}, {row.length} frames: {'; '.join(problems)}")
        else:
            kept.append(row)
    claimed = manifest.episodes if manifest is not None else info.episodes
    if claimed > len(rows):
        report.lost.append(f"{claimed - len(rows)} of {claimed} episodes are in no readable table")
    _keep_only(root, info, rows, kept, report)
    report.episodes, report.frames = len(kept), sum(row.length for row in kept)
    if kept and manifest is not None and len(kept) == len(rows) == manifest.episodes and not report.lost:
        report.repaired.append("took over what another tool changed in place")
    if kept:
        commit(root, report.episodes, report.frames)


def _find_info(root: Path, report: Recovery) -> Info:
    try:
        return read_info(root)
    except DatasetError as error:
        for copy in sorted((root / COPIES).glob(f"*/{files.INFO.name}")):
            files.copy_file(copy, root / files.INFO)
            report.repaired.append(f"put {files.INFO} back from its copy: {error}")
            return read_info(root)
        kind = DatasetError if files.payload_files(root) else IncompleteDatasetError
        raise kind(f"{error}, and there is no copy of it; nothing was changed") from error


def _keep_only(root: Path, info: Info, rows: list[EpisodeRow], kept: list[EpisodeRow], report: Recovery) -> None:
    """Take out every file without a kept episode, cut the others to what is kept, and correct the sums."""
    keep_index = {row.index for row in kept}
    wanted = {path for row in kept for path in (row.data, row.table, *(part.path for part in row.videos.values()))}
    for path in files.payload_files(root):
        if path not in wanted:
            _take_out(root, path)
            report.repaired.append(f"took out {path}, which belongs to no whole episode")
    cut = {row.table for row in rows if row.index not in keep_index} & {row.table for row in kept}
    cut |= {row.data for row in rows if row.index not in keep_index} & {row.data for row in kept}
    for path in sorted(cut):
        _cut_table(root / path, keep_index)
        report.repaired.append(f"cut {path} to the whole episodes")
    frames = sum(row.length for row in kept)
    if (info.episodes, info.frames) != (len(kept), frames):
        data = files.read_json(root / files.INFO)
        data.update(total_episodes=len(kept), total_frames=frames, splits={"train": f"0:{len(kept)}"})
        files.write_json(root / files.INFO, data)
        report.repaired.append(f"corrected {files.INFO}: {len(kept)} episodes, {frames} frames")
    if kept:
        _repair_tasks(root, kept, report)
        whole = [row for row in kept if row.index < len(kept)]
        if len(kept) != info.episodes or not statistics_fit(root, read_info(root), whole):
            _repair_stats(root, kept, report)


def _cut_table(path: Path, keep_index: set[int]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = read_table(path)
    kept = table.filter(pc.is_in(table["episode_index"], value_set=pa.array(sorted(keep_index), pa.int64())))
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(kept, partial)
    partial.replace(path)


def _repair_tasks(root: Path, kept: list[EpisodeRow], report: Recovery) -> None:
    try:
        read_table(root / files.TASKS)
        return
    except DatasetError as error:
        problem = str(error)
    import pandas as pd

    names: dict[int, str] = {}
    for row in kept:
        table = read_table(root / row.data, ["episode_index", "task_index"]).to_pandas()
        used = sorted(set(table[table["episode_index"] == row.index]["task_index"]))
        if len(used) == len(row.tasks) == 1:
            names[int(used[0])] = row.tasks[0]
    indices = sorted(names)
    frame = pd.DataFrame({"task_index": indices}, index=pd.Index([names[i] for i in indices], name="task"))
    frame.to_parquet(root / files.TASKS)
    report.repaired.append(f"made {files.TASKS} anew from the episodes: {problem}")


def _repair_stats(root: Path, kept: list[EpisodeRow], report: Recovery) -> None:
    """Make the statistics of the episodes and of the dataset anew, from the data and by LeRobot's own rule."""
    restate(root)
    report.repaired.append(f"made {files.STATS} anew from {len(kept)} episodes")


def _take_out(root: Path, path: Path) -> None:
    target = root / files.OURS / files.LOST / path
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 0
    while target.exists():
        number += 1
        target = target.with_name(f"{path.stem}.{number}{path.suffix}")
    (root / path).rename(target)


def _report_progress(root: Path, report: Recovery) -> None:
    """Say which frames were never saved."""
    episode, frames = read_progress(root)
    if episode >= report.episodes:
        report.lost.append(f"episode {episode}, which was not ended or not saved yet: {frames} frames")
