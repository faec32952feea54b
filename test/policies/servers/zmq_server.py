"""A stand-in for NVIDIA GR00T's inference server, N1.5 and from N1.6 on. Uses none of the package under test.

python zmq_server.py VERSION        prints the port once it listens

Each client chooses by its API token what goes wrong from its second action on.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time

import msgpack
import numpy as np
import zmq

VERSION = sys.argv[1]
counts = {}


def encode(entry):
    if isinstance(entry, np.ndarray):
        stream = io.BytesIO()
        np.save(stream, entry, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": stream.getvalue()}
    raise TypeError(type(entry))


def decode(entry):
    if "__ndarray_class__" in entry:
        return np.load(io.BytesIO(entry["as_npy"]), allow_pickle=False)
    return entry


def config(fault):
    state = ["arm"] if fault == "keys" else ["arm", "gripper"]
    keys = {"video": ["front"], "state": state, "action": ["arm", "gripper"], "language": ["annotation.human.task"]}
    flat = VERSION == "n1.5"
    entries = {}
    for kind, names in keys.items():
        prefix = f"{kind}." if flat and kind != "language" else ""
        content = {
            "delta_indices": list(range(4)) if kind == "action" else [-1, 0] if fault == "history" else [0],
            "modality_keys": [prefix + n for n in names],
            "sin_cos_embedding_keys": None, "mean_std_embedding_keys": None, "action_configs": None,
        }  # fmt: skip
        entries[kind] = {"__ModalityConfig_class__": True, "as_json": json.dumps(content) if flat else content}
    return entries


def get_action(data, fault):
    if VERSION == "n1.5":
        video, arm, gripper = data["video.front"][None], data["state.arm"][None], data["state.gripper"][None]
        assert isinstance(data["annotation.human.task"][0], str)
        arm, gripper = arm.astype(np.float32), gripper.astype(np.float32)
    else:
        observation = data["observation"]
        video, state = observation["video"]["front"], observation["state"]
        arm, gripper = state["arm"], state["gripper"]
        assert isinstance(observation["language"]["annotation.human.task"][0][0], str)
    assert video.dtype == np.uint8
    assert video.shape == (1, 1, 4, 6, 3), video.shape
    assert arm.dtype == gripper.dtype == np.float32
    assert arm.shape == (1, 1, 2)
    assert gripper.shape == (1, 1, 1)
    action = {"arm": np.repeat(arm, 4, axis=1) + 1.0, "gripper": np.repeat(gripper, 4, axis=1) * 2.0}
    if counts[fault] > 1:
        action = spoil(action, fault)
    if VERSION == "n1.5":
        return {f"action.{key}": value[0] for key, value in action.items()}
    return [action, {}]


def spoil(action, fault):
    if fault == "shape":
        action["arm"] = action["arm"][:, :, :1]
    if fault == "rows":
        action["arm"] = action["arm"][:, :2]
    if fault == "dtype":
        action["arm"] = action["arm"].astype(np.int64)
    if fault == "nan":
        action["gripper"][0, 1, 0] = np.inf
    if fault == "key":
        del action["gripper"]
    return action


context = zmq.Context()
socket = context.socket(zmq.REP)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
while True:
    request = msgpack.unpackb(socket.recv(), object_hook=decode)
    endpoint, fault = request.get("endpoint", "get_action"), request.get("api_token", "none")
    counts.setdefault(fault, 0)
    try:
        if endpoint == "get_modality_config":
            result = config(fault)
        elif endpoint == "reset":
            result = {"seed": request["data"]["options"]["seed"]}
        else:
            counts[fault] += 1
            if counts[fault] > 1 and fault == "die":
                os._exit(3)
            if counts[fault] > 1 and fault == "slow":
                time.sleep(3.0)
            if counts[fault] > 1 and fault == "error":
                raise RuntimeError("CUDA is out of memory")
            result = get_action(request["data"], fault)
        message = msgpack.packb(result, default=encode)
        socket.send(message[: len(message) // 2] if counts[fault] > 1 and fault == "truncated" else message)
    except (AssertionError, RuntimeError, KeyError) as error:
        socket.send(msgpack.packb({"error": f"{type(error).__name__}: {error}"}))
