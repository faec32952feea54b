"""Recordings as MCAP: the same sampling as live, and episodes that come back as they went."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.table import read_episodes, read_info, read_vectors
from strands_robots.dataset.verify import verify
from strands_robots.mcap.mcap_file import write_mcap
from strands_robots.mcap.message import Message
from strands_robots.recording.mcap.mcap_export import export_episode
from strands_robots.recording.mcap.mcap_import import ImportOptions, import_episode, read_recording, sample_recording
from strands_robots.recording.mcap.ros_types import IMAGE, JOINT_COMMAND, JOINT_STATE, RosTypes
from strands_robots.recording.sampler import CommandSample, DatasetFrame, JointSample, Sampler, SamplerConfig
from strands_robots.recording.stream import SECOND

from .made import JOINTS, command, make_dataset, make_schema, picture, state

MS = SECOND // 1000
START = 17 * SECOND + 3
OPTIONS = ImportOptions("test/data", 30, ("so101=so101",), None, "wave")


def samples() -> Iterator[tuple[str, int, Any]]:
    """Give (topic, stamp, what) of an arm at 100 Hz and a camera at 25 Hz whose pictures come 55 ms late, as they arrive."""
    arrivals = []
    for i in range(200):
        stamp = START + i * 10 * MS
        arrivals.append((stamp + 1 * MS, "so101/joint_states", stamp, state(i * 0.3)))
        arrivals.append((stamp + 2 * MS, "so101/command_applied", stamp, command(i * 0.3)))
        if i % 4 == 0:
            arrivals.append((stamp + 55 * MS, "so101/camera0/image_raw", stamp, picture(i)))
    for _, topic, stamp, what in sorted(arrivals, key=lambda entry: entry[:2]):
        yield topic, stamp, what


def recording(path: Path) -> None:
    """Write the samples as an MCAP file."""
    types = RosTypes()

    def encode(topic: str, stamp: int, what: Any) -> bytes:
        header = types.header(stamp)
        if topic.endswith("joint_states"):
            message = types.make(
                JOINT_STATE, header=header, name=list(JOINTS), position=what, velocity=what, effort=what
            )
            return types.encode(message, JOINT_STATE)
        if topic.endswith("command_applied"):
            lifetime = types.make("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
            message = types.make(
                JOINT_COMMAND, header=header, source="teleop/leader", sequence=1, lifetime=lifetime, mode=0,
                joint_names=list(reversed(JOINTS)), values=np.ascontiguousarray(what[::-1]),
            )  # fmt: skip
            return types.encode(message, JOINT_COMMAND)
        message = types.make(
            IMAGE,
            header=header,
            height=48,
            width=64,
            encoding="bgr8",
            is_bigendian=0,
            step=192,
            data=what[:, :, ::-1].reshape(-1),
        )
        return types.encode(message, IMAGE)

    kinds = {
        "/so101/joint_states": JOINT_STATE,
        "/so101/command_applied": JOINT_COMMAND,
        "/so101/camera0/image_raw": IMAGE,
    }
    messages = (Message("/" + topic, stamp, encode(topic, stamp, what)) for topic, stamp, what in samples())
    write_mcap(path, messages, kinds, types.definition)


def live() -> tuple[Sampler, list[DatasetFrame]]:
    """Feed the samples as recorder_node does, time passing with their arrival."""
    sampler = Sampler(make_schema(), SamplerConfig())
    frames: list[DatasetFrame] = []
    sampler.begin(START)
    newest = 0
    for topic, stamp, what in samples():
        payload = what
        if topic.endswith("joint_states"):
            payload = JointSample(what, what, what)
        elif topic.endswith("command_applied"):
            payload = CommandSample(what, "teleop/leader")
        sampler.streams[topic].push(stamp, payload)
        newest = max(newest, stamp)
        frames += sampler.due(stamp)
    frames += sampler.due(newest + SECOND, newest)
    frames += sampler.due(newest + 2 * SECOND, newest)
    return sampler, frames


def test_recording_gives_the_frames_that_live_sampling_gave(tmp_path: Path) -> None:
    recording(tmp_path / "run.mcap")
    sampler = Sampler(make_schema(), SamplerConfig(grace=None))
    imported = list(sample_recording(read_recording(tmp_path / "run.mcap"), sampler))
    reference, expected = live()
    assert len(imported) == len(expected) > 50
    assert [frame.stamp for frame in imported] == [frame.stamp for frame in expected]
    for ours, theirs in zip(imported, expected):
        assert ours.stale == theirs.stale
        for key, value in theirs.values.items():
            np.testing.assert_array_equal(ours.values[key], value)
    for topic, count in reference.counts.items():
        assert (sampler.counts[topic].used, sampler.counts[topic].repeated) == (count.used, count.repeated), topic


def test_imported_episode_is_a_dataset_that_holds(tmp_path: Path) -> None:
    recording(tmp_path / "run.mcap")
    for _ in range(2):
        import_episode(tmp_path / "run.mcap", tmp_path / "data", OPTIONS)
    verdict = verify(tmp_path / "data", expected=2)
    assert verdict.is_good, verdict.errors
    _, expected = live()
    info = read_info(tmp_path / "data")
    data = read_vectors(tmp_path / "data", read_episodes(tmp_path / "data", info)[1], ["observation.state", "action"])
    for key, values in data.items():
        np.testing.assert_array_equal(values.astype(np.float32), np.stack([frame.values[key] for frame in expected]))


def test_exported_episode_comes_back_with_the_same_rows(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", lengths=(40,))
    file = tmp_path / "data/meta/strands_robots/episodes/episode-000000.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "began_ns": START, "skipped": 2}))
    written = export_episode(tmp_path / "data", 0, tmp_path / "episode.mcap")
    assert written == {"/so101/joint_states": 40, "/so101/command_applied": 41, "/so101/camera0/image_raw": 40}
    import_episode(tmp_path / "episode.mcap", tmp_path / "again", OPTIONS)
    rows = []
    for root in (tmp_path / "data", tmp_path / "again"):
        info = read_info(root)
        rows.append(read_vectors(root, read_episodes(root, info)[0], ["observation.state", "action"]))
    for key in rows[0]:
        np.testing.assert_allclose(rows[1][key], rows[0][key], atol=1e-4)


def test_rosbag2_folder_is_read_as_well(tmp_path: Path) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer

    recording(tmp_path / "run.mcap")
    types = RosTypes()
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connections = {}
        for number, recorded in enumerate(read_recording(tmp_path / "run.mcap")):
            if recorded.topic not in connections:
                connections[recorded.topic] = bag.add_connection(
                    "/" + recorded.topic, recorded.kind, typestore=types.store
                )
            bag.write(connections[recorded.topic], number + 1, types.encode(recorded.message, recorded.kind))
    sampler = Sampler(make_schema(), SamplerConfig(grace=None))
    assert len(list(sample_recording(read_recording(tmp_path / "bag"), sampler))) == len(live()[1])


def test_recording_without_a_robots_topics_names_what_it_has(tmp_path: Path) -> None:
    recording(tmp_path / "run.mcap")
    wrong = ImportOptions("test/data", 30, ("left=so101",), ("left/camera0",), "wave")
    with pytest.raises(ConfigurationError, match="no pictures of left/camera0; it has so101/camera0/image_raw"):
        import_episode(tmp_path / "run.mcap", tmp_path / "data", wrong)
    (tmp_path / "broken.mcap").write_bytes(b"no mcap")
    with pytest.raises(ConfigurationError, match="no readable MCAP"):
        import_episode(tmp_path / "broken.mcap", tmp_path / "data", OPTIONS)
