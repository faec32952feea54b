"""GR00T N1.5: its own service and client around a stub; pydantic's ModalityConfig as gr00t/data/dataset.py has it."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.groot import Tapes
from record_servers.lifted import lift
from record_servers.openpi import free_port
from record_servers.scene import TASK, picture, ramp
from record_servers.tape import Tape


def record(source: Path, commit: str, output: Path) -> None:
    """Record the SO-100 configuration of N1.5's examples."""
    import importlib

    from pydantic import BaseModel

    found = lift(source / "gr00t/data/dataset.py", ("ModalityConfig",), {"BaseModel": BaseModel})
    dataset = types.ModuleType("gr00t.data.dataset")
    dataset.ModalityConfig = found["ModalityConfig"]  # type: ignore[attr-defined]
    sys.modules |= {"gr00t.data": types.ModuleType("gr00t.data"), "gr00t.data.dataset": dataset}
    sys.path.insert(0, str(source))
    service = importlib.import_module("gr00t.eval.service")
    keys = {
        "video": ["video.webcam"], "state": ["state.single_arm", "state.gripper"],
        "action": ["action.single_arm", "action.gripper"], "language": ["annotation.human.task_description"],
    }  # fmt: skip
    frames = {"action": list(range(16))}

    class Server(service.BaseInferenceServer):  # type: ignore[name-defined, misc]
        def __init__(self, port: int) -> None:
            super().__init__("127.0.0.1", port)
            self.register_endpoint("get_action", self._act)
            self.register_endpoint("get_modality_config", self._config, requires_input=False)

        def _act(self, observation: dict[str, Any]) -> dict[str, Any]:
            assert observation["video.webcam"].ndim == 4
            assert observation["state.single_arm"].shape == (1, 5)
            return {
                "action.single_arm": ramp(16, 5).astype(np.float64),
                "action.gripper": ramp(16, 1)[:, 0].astype(np.float64),
            }

        def _config(self) -> dict[str, Any]:
            return {
                kind: dataset.ModalityConfig(delta_indices=frames.get(kind, [0]), modality_keys=names)  # type: ignore[attr-defined]
                for kind, names in keys.items()
            }

    port = free_port()
    server = Server(port)
    threading.Thread(target=server.run, daemon=True).start()
    tape = Tape(
        {
            "server": "groot", "repository": "NVIDIA/Isaac-GR00T", "commit": commit,
            "ran": ["gr00t/eval/service.py", "gr00t/data/dataset.py (ModalityConfig)"],
            "settings": {"case": "so100_n15", "model": "a ramp"},
        }
    )  # fmt: skip
    client = service.ExternalRobotInferenceClient("127.0.0.1", port)
    client.socket = Tapes(client.socket, tape)
    client.call_endpoint("get_modality_config", requires_input=False)
    client.get_action(
        {
            "video.webcam": picture(0)[None],
            "state.single_arm": np.linspace(-0.3, 0.3, 5)[None],
            "state.gripper": np.array([[0.4]]),
            "annotation.human.task_description": [TASK],
        }
    )
    tape.save(output / "groot", "so100_n15")
