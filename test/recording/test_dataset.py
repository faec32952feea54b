"""What the recorder writes, as LeRobot and as our own reader see it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strands_robots.dataset.merge import merge
from strands_robots.dataset.table import read_episodes, read_info, read_pictures, read_vectors
from strands_robots.dataset.verify import verify
from strands_robots.dataset.view import write_view
from strands_robots.recording.sampler import CommandSample, JointSample, Sampler, SamplerConfig
from strands_robots.recording.stream import SECOND
from strands_robots.recording.summary import summarize

from .made import JOINTS, command, make_dataset, make_schema, picture, state


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset") / "data"
    make_dataset(root)
    return root


def opened(root: Path) -> Any:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("test/data", root=root, video_backend="pyav")


def test_lerobot_opens_it_and_a_dataloader_iterates_every_frame(dataset: Path) -> None:
    import torch

    data = opened(dataset)
    assert (data.num_episodes, data.num_frames) == (2, 95)
    schema = make_schema()
    seen = 0
    for batch in torch.utils.data.DataLoader(data, batch_size=19, num_workers=0):
        assert batch["observation.images.camera0"].shape[1:] == (3, 48, 64)
        for k, row in zip(batch["frame_index"].tolist(), batch["observation.state"].numpy()):
            np.testing.assert_array_equal(row, schema.vector([state(k)]))
        seen += len(batch["index"])
    assert seen == 95
    assert data.features["observation.state"]["names"] == [f"{joint}.pos" for joint in JOINTS]
    assert data[60]["task"] == "wave"


def test_pictures_belong_to_their_frames(dataset: Path) -> None:
    info = read_info(dataset)
    for row in read_episodes(dataset, info):
        shown = list(read_pictures(dataset, info, row, "observation.images.camera0"))
        assert len(shown) == row.length
        for k, pixels in enumerate(shown):
            assert np.abs(pixels.astype(int) - picture(k).astype(int)).mean() < 12, f"frame {k}"
            bar = int(pixels[:, :, 0].mean(axis=0).argmax())
            assert (2 * k) % 60 <= bar < (2 * k) % 60 + 4, f"frame {k} shows another frame's picture"


@pytest.mark.long
def test_lerobots_trainer_takes_ten_steps_on_it(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lerobot.configs.default import DatasetConfig
    from lerobot.configs.train import TrainPipelineConfig
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.scripts.lerobot_train import train

    policy = ACTConfig(
        chunk_size=5, n_action_steps=5, dim_model=32, n_heads=2, dim_feedforward=32, n_encoder_layers=1, n_vae_encoder_layers=1,
        use_vae=False, pretrained_backbone_weights=None, device="cpu", push_to_hub=False,
    )  # fmt: skip
    config = TrainPipelineConfig(
        dataset=DatasetConfig(repo_id="test/data", root=str(dataset), video_backend="pyav"), policy=policy,
        output_dir=tmp_path / "run", steps=10, batch_size=2, num_workers=0, save_checkpoint=True, save_freq=10, log_freq=5,
    )  # fmt: skip
    monkeypatch.setattr("sys.argv", ["lerobot-train"])
    train(config)
    assert list((tmp_path / "run").rglob("model.safetensors")), "no checkpoint after ten steps"


def test_alignment_is_that_of_lerobots_own_record_loop(tmp_path: Path) -> None:
    """The same trajectory through LeRobot's loop and through the sampler: the same rows."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.processor import make_default_processors
    from lerobot.scripts.lerobot_record import record_loop

    schema = make_schema(cameras=0)
    codec = schema.robots[0].codec
    given: list[np.ndarray] = []

    class Robot:
        name, robot_type = "scripted", "scripted"
        count = -1

        def get_observation(self) -> dict[str, float]:
            self.count += 1
            return codec.by_key(state(self.count))

        def send_action(self, action: dict[str, float]) -> dict[str, float]:
            given.append(codec.from_keys(action)[1])
            return action

    from lerobot.teleoperators import Teleoperator

    robot = Robot()

    class Leader(Teleoperator):
        config_class, name = None, "scripted"
        action_features = feedback_features = property(lambda self: {})
        is_connected = is_calibrated = property(lambda self: True)

        def __init__(self) -> None: ...
        def connect(self, calibrate: bool = True) -> None: ...
        def calibrate(self) -> None: ...
        def configure(self) -> None: ...
        def send_feedback(self, feedback: dict[str, Any]) -> None: ...
        def disconnect(self) -> None: ...
        def get_action(self) -> dict[str, float]:
            return codec.by_key(command(robot.count))

    theirs = LeRobotDataset.create("test/theirs", 30, schema.features(), root=tmp_path / "theirs", video_backend="pyav")
    record_loop(
        robot, {"exit_early": False}, 30, *make_default_processors(), dataset=theirs, teleop=Leader(), control_time_s=0.5,
        single_task="wave",
    )  # fmt: skip
    length = theirs.writer.episode_buffer["size"]
    rows = {key: np.stack(theirs.writer.episode_buffer[key]) for key in ("observation.state", "action")}

    sampler = Sampler(schema, SamplerConfig(grace=None))
    sampler.begin(0)
    ours = []
    for k in range(length + 1):
        at = k * SECOND // 30
        sampler.streams["so101/joint_states"].push(at, JointSample(state(k), state(k), state(k)))
        sampler.streams["so101/command_applied"].push(
            at + 1_000_000, CommandSample(given[min(k, length - 1)], "teleop/leader")
        )
        ours += sampler.due(at)
    assert length > 8 and len(ours) == length
    for feature, values in rows.items():
        np.testing.assert_allclose(np.stack([frame.values[feature] for frame in ours]), values, atol=1e-4)


def test_verify_finds_nothing_and_counts(dataset: Path) -> None:
    verdict = verify(dataset, expected=2)
    assert verdict.is_good, verdict.errors
    assert (verdict.episodes, verdict.frames, verdict.lag) == (2, 95, [2, 2])
    assert verify(dataset, expected=3).errors == ["2 episodes; expected 3"]


def _copy(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "copy"))


def _rewrite(root: Path, change: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = sorted((root / "data").glob("*/*.parquet"))[1]
    frame = pq.read_table(path).to_pandas()
    change(frame)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def test_verify_names_a_state_outside_its_limits(dataset: Path, tmp_path: Path) -> None:
    root = _copy(dataset, tmp_path)

    def change(frame: Any) -> None:
        frame.at[7, "observation.state"] = np.full(len(JOINTS), 300.0, np.float32)

    _rewrite(root, change)
    errors = verify(root, pictures=False).errors
    assert any("episode 1: state of so101/shoulder_pan goes from" in error for error in errors), errors


def test_verify_names_an_action_that_is_late(dataset: Path, tmp_path: Path) -> None:
    root = _copy(dataset, tmp_path)
    _rewrite(root, lambda frame: frame.__setitem__("action", frame["observation.state"].shift(5).bfill()))
    errors = verify(root, pictures=False).errors
    assert errors == ["episode 1: the state leads the action by 5 frames: action_k must be the answer to observation_k"]


def test_verify_names_wrong_times_nan_and_a_short_video(dataset: Path, tmp_path: Path) -> None:
    root = _copy(dataset, tmp_path)

    def change(frame: Any) -> None:
        frame.at[3, "timestamp"] = np.float32(3 / 30 + 0.01)
        frame.at[4, "action"] = np.full(len(JOINTS), np.nan, np.float32)

    _rewrite(root, change)
    first, second = sorted(root.glob("videos/*/*/*.mp4"))
    shutil.copyfile(second, first)
    errors = "\n".join(verify(root, pictures=False).errors)
    assert "episode 1: frame 3 is at 0.110000 s" in errors
    assert "action holds NaN or infinity in frame 4" in errors
    assert "episode 0: " in errors and "45 frames, too few for 50" in errors


def test_verify_names_missing_provenance(dataset: Path, tmp_path: Path) -> None:
    root = _copy(dataset, tmp_path)
    (root / "meta/strands_robots/episodes/episode-000000.json").unlink()
    assert verify(root, pictures=False).errors == ["episode 0: there is no account beside it"]


def test_verify_warns_of_a_frozen_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from . import made

    monkeypatch.setattr(made, "picture", lambda k, draw=made.picture: draw(min(k, 10)))
    make_dataset(tmp_path / "data", lengths=(50,))
    warnings = verify(tmp_path / "data").warnings
    assert any("observation.images.camera0 shows the same picture in frames" in warning for warning in warnings), (
        warnings
    )


def test_summary_and_views_show_the_episode(dataset: Path, tmp_path: Path) -> None:
    summary = summarize(dataset)
    assert (summary["episodes"], summary["frames"], summary["tasks"]) == (2, 95, {"wave": 2})
    write_view(dataset, 1, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == len(JOINTS) and page.count("data:image/jpeg;base64,") == 8
    assert "http" not in page.replace("http-equiv", ""), "the page needs a network"
    write_view(dataset, 0, tmp_path / "sheet.png")
    from PIL import Image

    assert min(Image.open(tmp_path / "sheet.png").size) > 300


def test_merged_dataset_has_the_episodes_of_both_in_order(dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_dataset(other, lengths=(40,))
    assert merge([dataset, other], tmp_path / "both", "test/both") == 3
    info = read_info(tmp_path / "both")
    rows = read_episodes(tmp_path / "both", info)
    assert [row.length for row in rows] == [50, 45, 40]
    for row in rows:
        values = read_vectors(tmp_path / "both", row, ["action"])["action"]
        np.testing.assert_allclose(values[7], make_schema().vector([command(7)]), atol=1e-5)
    assert opened(tmp_path / "both").num_frames == 135
