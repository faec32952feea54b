"""A stand-in for the servers of openpi (and Cosmos 3) and of VERA. Uses none of the package under test.

python websocket_server.py PROTOCOL [PORT]        prints the port once it listens

Each client chooses by its API key what goes wrong from the second answer on.

openpi: metadata after connecting; the answer has "actions" (5, 2) float32: the sum of the state, and the picture's mean.
droid: pi0's for DROID: "actions" (10, 8), an arm that stands still and a hand that closes; whatever pictures there are.
cosmos3: the RoboLab server: "action" (32, 8), the joints where they are, the hand closed.
vera: its configuration after connecting, as its factory makes it for MimicGen; endpoints infer, reset, configure; "action" (5, 7).

It is checked against the recorded servers by test/policies/test_server_standins.py.
"""

from __future__ import annotations

import os
import sys
import time

import msgpack
import numpy as np
from websockets.sync.server import serve

PROTOCOL = sys.argv[1]
hung_up = []


def pack(value):
    def array(entry):
        if isinstance(entry, np.ndarray):
            return {
                b"__ndarray__": True, b"data": entry.tobytes(), b"dtype": entry.dtype.str, b"shape": entry.shape
            }  # fmt: skip
        raise TypeError(type(entry))

    return msgpack.packb(value, default=array)


def unpack(message):
    def array(entry):
        if b"__ndarray__" in entry:
            return np.ndarray(buffer=entry[b"data"], dtype=np.dtype(entry[b"dtype"]), shape=entry[b"shape"])
        return entry

    return msgpack.unpackb(message, object_hook=array)


VERA = {
    "image_resolution": [8, 10], "view_keys": ["agentview_image", "robot0_eye_in_hand_image"], "view_widths": [],
    "proprio_keys": ["robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos"], "needs_prompt": False,
    "needs_session_id": True, "action_space": "se3_quat", "action_horizon": 5, "context_frames": 3, "action_dim": 7,
    "control_dt": 0.05, "gripper_is_raw": True, "actions_already_metric": True, "action_abs_scale": [], "gripper_dim_index": -1,
    "embodiment": "mimicgen", "planner_model": "default-wan", "idm_model": "stub", "is_causal": False, "protocol_version": 1,
    "git_head": "", "git_dirty": False, "git_diff_sha": "", "hostname": "stand-in", "argv": [], "run_dir": "",
}  # fmt: skip


def metadata(fault):
    if fault == "metadata":
        return b"\xc1not msgpack"
    if fault == "resolution":
        return pack({"image_resolution": [180, 320]})
    if PROTOCOL in ("openpi", "droid", "cosmos3"):
        return pack({} if PROTOCOL == "cosmos3" else {"name": "stand-in"})
    changes = {
        "embodiment": {"embodiment": "droid"}, "dims": {"action_dim": 9}, "views": {"view_keys": ["front"]},
        "mode": {"action_space": "joint_torque"}, "version": {"protocol_version": 2},
        "unscaled": {"actions_already_metric": False}, "scaled": {"actions_already_metric": False, "action_abs_scale": [2.0] * 7},
    }  # fmt: skip
    return pack({**VERA, **changes.get(fault, {})})


def answer(request):
    if PROTOCOL == "openpi":
        state, picture = request["observation/state"], request["observation/image"]
        assert state.dtype == np.float64
        assert state.shape == (2,)
        assert picture.dtype == np.uint8
        assert picture.shape == (4, 6, 3)
        assert isinstance(request["prompt"], str)
        actions = np.tile(np.array([state.sum(), picture.mean()], np.float32), (5, 1))
        return "actions", actions
    if PROTOCOL == "droid":
        assert request["observation/joint_position"].shape == (7,)
        assert request["observation/gripper_position"].shape == (1,)
        actions = np.zeros((10, 8), np.float32)
        actions[:, 7] = 0.98
        return "actions", actions
    if PROTOCOL == "cosmos3":
        joints = request["observation/joint_position"]
        assert joints.shape == (7,)
        assert request["observation/gripper_position"].shape == (1,)
        assert request["observation/image"].shape == (540, 640, 3)
        assert request["observation/image"].dtype == np.uint8
        return "action", np.tile(np.append(joints, 1.0).astype(np.float32), (32, 1))
    frames = request["context_rgb"]
    assert frames.dtype == np.uint8
    assert 1 <= len(frames) <= 3
    assert frames.shape[1:] == (8, 20, 3), frames.shape
    assert request["view_widths"] == [10, 10]
    assert request["session_id"]
    action = np.zeros((5, 7), np.float32)
    action[:, 0] = 0.001 * frames[-1, 0, 0, 0]
    action[:, 1] = 0.001 * frames[0, 0, 10, 0]
    action[:, 6] = [0.9, 0.6, -0.4, -0.1, 0.51]
    return "action", action


def spoil(fault, key, action):
    """Return the bytes of an answer, wrong as asked."""
    if fault == "shape":
        action = action[:, :1]
    if fault == "horizon":
        action = action[:3]
    if fault == "dtype":
        action = action.astype(np.int32)
    if fault == "nan":
        action[2, 1] = np.nan
    message = pack({"wrong": action} if fault == "key" else {key: action, "info": {"session": 1}})
    if fault == "truncated":
        return message[: len(message) // 2]
    if fault == "list":
        return pack([1, 2, 3])
    if fault == "object":
        return pack({key: {b"__ndarray__": True, b"data": b"\0" * 8, b"dtype": "|O", b"shape": [1]}})
    if fault == "size":
        return pack({key: {b"__ndarray__": True, b"data": b"\0" * 8, b"dtype": "<f4", b"shape": [1000, 1000]}})
    return message


def handle(socket):
    fault = socket.request.headers.get("Authorization", "Api-Key none").split()[-1]
    answered = 0
    socket.send(metadata(fault))
    for message in socket:
        request = unpack(message)
        endpoint = request.pop("endpoint", "infer")
        if endpoint == "reset":
            if fault == "idle" and not hung_up:
                hung_up.append(True)
                socket.close()
                return
            socket.send("no such session" if fault == "reset" else "reset successful")
            continue
        if endpoint == "configure":
            refused = "configure failed: TypeError('no such option')"
            socket.send(refused if fault == "configure" else pack({"applied": request}))
            continue
        answered += 1
        if answered == 1 and fault.startswith("compile"):
            time.sleep(float(fault.removeprefix("compile")))
        if answered > 1 and fault == "die":
            os._exit(3)
        if answered == 2 and fault == "hang_up" and not hung_up:
            hung_up.append(True)
            socket.close()
            return
        if answered > 1 and fault == "slow":
            time.sleep(3.0)
        if answered > 1 and fault == "error":
            socket.send("Traceback (most recent call last):\n  ...\nRuntimeError: CUDA is out of memory")
            socket.close(1011)
            return
        key, action = answer(request)
        socket.send(pack({key: action, "info": {}}) if answered == 1 else spoil(fault, key, action))


with serve(
    handle, "127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0, compression=None, max_size=None
) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
