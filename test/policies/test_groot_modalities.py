"""What a GR00T server's handshake says, compared with the settings: every difference is refused then, with both sides."""

from __future__ import annotations

import threading
from typing import Any

import msgpack
import numpy as np
import pytest

from strands_robots.core.types import Element, PictureNeed, PolicyNeeds
from strands_robots.policies.remote.errors import ProtocolError
from strands_robots.policies.remote.groot import GrootModel, GrootOptions
from strands_robots.policies.remote.groot_modalities import Modalities, read_modalities

from .tapes import load_tape, unpack

SETTINGS: dict[str, Any] = {
    "state": {"arm": ["a", "b"]}, "pictures": {"front": [4, 6]}, "action": {"arm": ["a", "b"]}, "warm_up": 10.0, "timeout": 5.0,
}  # fmt: skip


def _recorded(name: str) -> Modalities:
    return read_modalities(unpack(load_tape(name).messages[1][2]))


def test_droid_of_n17_is_read_as_it_is() -> None:
    found = _recorded("groot/droid_n17")
    assert (found.video, found.state, found.history, found.horizon) == ((-15, 0), (0,), 16, 40)
    assert found.language == "annotation.language.language_instruction"
    assert found.keys is not None
    assert found.keys["action"] == ("eef_9d", "gripper_position", "joint_position")
    needs = found.needs(PolicyNeeds((Element("x"),), {"exterior_image_1_left": PictureNeed(180, 320)}))
    assert (needs.history, needs.state_frames, needs.cameras["exterior_image_1_left"].frames) == (16, (0,), (-15, 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "annotation.human.task_description"},
         "prompt: the settings have 'annotation.human.task_description', the server 'annotation.language.language_instruction'"),
        ({"history": 2}, "history: the settings have 2 observations, the server 16"),
        ({"horizon": 16}, "horizon: the settings have 16 rows, the server 40"),
        ({"action": ("joint_position",)}, r"action: the settings have \[joint_position\], the server \[eef_9d,"),
        ({"pictures": ("wrist",)}, r"video: the settings have \[wrist\], the server \[exterior_image_1_left, wrist_image_left\]"),
    ],
)  # fmt: skip
def test_difference_is_refused_with_both_sides(changes: dict[str, Any], words: str) -> None:
    keys = ("eef_9d", "gripper_position", "joint_position")
    given = {
        "pictures": ("exterior_image_1_left", "wrist_image_left"), "state": keys, "action": keys, "prompt": "", "history": 1, "horizon": 0,
        **changes,
    }  # fmt: skip
    with pytest.raises(ProtocolError, match=words):
        _recorded("groot/droid_n17").check(**given)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"delta_indices": ["now"]}, "valid: whole numbers"),
        ({"delta_indices": [0, 3]}, "steps up to the present one"),
        ("{", "no JSON"),
    ],
)
def test_modality_that_cannot_be_read_says_why(entry: Any, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        read_modalities({"video": {"as_json": entry}})


def test_server_that_takes_arrays_of_msgpack_numpy_is_found_out_at_the_warm_up() -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.REP)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    stop = threading.Event()
    kinds: list[str] = []

    def array(value: Any) -> Any:
        return {b"nd": True, b"type": value.dtype.str, b"kind": b"", b"shape": value.shape, b"data": value.tobytes()}

    def serve() -> None:
        while not stop.is_set():
            if not socket.poll(20):
                continue
            request = unpack_raw(socket.recv())
            if request["endpoint"] == "get_modality_config":
                socket.send(msgpack.packb({"video": {"as_json": {"delta_indices": [0], "modality_keys": ["front"]}}}))
                continue
            video = request["data"]["observation"]["video"]["front"]
            kinds.append("npy" if "as_npy" in video else "msgpack_numpy")
            if kinds[-1] == "npy":
                socket.send(msgpack.packb({"error": "Video key 'front' must be a numpy array. Got <class 'dict'>"}))
            else:
                socket.send(msgpack.packb([{"arm": array(np.ones((1, 4, 2), np.float32))}, {}]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        model = GrootModel(GrootOptions(port=port, version="n1.7", **SETTINGS))
        model.warm_up()
        assert kinds == ["npy", "msgpack_numpy"]
        from strands_robots.policies.adapt.model import made_up_input

        np.testing.assert_array_equal(model.infer(made_up_input(model.needs)), np.ones((4, 2)))
        assert kinds[-1] == "msgpack_numpy"
        model.close()
    finally:
        stop.set()
        thread.join(5.0)
        socket.close(0)
        context.term()


def unpack_raw(message: bytes) -> Any:
    return msgpack.unpackb(message, strict_map_key=False)


def test_recorded_refusals_of_the_server_are_told() -> None:
    from strands_robots.policies.remote.groot import _decode

    errors = [m for sender, _, m in load_tape("groot/droid_n17").messages if sender == "server" and b"error" in m[:16]]
    told = []
    for message in errors:
        with pytest.raises(ProtocolError) as refused:
            _decode(message)
        told.append(str(refused.value))
    assert "horizon must be 2. Got 1" in told[0]
    assert "annotation.language.language_instruction" in told[1]
