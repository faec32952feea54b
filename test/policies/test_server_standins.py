"""The stand-in servers of these tests against the recorded ones: they say the same words, and take what the recorded clients send."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.sync.client import connect

from .server_process import server
from .tapes import load_tape, mismatches, unpack


def _kinds(value: Any) -> Any:
    """Return the form of a message: keys in order, and types."""
    if isinstance(value, dict):
        return {
            key: _kinds(entry) for key, entry in value.items() if key not in ("policy_timing", "server_timing", "info")
        }
    return (value.dtype.str, value.ndim) if isinstance(value, np.ndarray) else type(value).__name__


def _replay(protocol: str, tape: str, sent: list[bytes]) -> list[Any]:
    answers = []
    with (
        server("websocket_server.py", protocol) as process,
        connect(f"ws://127.0.0.1:{process.port}", compression=None, max_size=None) as socket,
    ):
        answers.append(socket.recv())
        for message in sent:
            socket.send(message)
            answers.append(socket.recv())
    return [answer if isinstance(answer, str) else unpack(answer) for answer in answers]


@pytest.mark.parametrize(("protocol", "name"), [("droid", "openpi/droid"), ("cosmos3", "cosmos3/droid_composed")])
def test_standin_takes_the_recorded_request_and_answers_in_the_same_form(protocol: str, name: str) -> None:
    tape = load_tape(name)
    _, (_, _, request), (_, _, answer) = tape.messages[:3]
    _, given = _replay(protocol, name, [request])
    wanted = unpack(answer)
    key = "actions" if protocol == "droid" else "action"
    assert _kinds(given)[key] == _kinds(wanted)[key]
    assert given[key].shape == wanted[key].shape


def test_vera_standin_declares_resets_and_configures_as_the_recorded_server() -> None:
    tape = load_tape("vera/mimicgen")
    pairs = tape.exchanges()
    reset = next(request for request, _ in pairs if request.get("endpoint") == "reset")
    configure = next(request for request, _ in pairs if request.get("endpoint") == "configure")
    metadata, said, applied = _replay("vera", "vera/mimicgen", [msgpack.packb(reset), msgpack.packb(configure)])
    wanted = unpack(tape.messages[0][2])
    assert list(metadata) == list(wanted)
    kinds, theirs = _kinds(metadata), _kinds(wanted)
    assert {k: v for k, v in kinds.items() if v != theirs[k]} == {
        "image_resolution": "list"
    }  # small pictures, for speed
    assert said == "reset successful"
    recorded = next(answer for request, (_, answer) in pairs if request.get("endpoint") == "configure")
    assert mismatches(applied, unpack(recorded)) == []


@pytest.mark.parametrize(("version", "name"), [("n1.5", "groot/so100_n15"), ("n1.6", "groot/droid_n17")])
def test_groot_standin_says_modalities_as_the_recorded_server(version: str, name: str) -> None:
    import json

    import zmq

    request = msgpack.packb({"endpoint": "get_modality_config"})
    with server("zmq_server.py", version) as process:
        context = zmq.Context()
        socket = context.socket(zmq.REQ)
        socket.connect(f"tcp://127.0.0.1:{process.port}")
        socket.send(request)
        given = unpack(socket.recv())
        socket.close(0)
        context.term()
    tape = load_tape(name)
    assert tape.messages[0][2] == request
    wanted = unpack(tape.messages[1][2])
    for kind in ("video", "state", "action", "language"):
        assert list(given[kind]) == list(wanted[kind])
        ours, theirs = given[kind]["as_json"], wanted[kind]["as_json"]
        assert type(ours) is type(theirs)
        if isinstance(ours, str):
            ours, theirs = json.loads(ours), json.loads(theirs)
        assert set(theirs) >= set(ours) - {"sin_cos_embedding_keys", "mean_std_embedding_keys", "action_configs"}
        assert {type(step) for step in ours["delta_indices"]} == {type(step) for step in theirs["delta_indices"]}
