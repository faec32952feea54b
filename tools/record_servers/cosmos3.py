"""Cosmos 3's RoboLab server: its own requests and answers around a stub model, behind openpi's server; RoboLab's client. Needs torch."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import threading
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.lifted import lift
from record_servers.openpi import free_port, serve
from record_servers.scene import GRIPPER_CLOSED, JOINTS, TASK, flange, picture
from record_servers.tape import Tape, tape_websockets

REPOSITORY = "NVIDIA/cosmos-framework"
LIFTED = (
    "RobolabPolicyService", "_ensure_rgb_uint8_image", "_ensure_2d_float_array", "_ensure_gripper_array",
    "_resize_rgb_uint8", "_compose_roboarena_views", "_extract_observation_image", "_build_data_batch_from_sample",
    "_CONCAT_VIEW_DESCRIPTION",
)  # fmt: skip


def pose_utils(source: Path) -> Any:
    """Return the framework's own pose functions."""
    path = source / "cosmos_framework/data/generator/action/utils/pose_utils.py"
    spec = importlib.util.spec_from_file_location("cosmos_pose_utils", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cosmos_pose_utils"] = module
    spec.loader.exec_module(module)
    return module


class StubModel:
    """Answers what the video model would: normalised nothing, a small motion forward in each step."""

    def __init__(self, space: str) -> None:
        self._space = space

    def generate_samples_from_batch(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        import torch

        action = batch["action"][0][0].clone()
        for row in range(1, len(action)):
            if self._space == "joint_pos":
                action[row, :7] = action[0, :7] + 0.002 * row * torch.arange(1, 8)
                action[row, 7] = 1.0 - row / 32.0
            else:
                turn = 0.002
                action[row] = torch.tensor([0.001, 0.002, 0.003, 1.0, turn, 0.0, -turn, 1.0, 0.0, 1.0 - row / 32.0])
        return {"action": [action[None][0]]}


def make_service(source: Path, space: str) -> Any:
    """Return the server's own service without a checkpoint."""
    import torch

    poses = pose_utils(source)
    names = lift(
        source / "cosmos_framework/scripts/action_policy_server_robolab.py", LIFTED,
        {
            "np": np, "torch": torch, "F": torch.nn.functional, "os": os, "time": time, "json": json, "Any": Any,
            "threading": threading, "dataclass": dataclass, "Path": Path, "get_domain_id": lambda name: 8,
            "build_abs_pose_from_components": poses.build_abs_pose_from_components,
            "convert_rotation": poses.convert_rotation, "pose_abs_to_rel": poses.pose_abs_to_rel,
            "pose_rel_to_abs": poses.pose_rel_to_abs, "log": types.SimpleNamespace(info=lambda *_: None),
            "IterativeJointDataLoader": types.SimpleNamespace(_MULTI_ITEM_KEYS=("video", "action", "history_action")),
        },
    )  # fmt: skip
    service = object.__new__(names["RobolabPolicyService"])
    service.cfg = types.SimpleNamespace(
        checkpoint_path="/unused", domain_name="droid_lerobot", decode_video=False, seed=0, deterministic_seed=True, guidance=3.0,
        guidance_interval=None, num_steps=4, shift=5.0, conditioning_fps=15.0, resolution="480", action_chunk_size=32,
        action_dim=8 if space == "joint_pos" else 10, image_height=540, image_width=640, action_space=space, use_state=True,
        history_length=1,
    )  # fmt: skip
    service._transform = lambda sample, resolution: sample
    service._lock = threading.Lock()
    service.model = StubModel(space)
    return service


def robolab_request(robolab: Path) -> dict[str, Any]:
    """Return the request that RoboLab's own client makes of the recorded scene."""
    import torch
    from openpi_client import image_tools

    names = lift(
        robolab / "policies/cosmos3/client.py", ("Cosmos3Client",),
        {"np": np, "torch": torch, "F": torch.nn.functional, "InferenceClient": object, "image_tools": image_tools},
    )  # fmt: skip
    kind = names["Cosmos3Client"]
    client = object.__new__(kind)
    client._image_w, client._image_h = kind.IMAGE_W, kind.IMAGE_H
    raw = {
        "image_obs": {
            name: torch.from_numpy(picture(i))[None]
            for i, name in enumerate(("over_shoulder_left_camera", "wrist_cam", "over_shoulder_right_camera"))
        },
        "proprio_obs": {
            "arm_joint_pos": torch.tensor(JOINTS, dtype=torch.float32)[None],
            "gripper_pos": torch.tensor([[GRIPPER_CLOSED]], dtype=torch.float32),
        },
    }
    request: dict[str, Any] = client._pack_request(client._extract_observation(raw), TASK)
    return request


def record(source: Path, commit: str, output: Path) -> None:
    """Record both action spaces, and what a request with two pictures gets; ROBOLAB names a checkout of NVlabs/RoboLab."""
    from openpi_client import image_tools
    from openpi_client.websocket_client_policy import WebsocketClientPolicy

    composed = robolab_request(Path(os.environ["ROBOLAB"]))
    pose = flange()
    three = {
        key: image_tools.resize_with_pad(picture(i), 360, 640)
        for i, key in enumerate(
            ("observation/exterior_image_1_left", "observation/wrist_image_left", "observation/exterior_image_2_left")
        )
    }
    state = {k: v for k, v in composed.items() if k.endswith("_position")}
    quaternion = pose_utils(source).convert_rotation(pose[None, :3, :3], "matrix", "quat_xyzw")[0]
    tool = {  # of both signs of one rotation, the one with w >= 0
        "observation/eef_pos": pose[:3, 3].astype(np.float32),
        "observation/eef_quat": (quaternion * np.sign(quaternion[3])).astype(np.float32),
    }
    cases = {
        "droid_composed": ("joint_pos", composed),
        "droid": ("joint_pos", {**three, **state, "prompt": TASK}),
        "midtrain": ("midtrain", {**{k: v for k, v in composed.items() if k != "prompt"}, **tool, "prompt": TASK}),
    }
    for name, (space, request) in cases.items():
        tape = Tape(
            {
                "server": "cosmos3", "repository": REPOSITORY, "commit": commit,
                "ran": ["cosmos_framework/scripts/action_policy_server_robolab.py (service, requests, answers)",
                        "cosmos_framework/.../pose_utils.py", "openpi_server", "openpi_client",
                        "NVlabs/RoboLab@" + os.environ.get("ROBOLAB_COMMIT", "") + " policies/cosmos3/client.py"],
                "settings": {"case": name, "action_space": space, "model": "a stub", "checkpoint": "none"},
            }
        )  # fmt: skip
        port = free_port()
        serve(make_service(source, space), {}, port)
        tape_websockets(tape)
        client = WebsocketClientPolicy("127.0.0.1", port)
        client.infer(request)
        if name == "droid":
            with contextlib.suppress(RuntimeError):
                client.infer({k: v for k, v in request.items() if k != "observation/exterior_image_2_left"})
        tape.save(output / "cosmos3", name)
