"""Depth and encoder settings: what is refused, what LeRobot's encoder is given, and depth that its own loader gives back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.dataset.depth import finite_depth
from strands_robots.dataset.encoder import EncoderConfig, encoder_settings, writer_options
from strands_robots.dataset.schema import CameraPart, schema_from_json
from strands_robots.dataset.store import LeRobotStore
from strands_robots.dataset.table import read_episodes, read_info

from .made import make_schema, values

NEAR, FAR = 0.1, 1.5
CODES = 4095
KEY = "observation.images.camera0_depth"
learning = pytest.mark.learning


def depth_of(k: int) -> np.ndarray:
    """Return depth (48, 64) [m] of frame k: a slope with a step, and each kind of what is no distance."""
    rows, columns = np.mgrid[0:48, 0:64]
    depth = (0.2 + 0.01 * columns + 0.004 * rows + 0.002 * k).astype(np.float32)
    depth[20:30, 30:40] = 0.15
    depth[0, 0], depth[0, 1], depth[0, 2] = np.nan, np.inf, -np.inf
    return depth


def _with_depth(schema: Any) -> Any:
    return replace(schema, cameras=(*schema.cameras, CameraPart("so101/camera0/depth", 48, 64)))


def test_feature_of_a_depth_camera_is_marked_and_named_as_lerobot_does() -> None:
    schema = _with_depth(make_schema())
    feature = schema.features()[KEY]
    assert feature["shape"] == (48, 64, 1) and feature["info"] == {"is_depth_map": True}
    assert schema.features()["observation.images.camera0"]["shape"] == (48, 64, 3)
    again = schema_from_json(schema.to_json())
    assert again.cameras[1].is_depth and not again.cameras[0].is_depth and again.keys == schema.keys


def test_what_is_no_distance_becomes_one_that_a_video_can_say() -> None:
    found = finite_depth(np.array([[np.nan, np.inf], [-np.inf, 0.7]]), 2.0)
    assert found.shape == (2, 2, 1) and found.dtype == np.float32
    assert found[..., 0].tolist() == [[0.0, 2.0], [0.0, pytest.approx(0.7)]]


def test_settings_that_are_no_encoders_are_refused() -> None:
    assert encoder_settings("") == {} and encoder_settings("{rgb: {g: 3}}") == {"rgb": {"g": 3}}
    with pytest.raises(UnknownNameError, match="unknown kind of encoder 'color'; valid: depth, rgb"):
        encoder_settings("{color: {}}")
    with pytest.raises(ConfigurationError, match=r"valid: \{rgb: "):
        encoder_settings("{rgb: 3}")
    with pytest.raises(ConfigurationError, match="are not YAML"):
        encoder_settings("{rgb: ")


@learning
def test_lerobots_encoders_get_the_settings_and_say_what_is_wrong() -> None:
    pytest.importorskip("lerobot")
    options = writer_options(
        EncoderConfig(
            rgb={"g": 5, "fast_decode": 1, "extra_options": {"bf": 0}}, depth={"depth_max": 2.0, "use_log": False}
        ),
        True,
    )
    assert (options["rgb_encoder"].g, options["rgb_encoder"].fast_decode) == (5, 1)
    assert options["rgb_encoder"].get_codec_options()["bf"] == 0
    assert (options["depth_encoder"].depth_max, options["depth_encoder"].use_log) == (2.0, False)
    with pytest.raises(UnknownNameError, match=r"unknown setting of LeRobot's depth encoder 'far'; valid: .*depth_max"):
        writer_options(EncoderConfig(depth={"far": 2.0}), True)
    with pytest.raises(ConfigurationError, match=r"depth_min 3\.0 m, depth_max 2\.0 m"):
        writer_options(EncoderConfig(depth={"depth_min": 3.0, "depth_max": 2.0}), True)
    with pytest.raises(ConfigurationError, match="video settings cannot be used"):
        writer_options(EncoderConfig(rgb={"pix_fmt": "gray12le"}), True)


@learning
@pytest.mark.parametrize("use_log", [True, False])
def test_lerobots_loader_gives_depth_back_within_the_quantisation(tmp_path: Path, use_log: bool) -> None:
    pytest.importorskip("lerobot")
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from strands_robots.dataset.depth import read_depths
    from strands_robots.dataset.verify import verify

    shift = 0.5
    config = EncoderConfig(
        rgb={"g": 3}, depth={"depth_min": NEAR, "depth_max": FAR, "use_log": use_log, "shift": shift}
    )
    schema = _with_depth(make_schema())
    store = LeRobotStore(tmp_path / "data", "test/data", schema, config)
    store.create()
    for episode in range(2):
        for k in range(8):
            store.add({**values(schema, k), KEY: depth_of(k + episode)}, "reach")
        store.save({"format": 1})
    store.close()

    data = LeRobotDataset("test/data", root=tmp_path / "data", video_backend="pyav", depth_output_unit="m")
    assert data.meta.depth_keys == [KEY]
    info = data.meta.features[KEY]["info"]
    assert (info["video.depth_min"], info["video.depth_max"], info["video.use_log"]) == (NEAR, FAR, use_log)
    assert info["depth_unit"] == "m" and data.meta.features["observation.images.camera0"]["info"]["video.g"] == 3
    for index in range(len(data)):
        loaded = np.asarray(data[index][KEY]).reshape(48, 64)
        true = np.clip(finite_depth(depth_of(index % 8 + index // 8), FAR)[..., 0], NEAR, FAR)
        # Half a code: linear all over, in logarithmic mode as wide as the distance plus the shift.
        step = (true + shift) * np.log((FAR + shift) / (NEAR + shift)) / CODES if use_log else (FAR - NEAR) / CODES
        assert (np.abs(loaded - true) <= 0.51 * step + 1e-6).all(), float(np.abs(loaded - true).max())
    root = tmp_path / "data"
    info_read = read_info(root)
    ours = list(read_depths(root, info_read, read_episodes(root, info_read)[1], KEY))
    assert np.allclose(ours[3], np.asarray(data[11][KEY]).reshape(48, 64), atol=1e-6)
    verdict = verify(root)
    assert not [line for line in verdict.errors if "depth" in line], verdict.errors


@learning
def test_dataset_that_goes_on_keeps_what_its_depth_means(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    from strands_robots.dataset.depth import read_depths

    schema, root = _with_depth(make_schema()), tmp_path / "data"

    def store(depth: dict[str, Any]) -> LeRobotStore:
        return LeRobotStore(root, "test/data", schema, EncoderConfig(depth=depth))

    def add(one: LeRobotStore) -> None:
        for k in range(3):
            one.add({**values(schema, k), KEY: depth_of(k)}, "reach")
        one.save({"format": 1})
        one.close()

    first = store({"depth_min": NEAR, "depth_max": FAR, "use_log": False})
    first.create()
    add(first)
    with pytest.raises(
        ConfigurationError, match=r"was recorded with depth_max 1\.5, and 2\.0 is asked for; valid: 1\.5"
    ):
        store({"depth_max": 2.0}).resume()
    second = store({})
    second.resume()
    add(second)
    info = read_info(root)
    for row in read_episodes(root, info):
        found = next(read_depths(root, info, row, KEY))
        assert found[40, 50] == pytest.approx(depth_of(0)[40, 50], abs=0.001), f"episode {row.index}"
