"""GR00T from N1.6 on: its own server, client, checks of observations and simulation wrapper; the model is a ramp.

N1.7 has the same server, client and checks (read at ade260e6 and be889e7a); its DROID tag's modalities are given here.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.openpi import free_port
from record_servers.scene import FINGER, GRIPPER_CLOSED, JOINTS, TASK, flange, hand, picture, ramp
from record_servers.tape import Tape

REPOSITORY = "NVIDIA/Isaac-GR00T"

DROID_N17 = {
    "video": ([-15, 0], ["exterior_image_1_left", "wrist_image_left"]),
    "state": ([0], ["eef_9d", "gripper_position", "joint_position"]),
    "action": (list(range(40)), ["eef_9d", "gripper_position", "joint_position"]),
    "language": ([0], ["annotation.language.language_instruction"]),
}
"""Modalities of oxe_droid_relative_eef_relative_joint in the N1.7 checkpoint."""

LIBERO_N17 = {
    "video": ([0], ["image", "wrist_image"]),
    "state": ([0], ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]),
    "action": (list(range(40)), ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]),
    "language": ([0], ["annotation.human.action.task_description"]),
}

WIDTHS = {
    "eef_9d": 9, "joint_position": 7, "left_leg": 6, "right_leg": 6, "waist": 3, "left_arm": 7, "right_arm": 7,
    "left_hand": 7, "right_hand": 7, "navigate_command": 3,
}  # fmt: skip
"""Numbers of each key; 1 for the others."""

ROTATION = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""DROID's tool axes for GR00T; RoboLab policies/gr00t/client.py."""


class Tapes:
    """A ZeroMQ socket that keeps what passes."""

    def __init__(self, socket: Any, tape: Tape) -> None:
        self._socket, self._tape = socket, tape

    def send(self, message: bytes, *arguments: Any) -> None:
        self._tape.add("client", message)
        self._socket.send(message, *arguments)

    def recv(self) -> bytes:
        message: bytes = self._socket.recv()
        self._tape.add("server", message)
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def prepare(source: Path) -> None:
    """Make GR00T's policy package importable without its models: only what loads a checkpoint needs them."""
    sys.path.insert(0, str(source))
    for name in ("transformers", "torch"):
        module = types.ModuleType(name)
        module.AutoModel = module.AutoProcessor = object  # type: ignore[attr-defined]
        module.Tensor = module.dtype = object  # type: ignore[attr-defined]
        sys.modules.setdefault(name, module)
    interfaces = types.ModuleType("gr00t.data.interfaces")
    interfaces.BaseProcessor = object  # type: ignore[attr-defined]
    sys.modules["gr00t.data.interfaces"] = interfaces


def stub(modalities: dict[str, Any]) -> Any:
    """Return GR00T's own policy with its checks, and a ramp for a model."""
    policy_module = importlib.import_module("gr00t.policy.gr00t_policy")

    class Stub(policy_module.Gr00tPolicy):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.strict = True
            self.modality_configs = modalities
            self.language_key = modalities["language"].modality_keys[0]

        def _get_action(self, observation: dict, options: dict | None = None) -> tuple[dict, dict]:
            config = modalities["action"]
            batch = len(next(iter(observation["video"].values())))
            assert batch == 1
            return {
                key: ramp(len(config.delta_indices), WIDTHS.get(key, 1), 0.01 * (1 + i))[None]
                for i, key in enumerate(config.modality_keys)
            }, {}

    return Stub()


def serve(policy: Any) -> int:
    """Run GR00T's server in the background and return its port."""
    module = importlib.import_module("gr00t.policy.server_client")
    port = free_port()
    server = module.PolicyServer(policy, host="127.0.0.1", port=port)
    threading.Thread(target=server.run, daemon=True).start()
    return port


def states(case: str, keys: list[str]) -> dict[str, np.ndarray]:
    """Return the recorded robot's state in the words of a tag, (1, 1, D) float32.

    LIBERO's roll, pitch and yaw are a rotation vector, and its frame is the world's (gr00t/eval/sim/LIBERO/libero_env.py); Bridge's
    are angles of a turned tool (gr00t/eval/sim/SimplerEnv/simpler_env.py).
    """
    from scipy.spatial.transform import Rotation

    pose, tool = flange(), hand(along=0.097)
    corrected = pose[:3, :3] @ ROTATION
    position, turn = tool[:3, 3], Rotation.from_matrix(tool[:3, :3])
    angles, gripper = turn.as_rotvec(), [FINGER, -FINGER]
    if case.startswith("libero"):
        position = position + np.array([-0.66, 0.0, 0.912])
    if case.startswith("widowx"):
        default = np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]])
        angles, gripper = Rotation.from_matrix(tool[:3, :3] @ default.T).as_euler("xyz"), [1.0 - GRIPPER_CLOSED]
    if case.startswith("google"):
        gripper = [GRIPPER_CLOSED]
    x, y, z, w = turn.as_quat(canonical=True)
    values: dict[str, Any] = {
        "eef_9d": np.concatenate([pose[:3, 3], corrected[:2, :].reshape(6)]),
        "gripper_position": [GRIPPER_CLOSED], "joint_position": JOINTS,
        "x": position[:1], "y": position[1:2], "z": position[2:], "roll": angles[:1], "pitch": angles[1:2], "yaw": angles[2:],
        "rx": [x], "ry": [y], "rz": [z], "rw": [w], "gripper": gripper, "pad": [0.0],
    }  # fmt: skip
    return {
        key: np.asarray(values.get(key, np.linspace(-0.3, 0.3, WIDTHS.get(key, 1))), np.float32)[None, None]
        for key in keys
    }


def observation(case: str, modalities: dict[str, Any], size: tuple[int, int] = (180, 320)) -> dict[str, Any]:
    """Return a nested observation."""
    frames = len(modalities["video"].delta_indices)
    videos = {
        key: np.stack([np.roll(picture(i, *size), 8 * t, axis=1) for t in range(frames)])[None]
        for i, key in enumerate(modalities["video"].modality_keys)
    }
    return {
        "video": videos,
        "state": states(case, modalities["state"].modality_keys),
        "language": {modalities["language"].modality_keys[0]: [[TASK]]},
    }


def flat(nested: dict[str, Any]) -> dict[str, Any]:
    """Return the same in the words of the simulation wrapper, as examples/DROID/main_gr00t.py sends it."""
    result = {f"video.{key}": value for key, value in nested["video"].items()}
    result |= {f"state.{key}": value for key, value in nested["state"].items()}
    result |= {key: [text[0] for text in value] for key, value in nested["language"].items()}
    return result


def record(source: Path, commit: str, output: Path) -> None:
    """Record the published tags, nested and behind the simulation wrapper."""
    prepare(source)
    client_module = importlib.import_module("gr00t.policy.server_client")
    policy_module = importlib.import_module("gr00t.policy.gr00t_policy")
    modality = importlib.import_module("gr00t.data.types").ModalityConfig
    known = importlib.import_module("gr00t.configs.data.embodiment_configs").MODALITY_CONFIGS

    def made(table: dict[str, Any]) -> dict[str, Any]:
        return {kind: modality(delta_indices=frames, modality_keys=keys) for kind, (frames, keys) in table.items()}

    cases = {
        "droid_n17": (made(DROID_N17), "get_action"), "libero_n17": (made(LIBERO_N17), "get_action"),
        "droid_n16": (known["oxe_droid"], "get_action"), "droid_n16_sim": (known["oxe_droid"], "wrapper"),
        "google_n16": (known["oxe_google"], "get_action"), "widowx_n16": (known["oxe_widowx"], "get_action"),
        "g1_n16": (known["unitree_g1"], "get_action"),
    }  # fmt: skip
    for name, (modalities, way) in cases.items():
        policy = stub(modalities)
        served = policy_module.Gr00tSimPolicyWrapper(policy) if way == "wrapper" else policy
        tape = Tape(
            {
                "server": "groot", "repository": REPOSITORY, "commit": commit,
                "ran": ["gr00t/policy/server_client.py", "gr00t/policy/gr00t_policy.py (checks and simulation wrapper)",
                        "gr00t/data/types.py", "gr00t/configs/data/embodiment_configs.py"],
                "settings": {"case": name, "model": "a ramp", "wrapper": way == "wrapper"},
            }
        )  # fmt: skip
        client = client_module.PolicyClient("127.0.0.1", serve(served))
        client.socket = Tapes(client.socket, tape)
        client.get_modality_config()
        client.reset({"seed": 3})
        nested = observation(name, modalities)
        client.get_action(flat(nested) if way == "wrapper" else nested)
        if name == "droid_n17":
            with contextlib.suppress(RuntimeError):
                client.get_action({**nested, "video": {k: v[:, 1:] for k, v in nested["video"].items()}})
            with contextlib.suppress(RuntimeError):
                client.get_action({**nested, "language": {"annotation.human.task_description": [[TASK]]}})
        tape.save(output / "groot", name)
