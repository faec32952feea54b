"""VERA: its own factory, adapter, server and clients for each embodiment; planner and inverse dynamics are a ramp."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.openpi import free_port
from record_servers.scene import FINGER, GRIPPER_CLOSED, JOINTS, TASK, flange, picture, ramp
from record_servers.tape import Tape, tape_websockets

REPOSITORY = "sizhe-li/VERA"

WIRE: dict[str, dict[str, Any]] = {
    # what each policy's own get_wire_metadata says, with the modes that its checkpoints have
    "droid": {
        "action_mode": "se3_delta", "action_abs_scale": [0.02] * 3 + [0.05] * 3 + [1.0], "dim_u": 7, "gripper_dim_index": -1,
        "actions_already_metric": True, "context_frames": 9,
    },
    "droid_joints": {
        "action_mode": "joint_delta", "action_abs_scale": [0.05] * 7 + [1.0], "dim_u": 8, "gripper_dim_index": -1,
        "actions_already_metric": True, "context_frames": 9,
    },
    "allegro": {"action_mode": "absolute", "action_abs_scale": [], "dim_u": 16, "actions_already_metric": True, "context_frames": 5},
    "mimicgen": {
        "action_mode": "se3_quat", "action_abs_scale": [], "dim_u": 7, "gripper_dim_index": -1,
        "actions_already_metric": True, "context_frames": 21,
    },
    "pusht": {
        "action_mode": "pusht_pos_cmd", "action_abs_scale": [12.5, 8.0], "dim_u": 2, "gripper_dim_index": -1,
        "actions_already_metric": False, "context_frames": 2,
    },
}  # fmt: skip


class Stub:
    """A policy of VERA without models."""

    def __init__(self, output: Any, wire: dict[str, Any]) -> None:
        self._output, self._wire = output, wire
        self.runtime: dict[str, Any] = {}

    def get_wire_metadata(self) -> dict[str, Any]:
        return dict(self._wire)

    def configure_runtime(self, **wanted: Any) -> dict[str, Any]:
        valid = {"motion_plan_scale", "text_conditioning", "lang_guidance", "hist_guidance", "n_action_steps"}
        if unknown := set(wanted) - valid:
            raise TypeError(f"configure_runtime() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        self.runtime |= wanted
        return dict(self.runtime)

    def predict_action_chunk(self, observation: Any, *, context_rgb: Any, execute_horizon: int, **_: Any) -> Any:
        assert context_rgb.dtype == np.float32
        assert sum(observation.view_widths) == context_rgb.shape[2]
        rows = ramp(execute_horizon, self._wire["dim_u"])
        if self._wire["dim_u"] in (7, 8):
            rows[:, -1] = np.linspace(0.1, 0.9, len(rows))
        return self._output(action=rows[None], info=None)

    def reset(self) -> None:
        pass


def prepare(source: Path) -> None:
    """Make VERA's protocol importable without torch and without its models."""
    sys.path.insert(0, str(source))
    if "torch" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("torch")
    if "torch" not in sys.modules:
        torch = types.ModuleType("torch")
        torch.device = str  # type: ignore[attr-defined]
        sys.modules["torch"] = torch
    jaxtyping = types.ModuleType("jaxtyping")

    class Float:
        def __class_getitem__(cls, _: Any) -> Any:
            return Any

    jaxtyping.Float = Float  # type: ignore[attr-defined]
    sys.modules["jaxtyping"] = jaxtyping
    policy = types.ModuleType("vera.policy")
    policy.__path__ = [str(source / "vera" / "policy")]
    importlib.import_module("vera")
    sys.modules["vera.policy"] = policy


def serve(case: str) -> int:
    """Run VERA's server for one embodiment, made by its own factory, in the background; return its port."""
    import threading
    import time

    factory = importlib.import_module("vera.server.protocol.adapter_factory")
    output = importlib.import_module("vera.policy.base_policy").PolicyOutput
    transport = importlib.import_module("vera.server.protocol.websocket_policy_server")
    embodiment = case.partition("_")[0]
    builder = types.ModuleType(f"vera.server.start_server_{embodiment}")
    builder.DEFAULT_DYNAMICS_RUN_ID = "stub"  # type: ignore[attr-defined]
    builder.build_policy = lambda *_a, **_k: Stub(output, WIRE[case])  # type: ignore[attr-defined]
    sys.modules[builder.__name__] = builder
    adapter = factory.make_adapter(embodiment, device="cpu")
    adapter.config.hostname, adapter.config.argv = "recorded", []
    port = free_port()
    server = transport.WebsocketPolicyServer(adapter, adapter.config, host="127.0.0.1", port=port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    import socket

    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            break
        time.sleep(0.05)
    return port


def state(views: list[str], shift: int, joints: np.ndarray = JOINTS) -> dict[str, Any]:
    """Return what a robot backend of VERA's controller says."""
    from scipy.spatial.transform import Rotation

    pose = flange()
    return {
        **{view: np.roll(picture(i), 4 * shift, axis=1) for i, view in enumerate(views)},
        "joint_position": joints.astype(np.float32),
        "cartesian_position": np.concatenate([pose[:3, 3], Rotation.from_matrix(pose[:3, :3]).as_euler("xyz")]).astype(
            np.float32
        ),
        "gripper_position": np.array([GRIPPER_CLOSED], np.float32),
        "robot0_gripper_qpos": np.array([FINGER, -FINGER], np.float32),
    }


def record(source: Path, commit: str, output: Path) -> None:
    """Record every embodiment."""
    prepare(source)
    client_module = importlib.import_module("vera.server.protocol.websocket_policy_client")
    for case in WIRE:
        tape = Tape(
            {
                "server": "vera", "repository": REPOSITORY, "commit": commit,
                "ran": ["vera/server/protocol (factory, adapter, server, client)", "vera/controller/obs_builder.py",
                        "vera/controller/run_mimicgen_eval.py (RemotePolicy, mimicgen)"],
                "settings": {"case": case, "wire": WIRE[case], "model": "a ramp"},
            }
        )  # fmt: skip
        port = serve(case)
        tape_websockets(tape)
        client = client_module.WebsocketClientPolicy("127.0.0.1", port)
        metadata = client.get_server_metadata()
        client.configure({"motion_plan_scale": 1.5})
        with contextlib.suppress(RuntimeError):
            client.configure({"no_such_option": 1})
        talk = _mimicgen if case == "mimicgen" else _controller
        talk(client, metadata)
        tape.save(output / "vera", case)


def _controller(client: Any, metadata: dict[str, Any]) -> None:
    """Ask as VERA's controller does: one frame, then what has been seen meanwhile."""
    builder_module = importlib.import_module("vera.controller.obs_builder")
    views = metadata["view_keys"]
    builder = builder_module.ObsBuilder(views, context_frames=metadata["context_frames"])
    builder.reset()
    joints = np.linspace(-0.1, 0.2, 16) if metadata["embodiment"] == "allegro" else JOINTS
    client.reset({"session_id": "recorded", "reason": "new_episode"})
    client.infer(builder.build(state(views, 0, joints), session_id="recorded", prompt=TASK))
    builder.append_frame(state(views, 1, joints))
    client.infer(builder.build(state(views, 2, joints), session_id="recorded", prompt=TASK))


def _mimicgen(client: Any, metadata: dict[str, Any]) -> None:
    """Ask as VERA's evaluation of MimicGen does: views that the environment renders at 128 x 128, side by side."""
    module = importlib.import_module("vera.controller.run_mimicgen_eval")
    observation = importlib.import_module("vera.policy.base_policy").PolicyObservation
    views, frames = metadata["view_keys"], metadata["context_frames"]
    policy = module.RemotePolicy(
        client, view_keys=views, view_widths=[128, 128], context_frames=frames, prompt=TASK, verbose=False
    )
    policy.reset()
    for shift in range(11):
        wide = np.concatenate([np.roll(picture(i, 128, 128), 4 * shift, axis=1) for i in range(2)], axis=1)
        policy.predict_action(observation(rgb=wide[None], q_robot=None))
