"""openpi: its own server (openpi-server on PyPI), its own client, its own input transforms; the model is a ramp."""

from __future__ import annotations

import contextlib
import enum
import importlib.metadata
import importlib.util
import socket
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.scene import FINGER, GRIPPER_CLOSED, JOINTS, TASK, hand, picture, ramp
from record_servers.tape import Tape, tape_websockets

REPOSITORY = "Physical-Intelligence/openpi"


class Stub:
    """A policy of openpi without a model: the upstream transforms, then a ramp."""

    def __init__(self, inputs: Any, outputs: Any, rows: int) -> None:
        self._inputs, self._outputs, self._rows = inputs, outputs, rows

    def infer(self, observation: dict) -> dict:
        if observation.get("prompt") == "fail":
            raise RuntimeError("CUDA out of memory")
        taken = self._inputs(dict(observation))
        assert taken["state"].ndim == 1
        assert all(image.ndim == 3 and image.shape[2] == 3 for image in taken["image"].values())
        return {**self._outputs({"actions": ramp(self._rows, 32)}), "policy_timing": {"infer_ms": 1.0}}


def load_transforms(source: Path) -> dict[str, Any]:
    """Return openpi's policy modules without the packages of its models, which they only name."""
    transforms = types.ModuleType("openpi.transforms")
    transforms.DataTransformFn = object  # type: ignore[attr-defined]
    models = types.ModuleType("openpi.models")
    model = types.ModuleType("openpi.models.model")
    model.ModelType = enum.Enum("ModelType", ["PI0", "PI0_FAST", "PI05"])  # type: ignore[attr-defined]
    models.model = model  # type: ignore[attr-defined]
    package = types.ModuleType("openpi")
    package.transforms, package.models = transforms, models  # type: ignore[attr-defined]
    sys.modules |= {
        "openpi": package, "openpi.transforms": transforms, "openpi.models": models, "openpi.models.model": model
    }  # fmt: skip
    found = {}
    for name in ("droid", "aloha", "libero"):
        path = source / "src" / "openpi" / "policies" / f"{name}_policy.py"
        spec = importlib.util.spec_from_file_location(f"openpi_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[name] = module
    found["type"] = model.ModelType.PI05  # type: ignore[attr-defined]
    return found


def serve(policy: Any, metadata: dict, port: int) -> None:
    """Run openpi's server in the background until the process ends."""
    from openpi_server.websocket_policy_server import WebsocketPolicyServer

    server = WebsocketPolicyServer(policy=policy, host="127.0.0.1", port=port, metadata=metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no server on port {port}")


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def requests() -> dict[str, dict]:
    """Return one request for each environment, made as openpi's examples make it."""
    from openpi_client import image_tools

    def small(number: int) -> np.ndarray:
        return image_tools.convert_to_uint8(image_tools.resize_with_pad(picture(number), 224, 224))

    tool = hand(along=0.097)  # robosuite's grip site
    world = tool[:3, 3] + np.array([-0.66, 0.0, 0.912])  # where LIBERO's table scenes have the robot's base
    return {
        "droid": {  # examples/droid/main.py
            "observation/exterior_image_1_left": small(0),
            "observation/wrist_image_left": small(1),
            "observation/joint_position": JOINTS.copy(),
            "observation/gripper_position": np.array([GRIPPER_CLOSED]),
            "prompt": TASK,
        },
        "libero": {  # examples/libero/main.py
            "observation/image": small(0),
            "observation/wrist_image": small(1),
            "observation/state": np.concatenate([world, _axis_angle(tool[:3, :3]), [FINGER, -FINGER]]),
            "prompt": TASK,
        },
        "aloha_sim": {  # examples/aloha_sim/env.py
            "state": np.linspace(-0.6, 0.7, 14),
            "images": {"cam_high": np.transpose(small(0), (2, 0, 1))},
        },
        "aloha": {  # examples/aloha_real/env.py
            "state": np.linspace(-0.6, 0.7, 14),
            "images": {
                name: np.ascontiguousarray(np.transpose(small(i), (2, 0, 1)))
                for i, name in enumerate(("cam_high", "cam_low", "cam_left_wrist", "cam_right_wrist"))
            },
            "prompt": TASK,
        },
    }


def _axis_angle(rotation: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(rotation).as_rotvec()


def record(source: Path, commit: str, output: Path) -> None:
    """Record every environment, and an error."""
    from openpi_client.websocket_client_policy import WebsocketClientPolicy

    modules = load_transforms(source)
    stubs = {
        "droid": Stub(modules["droid"].DroidInputs(modules["type"]), modules["droid"].DroidOutputs(), 10),
        "libero": Stub(modules["libero"].LiberoInputs(modules["type"]), modules["libero"].LiberoOutputs(), 10),
        "aloha_sim": Stub(modules["aloha"].AlohaInputs(False), modules["aloha"].AlohaOutputs(False), 50),
        "aloha": Stub(modules["aloha"].AlohaInputs(), modules["aloha"].AlohaOutputs(False), 50),
    }
    for name, request in requests().items():
        tape = Tape(
            {
                "server": "openpi", "repository": REPOSITORY, "commit": commit,
                "ran": ["openpi_server.websocket_policy_server", "openpi_client.websocket_client_policy",
                        "openpi_client.msgpack_numpy", "openpi_client.image_tools", "src/openpi/policies"],
                "packages": {p: importlib.metadata.version(p) for p in ("openpi-server", "openpi-client", "websockets")},
                "settings": {"environment": name, "model": "a ramp, scene.ramp", "metadata": {"reset_pose": [0.0, 1.0]}},
            }
        )  # fmt: skip
        port = free_port()
        serve(stubs[name], {"reset_pose": [0.0, 1.0]}, port)
        tape_websockets(tape)
        client = WebsocketClientPolicy("127.0.0.1", port)
        client.infer(request)
        client.infer(request)
        if name == "droid":
            with contextlib.suppress(RuntimeError):
                client.infer({**request, "prompt": "fail"})
        tape.save(output / "openpi", name)
