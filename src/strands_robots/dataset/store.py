"""The dataset as LeRobot writes it: the one place of the recorder that calls LeRobot's writer. Belongs to the writer's thread."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset import files
from strands_robots.dataset.adopt import adopt, in_words_of_today
from strands_robots.dataset.check import EpisodeCheck
from strands_robots.dataset.depth import finite_depth
from strands_robots.dataset.encoder import EncoderConfig, as_recorded, depth_ends, writer_options
from strands_robots.dataset.errors import DatasetError, DiskFullError, RecordingError
from strands_robots.dataset.language import has_language, put_language_aside, require_language, write_language
from strands_robots.dataset.lerobot_private import check_lerobot, close_tables, full_encoders, open_tables_let_go
from strands_robots.dataset.manifest import Progress, commit
from strands_robots.dataset.recover import recover, take_out_last
from strands_robots.dataset.schema import Schema
from strands_robots.dataset.table import EPISODES, SCHEMA, EpisodeRow, read_info, read_schema, table_rows

MIN_FREE = 64 << 20
"""Recording ends when less than this is free [bytes]: LeRobot must be able to write the footers."""

ENCODER_WAIT = 30.0
"""An encoder that takes no picture for this long has failed [s]."""

_SMALLEST = 1e-9
"""Size of a file above which LeRobot begins the next one [MB]."""


def require_lerobot() -> None:
    """Raise ConfigurationError when LeRobot with LeRobotDataset v3 and streaming encoding is not installed."""
    missing = [name for name in ("lerobot", "torch", "av", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} is not installed here; valid: make setup-learning with Python 3.12 or newer. Without it, record to "
            "MCAP (ros2 bag) and import that with `strands-robots dataset import`"
        )
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    if not hasattr(LeRobotDataset, "resume"):
        raise ConfigurationError("this LeRobot cannot continue a dataset; valid: lerobot 0.6 (Python 3.12 or newer)")
    import av
    import datasets

    av.logging.set_level(av.logging.ERROR)
    av.logging.set_libav_level(av.logging.ERROR)
    datasets.disable_progress_bars()


class LeRobotStore:
    """A dataset being written. After each episode the files are closed, checked, got to the disk and committed.

    Args:
        root: Folder.
        repo_id: Name.
        schema: Features.
        encoder: Video settings.
        with_language: Write the language columns when the dataset is closed; one that has them keeps them in any case.

    Attributes:
        root, schema, with_language: As given.
        repaired: What was repaired on opening.
        episodes, frames: Completed.
    """

    def __init__(
        self, root: Path, repo_id: str, schema: Schema, encoder: EncoderConfig, with_language: bool = False
    ) -> None:
        require_lerobot()
        if with_language:
            require_language()
        self.with_language = with_language
        self.root = root
        self.schema = schema
        self.repaired: list[str] = []
        self.episodes = self.frames = 0
        self._repo_id = repo_id
        self._encoder = encoder
        self._dataset: Any = None
        self._progress: Progress | None = None
        self._pending = 0

    def create(self) -> None:
        """Make a new dataset.

        Raises:
            RecordingError: If the folder is not empty, or it cannot be made.
        """
        if self.root.exists() and any(self.root.iterdir()):
            raise RecordingError(
                f"{self.root} is not empty; valid: a new folder, mode resume (--resume), or mode overwrite (--overwrite)"
            )
        self._check_space()
        with _lerobot_errors(self.root):
            from lerobot.datasets.lerobot_dataset import LeRobotDataset

            if self.root.exists():
                self.root.rmdir()
            self._dataset = LeRobotDataset.create(
                self._repo_id, self.schema.fps, self.schema.features(), root=self.root,
                robot_type=self.schema.robot_type or None, **writer_options(self._encoder, bool(self.schema.cameras)),
            )  # fmt: skip
            self._use_a_file_for_each_episode()
            files.write_json(self.root / SCHEMA, self.schema.to_json())
            commit(self.root, 0, 0)
            files.reserve(self.root)
        self._progress = Progress(self.root)

    def resume(self) -> None:
        """Go on with a dataset, after a recovery.

        Raises:
            DatasetError: If there is none, or it has other features.
            ConfigurationError: If another recorder made it and it is not known what its numbers mean, or other depth is asked for.
        """
        report = recover(self.root)
        self.repaired = [*report.repaired, *(f"lost: {line}" for line in report.lost)]
        self.repaired += adopt(self.root)
        stored = read_schema(self.root)
        assert stored is not None
        stored, changed = in_words_of_today(self.root, stored, self._encoder.codec)
        self.repaired += changed
        if stored.to_json() != self.schema.to_json():
            raise DatasetError(
                f"{self.root} has other features: fps {stored.fps}, {', '.join(stored.names())}, cameras "
                f"{', '.join(c.name for c in stored.cameras) or 'none'}; asked for: fps {self.schema.fps}, "
                f"{', '.join(self.schema.names())}, cameras {', '.join(c.name for c in self.schema.cameras) or 'none'}"
            )
        if report.episodes == 0:
            shutil.rmtree(self.root)
            self.create()
            return
        info = read_info(self.root)
        self._encoder = as_recorded(self._encoder, {key: info.features[key]["info"] for key in info.depth_keys})
        self._check_space()
        self.episodes, self.frames = report.episodes, report.frames
        if has_language(self.root):
            self.with_language = True
            with _lerobot_errors(self.root):
                put_language_aside(self.root)
                commit(self.root, self.episodes, self.frames)
        self._reopen()
        with _lerobot_errors(self.root):
            files.reserve(self.root)
        self._progress = Progress(self.root)

    def overwrite(self) -> None:
        """Put a new dataset in the place of the one that is there.

        Raises:
            DatasetError: If what is there is no dataset.
        """
        if self.root.exists():
            if any(self.root.iterdir()):
                read_info(self.root)
            shutil.rmtree(self.root)
        self.create()

    def add(self, values: Mapping[str, Any], task: str) -> None:
        """Add a frame to the episode.

        Raises:
            RecordingError: If it cannot be added.
            DiskFullError: If the disk is nearly full.
        """
        if self._pending % self.schema.fps == 0:
            self._check_space()
        with _lerobot_errors(self.root):
            self._wait_for_encoders()
            self._dataset.add_frame({**values, **self._depths(values), "task": task})
        self._pending += 1
        if self._progress is not None:
            self._progress.note(self.episodes, self._pending)

    def _depths(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the depth pictures as LeRobot takes them: (H, W, 1) float32 [m], every number finite."""
        keys = [self.schema.keys[camera.name] for camera in self.schema.cameras if camera.is_depth]
        if not keys:
            return {}
        far = depth_ends(self._encoder)[1]
        return {key: finite_depth(values[key], far) for key in keys if key in values}

    def save(self, account: Mapping[str, Any]) -> EpisodeRow:
        """Write the episode, read it again, commit it, and return its row.

        Args:
            account: What is stored beside it.

        Raises:
            RecordingError: If it is not whole; the dataset is then as before.
        """
        try:
            self._check_space()
            with _lerobot_errors(self.root):
                # First, so that an episode whose files are whole after a crash has its account as well.
                files.write_json(self.root / EPISODES / f"episode-{self.episodes:06d}.json", dict(account))
                self._dataset.save_episode()
                self._close_files()
            row = self._verify()
            with _lerobot_errors(self.root):
                commit(self.root, row.index + 1, row.start + row.length)
        except RecordingError:
            self.rollback()
            raise
        self.episodes, self.frames = row.index + 1, row.start + row.length
        self._end_episode()
        return row

    def discard(self) -> None:
        """Forget the episode."""
        with _lerobot_errors(self.root):
            if self._pending:
                self._dataset.clear_episode_buffer()
        self._end_episode()

    def delete_last(self) -> int:
        """Take the newest episode out of the dataset, and return how many are left.

        Raises:
            RecordingError: If there is none, or one is being recorded.
        """
        if self._pending or not self.episodes:
            raise RecordingError(
                f"there are {self.episodes} episodes and {self._pending} frames of a new one; valid: at least one episode, and none begun"
            )
        self._drop()
        if self.episodes == 1:
            self._begin_anew()
            return 0
        with _lerobot_errors(self.root):
            report = take_out_last(self.root)
            self.episodes, self.frames = report.episodes, report.frames
            self._reopen()
            files.reserve(self.root)
        return self.episodes

    def rollback(self) -> None:
        """Go back to the completed episodes after an error.

        Raises:
            RecordingError: If that fails as well.
        """
        self._drop()
        with _lerobot_errors(self.root):
            report = recover(self.root, keep_lost=False)
        self._end_episode()
        self.episodes, self.frames = report.episodes, report.frames
        if self.episodes:
            self._reopen()
            with contextlib.suppress(OSError):
                files.reserve(self.root)
        else:
            self._begin_anew()

    def close(self) -> None:
        """End writing; an episode that was not saved is gone.

        Whatever fails, the data set is let go, so that another recording can repair it.
        """
        dataset, progress = self._dataset, self._progress
        self._dataset = self._progress = None
        try:
            self._finalize(dataset)
            if progress is not None:
                progress.clear()
        finally:
            if progress is not None:
                progress.close()

    def _finalize(self, dataset: Any) -> None:
        try:
            if dataset is not None:
                with _lerobot_errors(self.root):
                    if self._pending:
                        dataset.clear_episode_buffer()
                    dataset.finalize()
        finally:
            files.release(self.root)
        if self.with_language and self.episodes:
            with _lerobot_errors(self.root):
                write_language(self.root)
                commit(self.root, self.episodes, self.frames)

    def _begin_anew(self) -> None:
        """Make the dataset anew, without an episode."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None
        shutil.rmtree(self.root)
        self.episodes = self.frames = 0
        self.create()

    def _end_episode(self) -> None:
        self._pending = 0
        if self._progress is not None:
            self._progress.clear()

    def _reopen(self) -> None:
        with _lerobot_errors(self.root):
            from lerobot.datasets.lerobot_dataset import LeRobotDataset

            options = writer_options(self._encoder, bool(self.schema.cameras))
            self._dataset = LeRobotDataset.resume(self._repo_id, root=self.root, **options)
            self._use_a_file_for_each_episode()

    def _use_a_file_for_each_episode(self) -> None:
        """Have LeRobot begin new files with every episode, so that no completed one is ever opened for writing again.

        It does so when a file would get larger than this. Closing and `LeRobotDataset.resume` would do the same, but each resume reads the
        whole table of episodes. What info.json tells other writers stays LeRobot's default.
        """
        check_lerobot(self._dataset)
        info = self._dataset.meta.info
        info.data_files_size_in_mb = info.video_files_size_in_mb = _SMALLEST

    def _close_files(self) -> None:
        """Write the footers of the episode's files."""
        from lerobot.datasets.utils import DEFAULT_DATA_FILE_SIZE_IN_MB, DEFAULT_VIDEO_FILE_SIZE_IN_MB

        close_tables(self._dataset)
        info = files.read_json(self.root / files.INFO)
        info["data_files_size_in_mb"] = DEFAULT_DATA_FILE_SIZE_IN_MB
        info["video_files_size_in_mb"] = DEFAULT_VIDEO_FILE_SIZE_IN_MB
        files.write_json(self.root / files.INFO, info)

    def _drop(self) -> None:
        """Let go of LeRobot's writer without having it write: its destructor would, after the files were taken out."""
        dataset, self._dataset = self._dataset, None
        if dataset is None:
            return
        with contextlib.suppress(RecordingError), _lerobot_errors(self.root):
            dataset.writer.cancel_pending_videos()
        for table in open_tables_let_go(dataset):
            with contextlib.suppress(RecordingError), _lerobot_errors(self.root):
                table.close()

    def _wait_for_encoders(self) -> None:
        """Wait until every encoder takes a picture: LeRobot would drop it after 0.1 s with no more than a warning."""
        deadline = time.monotonic() + ENCODER_WAIT
        while full := full_encoders(self._dataset):
            if time.monotonic() > deadline:
                raise RecordingError(f"the encoder of {full[0]} has taken no picture for {ENCODER_WAIT:g} s")
            time.sleep(0.001)

    def _verify(self) -> EpisodeRow:
        """Read the episode that was just written, and return its row.

        Raises:
            RecordingError: If it is not whole.
        """
        try:
            info = read_info(self.root)
            newest = max((self.root / "meta/episodes").glob("*/*.parquet"))
            rows = list(table_rows(self.root, newest.relative_to(self.root), info))
            problems = [problem for row in rows for problem in EpisodeCheck(self.root, info).problems(row)]
        except (DatasetError, ValueError) as error:
            raise RecordingError(f"the episode was written but cannot be read: {error}") from error
        if len(rows) != 1 or rows[0].index != self.episodes or info.episodes != self.episodes + 1:
            found = [row.index for row in rows]
            problems.append(
                f"the table has episodes {found}, expected {self.episodes}; the info counts {info.episodes}"
            )
        elif (rows[0].start, rows[0].length) != (self.frames, self._pending):
            expected = f"{self._pending} from {self.frames} on"
            problems.append(f"it has {rows[0].length} frames from {rows[0].start} on; expected {expected}")
        if problems:
            raise RecordingError(f"the episode was written but is not whole: {'; '.join(problems)}")
        return rows[0]

    def _check_space(self) -> None:
        free = files.free_bytes(self.root)
        if free < MIN_FREE:
            raise DiskFullError(
                f"{free >> 20} MiB are free where {self.root} is; recording needs {MIN_FREE >> 20} MiB. The completed episodes are intact"
            )


@contextlib.contextmanager
def _lerobot_errors(root: Path) -> Iterator[None]:
    """Turn whatever LeRobot, its encoders and the disk raise into an error of ours; that code is not this project's."""
    try:
        yield
    except (RecordingError, ConfigurationError, DatasetError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in text or files.free_bytes(root) < 1 << 20:
            raise DiskFullError(f"the disk of {root} is full ({text}); the completed episodes are intact") from error
        raise RecordingError(f"LeRobot could not write: {text}") from error
