"""Whatever ends a recording, the completed episodes are readable, and the loss is stated exactly."""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_disk import mounted

from strands_robots.dataset import store as store_module
from strands_robots.dataset.errors import DatasetError, DiskFullError, RecordingError
from strands_robots.dataset.manifest import MANIFEST, read_manifest
from strands_robots.dataset.recover import recover
from strands_robots.dataset.store import EncoderConfig, LeRobotStore
from strands_robots.dataset.verify import verify

from .killed_writer import kill_writer
from .made import account, make_dataset, make_schema, values


def open_store(root: Path, mode: str = "create") -> LeRobotStore:
    store = LeRobotStore(root, "test/data", make_schema(), EncoderConfig())
    getattr(store, mode)()
    return store


def write_episode(store: LeRobotStore, frames: int = 12) -> None:
    for k in range(frames):
        store.add(values(store.schema, k), "wave")
    store.save(account(store.schema, store.episodes, frames))


def opened(root: Path) -> Any:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("test/data", root=root, video_backend="pyav")


def assert_readable(root: Path, episodes: int) -> None:
    """LeRobot opens it and reads the last frame, picture included; our own check finds nothing."""
    data = opened(root)
    assert (data.num_episodes, data.num_frames) == (episodes, 12 * episodes)
    assert data[-1]["observation.images.camera0"].shape == (3, 48, 64)
    verdict = verify(root, expected=episodes, pictures=False)
    assert verdict.is_good, verdict.errors


def _survives_kill(root: Path, moment: random.Random) -> None:
    before = read_manifest(root)
    had = before.episodes if before is not None else 0
    saved, last = kill_writer(root, moment)
    report = recover(root)
    assert report.episodes in (had + saved, had + saved + 1), f"{last}: {report}"
    assert_readable(root, report.episodes)
    word, episode, *frame = last.split()
    if word == "frame" and int(episode) >= report.episodes:
        lost = [line for line in report.lost if line.startswith(f"episode {episode}, which was not ended")]
        assert lost, report
        assert int(frame[0]) <= int(lost[0].rsplit(" ", 2)[1]) <= int(frame[0]) + 1, f"{last}: {lost}"
    assert recover(root).lost == report.lost and not recover(root).repaired


def test_killed_writer_loses_only_the_episode_that_was_not_saved(tmp_path: Path) -> None:
    root, moment = tmp_path / "data", random.Random(5)
    _survives_kill(root, moment)
    store = open_store(root, "resume")
    episodes = store.episodes
    write_episode(store)
    store.close()
    assert_readable(root, episodes + 1)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_writer_killed_at_20_random_moments_never_loses_a_saved_episode(tmp_path: Path) -> None:
    root, moment = tmp_path / "data", random.Random(7)
    for _ in range(20):
        _survives_kill(root, moment)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    make_dataset(tmp_path / "data", lengths=(12, 12, 12))
    return tmp_path / "data"


DAMAGES = {
    "table without footer": "meta/episodes/chunk-000/file-003.parquet",
    "vectors without footer": "data/chunk-000/file-003.parquet",
    "half a video": "videos/observation.images.camera0/chunk-000/file-003.mp4",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_unfinished_files_of_the_next_episode_are_taken_out(three: Path, damage: str) -> None:
    path = three / DAMAGES[damage]
    before = path.with_name(path.name.replace("003", "002"))
    path.write_bytes(before.read_bytes()[: before.stat().st_size // 2])
    (three / "tmpabc123").mkdir()
    info = three / "meta/info.json"
    info.write_text(info.read_text()[:100])
    report = recover(three)
    assert report.episodes == 3
    assert any("tmpabc123" in line for line in report.repaired) and any(path.name in line for line in report.repaired)
    assert_readable(three, 3)


def test_power_loss_that_zeroed_a_completed_file_costs_that_episode_and_later_ones(three: Path) -> None:
    path = three / "data/chunk-000/file-001.parquet"
    path.write_bytes(b"\0" * (path.stat().st_size - 10))
    report = recover(three)
    assert report.episodes == 1
    assert [line.split(":")[0] for line in report.lost] == ["episode 1, 12 frames", "episode 2, 12 frames"]
    assert_readable(three, 1)


def test_dataset_without_manifest_is_searched(three: Path) -> None:
    shutil.rmtree(three / "meta/strands_robots/last")
    (three / MANIFEST).unlink()
    (three / "meta/tasks.parquet").write_bytes(b"PAR1 half")
    (three / "data/chunk-000/file-002.parquet").write_bytes(b"PAR1 half")
    report = recover(three)
    assert report.episodes == 2 and report.lost[0].startswith("episode 2, 12 frames")
    data = opened(three)
    assert data.num_frames == 24 and data[20]["task"] == "wave"
    assert set(data.meta.stats) >= {"action", "observation.state", "observation.images.camera0"}


def test_folder_that_is_no_dataset_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DatasetError, match="holds no dataset"):
        recover(tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


def test_new_dataset_does_not_touch_a_folder_that_is_taken(three: Path) -> None:
    with pytest.raises(RecordingError, match="not empty"):
        open_store(three)
    assert_readable(three, 3)


def test_overwrite_puts_a_new_dataset_in_the_place_of_one_and_of_nothing_else(three: Path, tmp_path: Path) -> None:
    store = open_store(three, "overwrite")
    write_episode(store)
    store.close()
    assert_readable(three, 1)
    other = tmp_path / "other" / "letter"
    other.parent.mkdir()
    other.write_text("mine")
    with pytest.raises(DatasetError, match=r"info\.json cannot be read"):
        open_store(other.parent, "overwrite")
    assert other.read_text() == "mine"


def test_resume_with_other_features_is_refused(three: Path) -> None:
    store = LeRobotStore(three, "test/data", make_schema(cameras=2), EncoderConfig())
    with pytest.raises(DatasetError, match="other features"):
        store.resume()
    assert_readable(three, 3)


def test_discarded_episode_leaves_nothing(three: Path) -> None:
    store = open_store(three, "resume")
    for k in range(5):
        store.add(values(store.schema, k), "wave")
    store.discard()
    write_episode(store)
    store.close()
    assert_readable(three, 4)
    assert not [path for path in three.iterdir() if path.name.startswith("tmp")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "3m") as disk:
        yield disk


def test_full_disk_stops_the_recording_with_the_completed_episodes_intact(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MIN_FREE", 0)
    store = open_store(small_disk / "data")
    write_episode(store)
    write_episode(store)
    (small_disk / "ballast").write_bytes(b"x" * (store_module.files.free_bytes(small_disk) - 20_000))
    with pytest.raises(DiskFullError, match="completed episodes are intact"):
        for _ in range(5):
            write_episode(store)
    episodes = store.episodes
    assert episodes >= 2
    (small_disk / "ballast").unlink()
    assert_readable(small_disk / "data", episodes)


def test_data_set_that_cannot_be_closed_is_let_go_and_repaired_by_the_next_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path / "data")
    write_episode(store)

    def no_room(self: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(type(store._dataset), "finalize", no_room)
        with pytest.raises(DiskFullError, match="completed episodes are intact"):
            store.close()
    store = open_store(tmp_path / "data", "resume")
    assert store.episodes == 1
    write_episode(store)
    store.close()
    assert_readable(tmp_path / "data", 2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_disk_that_fills_at_any_moment_of_an_episode_leaves_the_completed_ones(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MIN_FREE", 0)
    root, ballast = small_disk / "data", small_disk / "ballast"
    write_episode(store := open_store(root))
    store.close()
    for free in range(1_000, 61_000, 5_000):
        store = open_store(root, "resume")
        episodes = store.episodes
        ballast.write_bytes(b"x" * max(store_module.files.free_bytes(small_disk) - free, 0))
        with contextlib.suppress(RecordingError):
            while True:
                write_episode(store)
                episodes += 1
        ballast.unlink()
        store.close()
        report = recover(root)
        assert report.episodes == episodes, f"{free} bytes were free: {report}"
        assert_readable(root, episodes)
        shutil.rmtree(root)
        write_episode(store := open_store(root))
        store.close()


def test_nearly_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MIN_FREE", 1 << 60)
    with pytest.raises(DiskFullError, match="MiB are free"):
        open_store(tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_200_short_episodes_are_exactly_200(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", lengths=(12,) * 200)
    assert_readable(tmp_path / "data", 200)
