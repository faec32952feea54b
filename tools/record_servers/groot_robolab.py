"""RoboLab's own client of GR00T N1.7, whose arrays are msgpack-numpy's, and its DROID request behind the simulation wrapper."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

import numpy as np

from record_servers.groot import Tapes
from record_servers.lifted import lift
from record_servers.openpi import free_port
from record_servers.scene import GRIPPER_CLOSED, JOINTS, TASK, flange, picture, ramp
from record_servers.tape import Tape


def record(source: Path, commit: str, output: Path) -> None:
    """Record one request; the other side is a socket that answers in the same words."""
    import cv2
    import msgpack
    import msgpack_numpy
    import zmq
    from scipy.spatial.transform import Rotation

    names = lift(
        source / "policies/gr00t/client.py",
        ("RESOLUTION", "DROID_EEF_ROTATION_CORRECT", "quat_wxyz_to_matrix", "compute_eef_9d", "_MsgSerializer", "GR00TPolicyClient",
         "resize_no_pad", "_get_action_value", "_as_action_chunk", "GR00TDroidJointposClient"),
        {"np": np, "cv2": cv2, "zmq": zmq, "msgpack": msgpack, "mnp": msgpack_numpy, "functools": functools, "Any": Any,
         "InferenceClient": object},
    )  # fmt: skip
    port = free_port()
    serializer = names["_MsgSerializer"]

    def answer() -> None:
        socket = zmq.Context().socket(zmq.REP)
        socket.bind(f"tcp://127.0.0.1:{port}")
        serializer.from_bytes(socket.recv())
        action = {"action.eef_9d": ramp(40, 9)[None], "action.gripper_position": ramp(40, 1)[None],
                  "action.joint_position": ramp(40, 7)[None]}  # fmt: skip
        socket.send(serializer.to_bytes((action, {})))

    threading.Thread(target=answer, daemon=True).start()
    tape = Tape(
        {
            "server": "groot", "repository": "NVlabs/RoboLab", "commit": commit,
            "ran": ["policies/gr00t/client.py (client only; the server's side is a socket with the same serializer)"],
            "settings": {"case": "droid_robolab", "arrays": "msgpack_numpy", "wrapper": True},
        }
    )  # fmt: skip
    client = names["GR00TPolicyClient"]("127.0.0.1", port)
    client.socket = Tapes(client.socket, tape)
    pose = flange()
    x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
    robot = object.__new__(names["GR00TDroidJointposClient"])
    request = robot._pack_request(
        {
            "external_image": picture(0), "wrist_image": picture(1), "joint_position": JOINTS.astype(np.float32),
            "gripper_position": np.array([GRIPPER_CLOSED], np.float32),
            "eef_9d": names["compute_eef_9d"](pose[:3, 3], np.array([w, x, y, z])),
        },
        TASK,
    )  # fmt: skip
    client.get_action(request)
    tape.save(output / "groot", "droid_robolab")
