"""The process that speaks for a benchmark: runs in the benchmark's own environment and imports neither this package nor ROS nor torch.

    python -I worker.py WORLD.py NAME

WORLD.py is a file beside this one, or yours: its `make(tools, name)` returns the benchmark, an object with what `hello` tells and
the methods tasks, identify, reset, observe, step, expert, picture and digest. `tools` is this module, for its hashes.

Messages come on the standard input and answers leave on the standard output, one answer for each message. Each is

    4 bytes length of the JSON, 4 bytes length of the blobs (little endian), the JSON, the blobs

An array in the JSON is {"__array__": [offset, dtype, shape]} into the blobs. Requests are objects with "do":

    hello                          protocol, versions, action, state, cameras, control_rate, has_expert
    tasks                          list of {name, instruction, states, horizon}
    identify  task                 hashes of what the task is made of
    reset     task index seed      observation, premise: list of [condition, holds], digest
    step      action               observation, success
    expert                         action of the benchmark's own expert for the present state
    picture   camera               picture (H, W, 3)
    digest                         SHA-256 of the present state
    close

What goes wrong is answered as {"error": words}; the process lives on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

PROTOCOL = 1
LIMIT = 1 << 28
"""Largest message [bytes]."""


# Framing, for both sides ------------------------------------------------------------------------------------


def pack(message: dict[str, Any]) -> bytes:
    """Return a message with its arrays as bytes."""
    blobs: list[bytes] = []
    size = 0

    def encode(value: Any) -> Any:
        nonlocal size
        if hasattr(value, "tobytes") and hasattr(value, "dtype") and hasattr(value, "shape"):
            data = value.tobytes()
            blobs.append(data)
            size += len(data)
            return {"__array__": [size - len(data), value.dtype.str, list(value.shape)]}
        raise TypeError(f"{type(value).__name__} cannot be sent; valid: JSON and arrays")

    text = json.dumps(message, default=encode).encode()
    return struct.pack("<II", len(text), size) + text + b"".join(blobs)


def unpack(text: bytes, blobs: bytes) -> dict[str, Any]:
    """Return a message from its JSON and its blobs."""
    import numpy as np

    def decode(given: dict[str, Any]) -> Any:
        if set(given) != {"__array__"}:
            return given
        offset, dtype, shape = given["__array__"]
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(blobs, dtype, count, offset).reshape(shape).copy()

    message = json.loads(text, object_hook=decode)
    if not isinstance(message, dict):
        raise ValueError(f"a message is {text[:40]!a}; valid: an object")
    return message


def sizes(head: bytes) -> tuple[int, int]:
    """Return the lengths of JSON and blobs that a message's first 8 bytes tell."""
    text, blobs = struct.unpack("<II", head)
    if text + blobs > LIMIT:
        raise ValueError(f"a message of {text + blobs} bytes is announced; valid: up to {LIMIT}")
    return text, blobs


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """Return the next message; None when the stream ends."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    text, blobs = sizes(head)
    return unpack(stream.read(text), stream.read(blobs))


# Hashes ---------------------------------------------------------------------------------------------------


def sha256(*parts: bytes) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def state_digest(data: Any) -> str:
    """Return the SHA-256 of a MuJoCo state's time, positions, velocities, controls and mocap bodies."""
    import numpy as np

    parts = (np.array([data.time]), data.qpos, data.qvel, data.act, data.ctrl, data.mocap_pos, data.mocap_quat)
    return sha256(*(np.ascontiguousarray(part, dtype="<f8").tobytes() for part in parts))


def model_sha256(model: Any) -> str:
    """Return the SHA-256 of a compiled MuJoCo model, meshes and textures included."""
    import mujoco
    import numpy as np

    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return sha256(buffer.tobytes())


# Serving ----------------------------------------------------------------------------------------------------


def hello(benchmark: Any, name: str) -> dict[str, Any]:
    """Return what a benchmark is."""
    versions = {"python": platform.python_version()}
    for package in benchmark.packages:
        versions[package] = importlib.metadata.version(package)
    about = ("control_rate", "action", "low", "high", "noop", "state", "has_expert", "cameras")
    return {
        "protocol": PROTOCOL,
        "benchmark": name,
        "versions": versions,
        **{key: getattr(benchmark, key) for key in about},
    }


def answer(benchmark: Any, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one request."""
    import numpy as np

    def observation() -> Any:
        return np.ascontiguousarray(benchmark.observe(), dtype=np.float64)

    what = request.get("do")
    if what == "hello":
        return hello(benchmark, name)
    if what == "tasks":
        return {"tasks": benchmark.tasks()}
    if what == "identify":
        return {"identity": benchmark.identify(request["task"])}
    if what == "reset":
        premise = benchmark.reset(request["task"], request["index"], request["seed"])
        return {"observation": observation(), "premise": premise, "digest": benchmark.digest()}
    if what == "step":
        success = benchmark.step(np.asarray(request["action"], dtype=np.float64))
        return {"observation": observation(), "success": success}
    if what == "expert":
        return {"action": np.asarray(benchmark.expert(), dtype=np.float64)}
    if what == "picture":
        return {"picture": np.ascontiguousarray(benchmark.picture(request["camera"]), dtype=np.uint8)}
    if what == "digest":
        return {"digest": benchmark.digest()}
    raise ValueError(f"'{what}' was asked; valid: hello, tasks, identify, reset, step, expert, picture, digest, close")


def serve(make: Callable[[], Any], name: str) -> int:
    """Answer requests until the standard input ends or says close. Whatever a benchmark prints goes to the error output."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    benchmark: Any = None
    while (request := read(sys.stdin.buffer)) is not None and request.get("do") != "close":
        try:
            benchmark = make() if benchmark is None else benchmark
            reply = answer(benchmark, name, request)
        except Exception as error:  # noqa: BLE001 - whatever a benchmark raises is an answer; the host decides
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        out.write(pack(reply))
        out.flush()
    return 0


def load_world(path: str, name: str) -> Any:
    """Return the benchmark that a file makes."""
    spec = importlib.util.spec_from_file_location("world", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make(sys.modules[__name__], name)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("worker.py WORLD.py NAME")
    sys.exit(serve(lambda: load_world(sys.argv[1], sys.argv[2]), sys.argv[2]))
