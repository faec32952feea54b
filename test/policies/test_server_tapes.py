"""Every published embodiment's adapter against the bytes of its server: what is sent is what the server's own client sends, key by key,
and what is answered moves the joints that it means."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import rotation_matrix
from strands_robots.core.types import Action, ControlMode, Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

from .tapes import Playback, http_playback, load_tape, mismatches, scene, tapes, websocket_playback, zmq_playback

PANDA = load_robot("panda").limits()
FINGER = PANDA.names.index("panda_finger_joint1")
START = np.array([*scene.JOINTS, scene.FINGER])
PICTURES = {name: scene.picture(i) for i, name in enumerate(("left", "wrist", "right"))}
DEFAULT_SIZE = (480, 640)


def _observation(names: tuple[str, ...] = PANDA.names, position: FloatArray = START, **more: Any) -> Observation:
    given = {"images": PICTURES, "task": scene.TASK, **more}
    return Observation(0.0, names, position, 0 * position, 0 * position, **given)


def _context(adapter: str, names: tuple[str, ...] = PANDA.names, rate: float = 0.0) -> PolicyContext:
    cameras = {entry.camera: DEFAULT_SIZE for entry in load_adapter(adapter).cameras.values()}
    limits = PANDA if names is PANDA.names else None
    return PolicyContext("robot", names, limits, scene.TASK, rate, cameras, adapter)


def _ask(
    provider: str, playback: Playback, adapter: str, observation: Observation, rate: float = 0.0, **settings: Any
) -> Action:
    context = _context(adapter, observation.joint_names, rate)
    policy = create_policy(provider, {"port": playback.port, **settings}, context)
    playback.requests.clear()
    policy.reset(3)
    action = policy.infer(observation)
    policy.close()
    return action


def test_every_tape_says_where_it_is_from() -> None:
    found = tapes()
    assert len(found) >= 19
    for name in found:
        tape = load_tape(name)
        assert len(tape.about["commit"]) == 40, name
        assert "/" in tape.about["repository"], name
        assert tape.messages, name
        assert tape.about["ran"], name


# openpi


def test_openpi_droid_request_is_byte_for_byte_its_own_clients_and_the_hand_is_a_position() -> None:
    with websocket_playback("openpi/droid") as playback:
        action = _ask("openpi", playback, "openpi_droid", _observation(), preset="droid")
        recorded = playback.tape.requests("infer")[0]
        assert mismatches(playback.asked("infer")[-1], recorded) == []
        np.testing.assert_array_equal(
            playback.asked("infer")[-1]["observation/wrist_image_left"], recorded["observation/wrist_image_left"]
        )
    rows = scene.ramp(10, 8).astype(float)
    assert action.mode is ControlMode.POSITION
    steps = np.cumsum(rows[:, :7] * 0.2, axis=0)  # 1 is 0.2 rad in one row
    np.testing.assert_allclose(action.values[:, :7], scene.JOINTS + steps, atol=1e-6)
    np.testing.assert_allclose(action.values[:, 7], 0.04)  # 0.08 and up to 0.089 is below the threshold: open


def test_openpi_libero_is_told_the_tools_pose_and_steps_by_its_controllers_units() -> None:
    with websocket_playback("openpi/libero") as playback:
        action = _ask("openpi", playback, "openpi_libero", _observation(), preset="libero")
        assert mismatches(playback.asked("infer")[-1], playback.tape.requests("infer")[0], tolerance=1e-4) == []
    _moved_by(action, 0.05 * np.array([0.01, 0.02, 0.03]), 0.5 * np.array([0.04, 0.05, 0.06]))
    np.testing.assert_allclose(action.values[:, FINGER], 0.0)  # 0.07 is above 0: closed


@pytest.mark.parametrize("case", ["aloha_sim", "aloha"])
def test_openpi_aloha_gets_nested_pictures_with_colours_first(case: str) -> None:
    adapter = load_adapter(f"openpi_{case}")
    names = tuple(element.joint for element in adapter.action)
    numbers = np.linspace(-0.6, 0.7, 14)
    position = np.array([e.scale_and_offset()[0] * n for e, n in zip(adapter.action, numbers)])
    images = {c: scene.picture(i) for i, c in enumerate(("high", "low", "left_wrist", "right_wrist"))}
    with websocket_playback(f"openpi/{case}") as playback:
        action = _ask("openpi", playback, f"openpi_{case}", _observation(names, position, images=images), preset=case)
        ours, theirs = playback.asked("infer")[-1], playback.tape.requests("infer")[0]
        order = ["images", "state", "prompt"] if "prompt" in theirs else ["images", "state"]
        assert mismatches(ours, {key: theirs[key] for key in order}) == []
    assert action.joint_names == names
    np.testing.assert_allclose(action.values[0, :3], scene.ramp(1, 3)[0], atol=1e-6)


def test_vllm_omni_answers_a_bare_array_and_resets(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"joint_{i}" for i in range(7)] + ["gripper"]
    adapter = {
        "state": [*load_adapter("openpi_droid").model_dump()["state"]],
        "cameras": {k: {"camera": c, "resize": "pad"} for k, c in
                    (("observation/exterior_image_1_left", "left"), ("observation/wrist_image_left", "wrist"))},
        "action": [{"name": n, "joint": j, "unit": "rad"} for n, j in zip(names[:7], PANDA.names)] +
                  [{"name": "gripper", "joint": PANDA.names[7], "unit": "range_0_1", "ends": [0.04, 0.0]}],
        "rate": 15.0,
    }  # fmt: skip
    text = json.dumps(adapter)
    settings = {
        "preset": "droid", "space": "joint_position", "server": "vllm_omni", "horizon": 24, "auth": "bearer", "api_key": "k",
        "pictures": {"observation/exterior_image_1_left": [180, 320], "observation/wrist_image_left": [180, 320]},
    }  # fmt: skip
    with websocket_playback("vllm_omni/droid") as playback:
        action = _ask("openpi", playback, text, _observation(), **settings)
        ours = playback.asked("infer")[-1]
        assert (playback.path, playback.headers["Authorization"]) == ("/v1/realtime/robot/openpi", "Bearer k")
        theirs = playback.tape.requests("infer")[0]
        assert list(ours) == list(theirs)
        assert isinstance(ours["session_id"], str)
        assert playback.asked("reset") == [{"endpoint": "reset"}]
    np.testing.assert_allclose(action.values[:, :7], scene.ramp(24, 8)[:, :7], atol=1e-6)


# Cosmos 3


@pytest.mark.parametrize(("case", "image"), [("droid_composed", "composed"), ("droid", "three")])
def test_cosmos3_gets_three_views_and_answers_absolute_joints(case: str, image: str) -> None:
    with websocket_playback(f"cosmos3/{case}") as playback:
        action = _ask("cosmos3", playback, "cosmos3_droid", _observation(), preset="droid", image=image)
        theirs = playback.tape.requests("infer")[0]
        ours = playback.asked("infer")[-1]
        if image == "three":
            keys = [
                "observation/wrist_image_left",
                "observation/exterior_image_1_left",
                "observation/exterior_image_2_left",
            ]
            theirs = {key: theirs[key] for key in [*keys, *(k for k in theirs if k not in keys)]}
        assert mismatches(ours, theirs) == []
    assert action.values.shape == (32, 8)
    start = scene.JOINTS.astype(np.float32)
    np.testing.assert_allclose(action.values[-1, :7], start + 0.002 * 32 * np.arange(1, 8), atol=1e-5)
    assert action.values[0, FINGER] == 0.04  # the model's 1 - 1/32 is open, and the server turns it round
    assert action.values[-1, FINGER] == 0.0


def test_cosmos3_midtrain_is_told_the_tools_pose_and_answers_absolute_poses() -> None:
    with websocket_playback("cosmos3/midtrain") as playback:
        action = _ask("cosmos3", playback, "cosmos3_midtrain", _observation(), preset="midtrain")
        assert mismatches(playback.asked("infer")[-1], playback.tape.requests("infer")[0], tolerance=1e-5) == []
    # each step is (1, 2, 3) mm along the tool's own axes
    pose = scene.flange()
    first = scene.flange(action.values[0, :7])
    np.testing.assert_allclose(first[:3, 3], pose[:3, 3] + pose[:3, :3] @ [0.001, 0.002, 0.003], atol=1e-3)
    assert action.values[-1, FINGER] == 0.0


def test_cosmos3_libero_speaks_http_and_names_the_servers_error() -> None:
    from PIL import Image

    from strands_robots.core.errors import PolicyError

    images = {"left": scene.picture(0, 256, 256), "wrist": scene.picture(1, 256, 256)}
    with http_playback("cosmos3_libero/libero") as playback:
        action = _ask("cosmos3", playback, "cosmos3_libero", _observation(images=images), preset="libero")
        ours = playback.requests[-1]
        messages = playback.tape.messages
        theirs = json.loads(next(messages[i + 1][2] for i, m in enumerate(messages) if m[2] == b"POST /predict"))
        assert list(ours) == list(theirs)
        assert {k: v for k, v in ours.items() if k != "image"} == {k: v for k, v in theirs.items() if k != "image"}
        pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(m["image"])))) for m in (ours, theirs)]
        np.testing.assert_array_equal(*pictures)
        with pytest.raises(PolicyError, match="Unknown domain name: no_such_robot"):
            _ask(
                "cosmos3",
                playback,
                "cosmos3_libero",
                _observation(images=images),
                preset="libero",
                domain_name="no_such_robot",
            )
        with pytest.raises(PolicyError, match="the settings have 8 rows, the server 16"):
            _ask("cosmos3", playback, "cosmos3_libero", _observation(images=images), preset="libero", horizon=8)
    assert len(action.values) == 16
    moved = _tool(action.values[0])[0] - _tool(START)[0]
    np.testing.assert_allclose(moved, 0.05 * np.array([0.01, 0.02, 0.03]), atol=1e-3)


# GR00T


@pytest.mark.parametrize(
    ("case", "adapter", "settings", "rate"),
    [
        ("droid_n17", "groot_droid", {"preset": "droid"}, 0.0),
        ("droid_n16", "groot_droid_n16", {"preset": "droid_n16"}, 0.0),
        ("droid_n16_sim", "groot_droid_n16", {"preset": "droid_n16", "wrapper": True}, 0.0),
        ("libero_n17", "groot_libero", {"preset": "libero"}, 0.0),
        ("widowx_n16", "groot_simpler_widowx", {"preset": "simpler_widowx"}, 0.0),
        ("google_n16", "groot_simpler_google", {"preset": "simpler_google"}, 0.0),
        ("g1_n16", "groot_g1", {"preset": "g1"}, 20.0),
    ],
)
def test_groot_request_is_its_own_clients(case: str, adapter: str, settings: dict[str, Any], rate: float) -> None:
    observation = _observation(images={"left": scene.picture(0, 180, 320), "wrist": scene.picture(1, 180, 320)})
    if case == "g1_n16":
        elements = load_adapter(adapter).state
        widths = (6, 6, 3, 7, 7, 7, 7)
        position = np.concatenate([np.linspace(-0.3, 0.3, width) for width in widths])
        observation = _observation(
            tuple(e.joint for e in elements),
            position,
            images={"head": scene.picture(0, 180, 320)},  # type: ignore[union-attr]
        )
    if case == "droid_n17":  # the newest of its two frames is rolled by 8 columns
        rolled = {name: np.roll(picture, 8, axis=1) for name, picture in observation.images.items()}
        earlier = [replace(observation, stamp=-i / 15) for i in range(15, 0, -1)]
        observation = replace(observation, images=rolled, earlier=tuple(earlier))
    with zmq_playback(f"groot/{case}") as playback:
        action = _ask("groot", playback, adapter, observation, rate, **settings)
        theirs = playback.tape.requests("get_action")[0]
        assert mismatches(playback.asked("get_action")[-1], theirs, tolerance=1e-4) == []
        assert playback.asked("reset") == playback.tape.requests("reset")
    columns = {name: action.values[:, i] for i, name in enumerate(action.joint_names)}
    if case.startswith("droid"):
        key = {"droid_n17": 2}.get(case, 0)
        np.testing.assert_allclose(
            columns["panda_joint2"], scene.ramp(40, 7, 0.01 * (1 + key))[: len(action.values), 1], atol=1e-6
        )
    if case == "g1_n16":
        np.testing.assert_allclose(columns["waist_roll_joint"], scene.ramp(30, 3, 0.05)[:, 1], atol=1e-6)
        assert len(action.joint_names) == 31


def test_groot_n15_keeps_its_flat_words() -> None:
    names = ("pan", "lift", "elbow", "flex", "roll", "grip")
    position = np.array([*np.linspace(-0.3, 0.3, 5), 0.4])
    elements = [{"name": n, "joint": n, "unit": "rad"} for n in names]
    adapter = json.dumps({"state": elements, "action": elements, "cameras": {"webcam": {"camera": "left"}}})
    settings = {
        "version": "n1.5", "state": {"single_arm": names[:5], "gripper": names[5:]}, "pictures": {"webcam": [480, 640]},
        "action": {"single_arm": names[:5], "gripper": names[5:]}, "rate": 30.0,
    }  # fmt: skip
    with zmq_playback("groot/so100_n15") as playback:
        action = _ask("groot", playback, adapter, _observation(names, position), **settings)
        assert mismatches(playback.asked("get_action")[-1], playback.tape.requests("get_action")[0]) == []
    np.testing.assert_allclose(action.values[:, :5], scene.ramp(16, 5), atol=1e-6)


def test_groot_arrays_of_msgpack_numpy_are_read_and_written() -> None:
    from strands_robots.policies.remote.codec import pack_msgpack_numpy, unpack_groot

    tape = load_tape("groot/droid_robolab")
    asked, answered = (content for _, _, content in tape.messages)
    request = unpack_groot(asked)
    assert pack_msgpack_numpy(request) == asked
    np.testing.assert_allclose(unpack_groot(answered)[0]["action.joint_position"][0], scene.ramp(40, 7))


# VERA


@pytest.mark.parametrize("case", ["mimicgen", "droid", "droid_joints", "allegro", "pusht"])
def test_vera_request_is_its_own_clients_and_starts_short(case: str) -> None:
    names, position, images = PANDA.names, START, dict(PICTURES)
    order = {"mimicgen": ("left", "wrist"), "droid": ("left", "right", "wrist"), "pusht": ("left",)}
    if case == "allegro":
        names, position = tuple(f"joint_{i}" for i in range(16)), np.linspace(-0.1, 0.2, 16)
        order["allegro"] = tuple(f"camera_{i}" for i in range(12))
    for i, camera in enumerate(order[case.partition("_")[0]]):
        images[camera] = scene.picture(i, 128, 128) if case == "mimicgen" else scene.picture(i)
    settings: dict[str, Any] = {"embodiment": case.partition("_")[0], "motion_plan_scale": 1.5}
    if case == "pusht":
        settings["view_size"] = (128, 192)
    with websocket_playback(f"vera/{case}") as playback:
        action = _ask("vera", playback, f"vera_{case}", _observation(names, position, images=images), **settings)
        ours, theirs = playback.asked("infer")[-1], playback.tape.requests("infer")[0]
        assert isinstance(ours.pop("session_id"), str)
        theirs.pop("session_id")
        shared = [key for key in ours if key in theirs]
        assert [key for key in theirs if key in ours] == shared
        assert mismatches({k: ours[k] for k in shared}, {k: theirs[k] for k in shared}, tolerance=1e-5) == []
        assert len(ours["context_rgb"]) == 1
        metadata = _metadata(playback)
        extra = set(ours) - set(shared)
        assert extra <= set(metadata["proprio_keys"])
        # their controller sends more words for the same state, which the server does not read
        assert set(theirs) - set(shared) <= {
            "joint_position",
            "cartesian_position",
            "gripper_position",
            "q_robot",
            "eef_pos",
        }
        horizon, width = metadata["action_horizon"], metadata["action_dim"]
    rows = scene.ramp(horizon, width).astype(float)
    if case == "droid_joints":
        np.testing.assert_allclose(action.values[:, :7], scene.JOINTS + np.cumsum(rows[:, :7], axis=0), atol=1e-6)
        raw = np.linspace(0.1, 0.9, horizon)
        np.testing.assert_allclose(action.values[:, 7], np.where(raw > 0.5, 0.0, 0.04))
    elif case == "allegro":
        np.testing.assert_allclose(action.values, rows, atol=1e-6)
    elif case == "pusht":  # 12.5 and 8 pixels in one of the server's numbers, 1 mm each
        moved = _tool(action.values[-1])[0] - _tool(START)[0]
        np.testing.assert_allclose(moved, [*(rows.sum(axis=0) * [12.5, 8.0] * 1e-3), 0.0], atol=2e-3)
    else:
        scale = (0.05, 0.5) if case == "mimicgen" else (1.0, 1.0)
        along = 0.0 if case == "droid" else 0.097
        _moved_by(action, scale[0] * np.array([0.01, 0.02, 0.03]), scale[1] * np.array([0.04, 0.05, 0.06]), along)


def _metadata(playback: Playback) -> dict[str, Any]:
    from .tapes import unpack

    found: dict[str, Any] = unpack(playback.tape.messages[0][2])
    return found


def _tool(position: FloatArray, along: float = 0.097) -> tuple[FloatArray, FloatArray]:
    pose = scene.hand(position[:7], along)
    return pose[:3, 3], pose[:3, :3]


def _moved_by(action: Action, shift: FloatArray, turn: FloatArray, along: float = 0.097) -> None:
    """Assert that the first row moves a point of the hand by a step in base axes, by Franka's own table."""
    before, after = _tool(START, along), _tool(action.values[0], along)
    np.testing.assert_allclose(after[0] - before[0], shift, atol=2e-3)
    np.testing.assert_allclose(after[1] @ before[1].T, rotation_matrix(turn), atol=2e-2)


def test_scene_of_the_tapes_is_the_projects_panda() -> None:
    pose = Arm(load_robot("panda").model_copy(update={"tool_frame": "panda_link8"})).tool_pose(START)
    np.testing.assert_allclose(pose.position, scene.flange()[:3, 3], atol=1e-6)
    np.testing.assert_allclose(pose.rotation, scene.flange()[:3, :3], atol=1e-6)
