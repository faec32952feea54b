"""Clients of model servers against stand-in server processes: what goes over the wire, and every fault of the other side."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import AdapterError, ConfigurationError, PolicyError
from strands_robots.core.types import Observation
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.registry import create_policy
from strands_robots.policies.remote.codec import (
    pack_groot,
    pack_msgpack_numpy,
    pack_openpi,
    pack_vera,
    unpack_groot,
    unpack_openpi,
)
from strands_robots.policies.remote.connection import LinkConfig, LinkState, RemoteLink
from strands_robots.policies.remote.errors import LinkError, ProtocolError
from strands_robots.policies.remote.groot import GrootModel, GrootOptions
from strands_robots.policies.remote.openpi import OpenpiModel, OpenpiOptions
from strands_robots.policies.remote.transport import WebSocketTransport
from strands_robots.policies.remote.vera import VeraModel
from strands_robots.policies.remote.vera_options import VeraOptions, with_environment
from strands_robots.policies.remote.vera_server import VeraServer
from strands_robots.policies.remote.vera_wire import EMBODIMENTS

from .observations import NAMES, observe
from .server_process import ServerProcess, server

PICTURE = np.full((4, 6, 3), 10, np.uint8)
OPENPI: dict[str, Any] = {
    "state": {"observation/state": ["a", "b"]},
    "pictures": {"observation/image": [4, 6]},
    "action": {"actions": ["a", "b"]},
    "horizon": 5,
    "rate": 20.0,
    "timeout": 0.6,
    "patience": 1.0,
}
GROOT: dict[str, Any] = {
    "state": {"arm": ["a", "b"], "gripper": ["g"]},
    "pictures": {"front": [4, 6]},
    "action": {"arm": ["a", "b"], "gripper": ["g"]},
    "prompt": "annotation.human.task",
    "rate": 20.0,
    "timeout": 0.6,
    "patience": 0.5,
    "connect_timeout": 2.0,
}
VIEWS = EMBODIMENTS["mimicgen"].views
ADAPTER = (
    "{state: [{name: a, joint: shoulder_pan, unit: rad}, {name: b, joint: elbow_flex, unit: rad}],"
    " cameras: {observation/image: {camera: wrist}},"
    " action: [{name: a, joint: shoulder_pan, unit: rad}, {name: b, joint: elbow_flex, unit: deg}]}"
)


def _given(*state: float, key: str = "observation/image") -> ModelInput:
    return ModelInput(0.0, np.array([state]), {key: PICTURE[None]}, "stack")


def _views() -> ModelInput:
    frames = np.stack([np.full((8, 10, 3), value, np.uint8) for value in (10, 20, 30)])
    return ModelInput(0.0, np.zeros((3, 0)), {VIEWS[0]: frames, VIEWS[1]: frames + 1}, "stack")


@pytest.fixture(scope="module")
def openpi() -> Iterator[int]:
    with server("websocket_server.py", "openpi") as process:
        yield process.port


@pytest.fixture(scope="module")
def vera() -> Iterator[int]:
    with server("websocket_server.py", "vera") as process:
        yield process.port


@pytest.fixture(scope="module")
def groot() -> Iterator[dict[str, int]]:
    with contextlib.ExitStack() as stack:
        yield {v: stack.enter_context(server("zmq_server.py", v)).port for v in ("n1.5", "n1.6")}


def _openpi(port: int, fault: str = "none") -> OpenpiModel:
    return OpenpiModel(OpenpiOptions(port=port, api_key=fault, **OPENPI))


def _groot(port: int, version: str, fault: str = "none") -> GrootModel:
    return GrootModel(GrootOptions(port=port, version=version, api_key=fault, **GROOT))  # type: ignore[arg-type]


def _vera(port: int, fault: str = "none", **options: Any) -> VeraModel:
    return VeraModel(VeraOptions(embodiment="mimicgen", port=port, api_key=fault, timeout=0.6, patience=1.0, **options))


def test_openpi_sends_state_and_pictures_and_gets_rows(openpi: int) -> None:
    model = _openpi(openpi, "none")
    np.testing.assert_allclose(model.infer(_given(0.5, 0.25)), np.tile([0.75, 10.0], (5, 1)))
    assert model.metadata["name"] == "stand-in"
    assert model.connection == "streaming"
    model.close()
    assert model.connection == "dead"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("shape", r"'actions' has shape \(5, 1\); valid: \(5, 2\)"),
        ("horizon", r"'actions' has shape \(3, 2\); valid: \(5, 2\)"),
        ("dtype", "'actions' is of type int32"),
        ("nan", "'actions' is nan in row 2, column 1"),
        ("key", "the answer has 'wrong'"),
        ("truncated", "cannot be read"),
        ("list", "the answer is list; valid: a mapping"),
        ("object", "cannot be read"),
        ("size", "cannot be read"),
        ("error", "reports: RuntimeError: CUDA is out of memory"),
    ],
)
def test_openpi_refuses_a_wrong_answer_and_names_it(openpi: int, fault: str, words: str) -> None:
    model = _openpi(openpi, fault)
    model.infer(_given(0.5, 0.25))
    with pytest.raises(ProtocolError, match=words):
        model.infer(_given(0.5, 0.25))
    model.close()


def test_late_answer_is_not_waited_for_and_the_next_question_connects_anew(openpi: int) -> None:
    model = _openpi(openpi, "slow")
    model.infer(_given(0.5, 0.25))
    begin = time.monotonic()
    with pytest.raises(LinkError, match=r"did not answer within 0.6 s"):
        model.infer(_given(0.5, 0.25))
    assert time.monotonic() - begin < 2.0
    assert model.connection == "stalled"
    model.close()


def test_connection_that_was_hung_up_is_made_again_within_the_question(openpi: int) -> None:
    model = _openpi(openpi, "hang_up")
    model.infer(_given(0.5, 0.25))
    np.testing.assert_allclose(model.infer(_given(0.5, 0.25))[0], [0.75, 10.0])
    assert model.connection == "streaming"
    model.close()


def test_dead_server_is_dead_and_one_that_comes_back_streams_again() -> None:
    process = ServerProcess("websocket_server.py", "openpi")
    model = _openpi(process.port)
    model.infer(_given(0.5, 0.25))
    process.kill()
    with pytest.raises(LinkError, match=r"no server at .* given up after 1 s"):
        model.infer(_given(0.5, 0.25))
    assert model.connection == "dead"
    with server("websocket_server.py", "openpi", str(process.port)):
        model.infer(_given(0.5, 0.25))
        assert model.connection == "streaming"
        model.close()


def test_nobody_there_and_somebody_else_are_told_apart(openpi: int) -> None:
    with pytest.raises(LinkError, match="no server at ws://127"):
        _openpi(1)
    with pytest.raises(ProtocolError, match="cannot be read"):
        _openpi(openpi, "metadata")


def test_policy_of_a_server_needs_an_adapter_and_moves_the_robots_joints(openpi: int) -> None:
    adapter = ADAPTER
    context = PolicyContext("arm", NAMES, None, "stack", 0.0, {"wrist": (4, 6)})
    with pytest.raises(AdapterError, match="needs an adapter"):
        create_policy("openpi", {"port": openpi, **OPENPI}, context)
    policy = create_policy("openpi", {"port": openpi, **OPENPI}, replace(context, adapter=adapter))
    observation: Observation = replace(observe(0.0, 0.5, 0.25), images={"wrist": PICTURE}, task="stack")
    action = policy.infer(observation)
    np.testing.assert_allclose(action.values[0], [0.75, np.radians(10.0)])
    policy.close()


@pytest.mark.parametrize("version", ["n1.5", "n1.6", "n1.7"])
def test_groot_sends_batched_arrays_of_its_version_and_gets_rows(groot: dict[str, int], version: str) -> None:
    model = _groot(groot[version.replace("7", "6")], version)
    model.reset(7)
    rows = model.infer(_given(0.5, 0.25, 0.1, key="front"))
    np.testing.assert_allclose(rows, np.tile([1.5, 1.25, 0.2], (4, 1)), rtol=1e-6)
    model.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("shape", r"'arm' has shape \(4, 1\)"),
        ("rows", r"'arm' has shape \(2, 2\); valid: \(4, 2\)"),
        ("dtype", "'arm' is of type int64"),
        ("nan", "'gripper' is inf in row 1"),
        ("key", "valid: 'gripper' among them"),
        ("truncated", "cannot be read"),
        ("error", "the server reports: RuntimeError: CUDA is out of memory"),
        ("slow", "did not answer within 0.6 s"),
    ],
)
def test_groot_refuses_a_wrong_answer_and_names_it(groot: dict[str, int], fault: str, words: str) -> None:
    model = _groot(groot["n1.6"], "n1.7", fault)
    model.infer(_given(0.5, 0.25, 0.1, key="front"))
    with pytest.raises(PolicyError, match=words):
        model.infer(_given(0.5, 0.25, 0.1, key="front"))
    model.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("keys", r"state: the settings have \[arm, gripper\], the server \[arm\]"),
        ("history", "history: the settings have 3 observations, the server 2"),
    ],
)
def test_groot_server_with_another_model_is_refused_at_the_handshake(
    groot: dict[str, int], fault: str, words: str
) -> None:
    with pytest.raises(ProtocolError, match=words):
        GrootModel(GrootOptions(port=groot["n1.5"], version="n1.5", api_key=fault, history=3, **GROOT))


def test_vera_sends_context_frames_side_by_side_and_leaves_the_gripper_to_the_adapter(vera: int) -> None:
    model = _vera(vera, "none", motion_plan_scale=0.5)
    assert (model.needs.history, model.needs.language, model.gives.horizon) == (3, False, 5)
    assert (model.gives.rate, tuple(model.needs.cameras), model.needs.takes_short) == (20.0, VIEWS, True)
    model.reset(1)
    rows = model.infer(_views())
    np.testing.assert_allclose(rows[0, :3], [0.030, 0.011, 0.0], atol=1e-6)
    np.testing.assert_allclose(rows[:, 6], [0.9, 0.6, -0.4, -0.1, 0.51])
    model.close()


def test_vera_numbers_that_are_not_metric_are_scaled_but_for_the_gripper(vera: int) -> None:
    model = _vera(vera, "scaled")
    rows = model.infer(_views())
    np.testing.assert_allclose(rows[0], [0.060, 0.022, 0.0, 0.0, 0.0, 0.0, 0.9], atol=1e-6)
    model.close()
    with pytest.raises(ProtocolError, match="action_abs_scale has 0 numbers"):
        _vera(vera, "unscaled")


def test_vera_configuration_that_the_server_refuses_says_why(vera: int) -> None:
    with pytest.raises(ProtocolError, match="configure: configure failed: TypeError"):
        _vera(vera, "configure", motion_plan_scale=0.5)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("embodiment", "the server serves 'droid', the settings ask for 'mimicgen'"),
        ("dims", "the server's action is se3_quat of 9, that of 'mimicgen' se3_quat of 7"),
        ("mode", "the server's action mode is 'joint_torque', 'mimicgen' knows eef_delta, se3_quat"),
        ("version", "the server speaks version 2 of VERA's protocol, this client version 1"),
        ("views", r"views: the settings have \[agentview_image, robot0_eye_in_hand_image\], the server \[front\]"),
    ],
)
def test_vera_server_of_another_embodiment_is_refused_at_the_handshake(vera: int, fault: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        _vera(vera, fault)


def test_vera_reset_that_fails_says_why(vera: int) -> None:
    model = _vera(vera, "reset")
    with pytest.raises(ProtocolError, match=r"reset: .*no such session"):
        model.reset(0)
    model.close()


def test_connection_that_the_server_closed_while_idle_is_made_again_for_a_reset(vera: int) -> None:
    model = _vera(vera, "idle")
    model.reset(0)
    assert model.connection == "streaming"
    model.close()


def test_vera_settings_come_from_variables_too_and_wrong_ones_are_named() -> None:
    options = VeraOptions(embodiment="pusht", port=1)
    assert with_environment(options, {"VERA_SERVER_PORT": "9000", "VERA_SAMPLE_STEPS": "5"}).port == 9000
    with pytest.raises(ConfigurationError, match="VERA_SERVER_PORT"):
        with_environment(options, {"VERA_SERVER_PORT": "many"})
    with pytest.raises(PolicyError, match="given up after 0 s"):
        VeraModel(VeraOptions(embodiment="pusht", patience=0.0, port=1))


def test_vera_server_is_started_from_checkpoints_that_are_there_and_never_downloaded(tmp_path: Any) -> None:
    file = tmp_path / "idm-mimicgen-285ouq1q" / "model.ckpt"
    options = VeraOptions(
        embodiment="mimicgen",
        server_mode="subprocess",
        ckpt_root=str(tmp_path),
        sample_steps=4,
        tracker_backend="alltracker",
    )
    with pytest.raises(ConfigurationError, match=r"lacks idm-mimicgen-285ouq1q/model\.ckpt, which 'mimicgen' needs"):
        VeraServer(options, 8800, 8801).command()
    file.parent.mkdir()
    file.write_bytes(b"")
    command = VeraServer(options, 8800, 8801).command()
    assert command[1:5] == ["-m", "vera.server.start_vera_server", "--embodiment", "mimicgen"]
    assert command[-2:] == ["--sample-steps", "4"]
    assert "--tracker-backend" not in command  # VERA has no such flag: it is a variable
    assert VeraServer(options, 8800, 8801).variables() == {
        "VERA_MIMICGEN_DYNAMICS_CKPT": str(file), "VERA_TRACKER_BACKEND": "alltracker"
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="Nothing is downloaded"):
        VeraServer(VeraOptions(embodiment="mimicgen", server_mode="docker"), 8800, 8801).command()
    droid = options.model_copy(update={"embodiment": "droid"})
    with pytest.raises(ConfigurationError, match="by algo_config and dynamics_run_id, not in a folder"):
        VeraServer(droid, 8804, 8805).command()
    assert VeraServer(droid.model_copy(update={"algo_config": "a.yaml", "dynamics_run_id": "7wohna95"}), 1, 2).command()


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (pack_openpi, unpack_openpi),
        (pack_vera, unpack_openpi),
        (pack_groot, unpack_groot),
        (pack_msgpack_numpy, unpack_groot),
    ],
)
def test_arrays_survive_the_wire_and_every_truncation_is_an_error(pack: Any, unpack: Any) -> None:
    value = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": [1, "x"], "c": np.zeros((2, 2, 3), np.uint8)}
    message = pack(value)
    back = unpack(message)
    np.testing.assert_array_equal(back["a"], value["a"])
    assert back["c"].dtype == np.uint8
    for length in range(0, len(message), 7):
        with pytest.raises(ProtocolError):
            unpack(message[:length])
    with pytest.raises(TypeError):
        pack({"a": np.array([object()])})


def test_scalars_of_openpi_and_of_vera_are_numbers() -> None:
    for pack in (pack_openpi, pack_vera):
        assert unpack_openpi(pack({"seconds": np.float32(0.5)}))["seconds"] == np.float32(0.5)


def test_server_that_compiles_is_warmed_up_when_the_policy_is_loaded(openpi: int) -> None:
    settings = {**OPENPI, "port": openpi, "api_key": "compile1.5", "timeout": 0.6, "warm_up": 20.0}
    context = PolicyContext("arm", NAMES, None, "stack", 0.0, {"wrist": (4, 6)}, ADAPTER)
    policy = create_policy("openpi", settings, context)
    begin = time.monotonic()
    policy.infer(replace(observe(0.0, 0.5, 0.25), images={"wrist": PICTURE}, task="stack"))
    assert time.monotonic() - begin < 0.6
    policy.close()
    with pytest.raises(LinkError, match=r"warm-up: .* did not answer within 0\.5 s"):
        create_policy("openpi", {**settings, "warm_up": 0.5}, context)


def test_server_that_listens_and_does_not_speak_is_warming_and_not_dead() -> None:
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        port = mute.getsockname()[1]
        options = {**OPENPI, "connect_timeout": 0.3, "patience": 0.2, "warm_up": 0.5}
        begin = time.monotonic()
        with pytest.raises(
            LinkError, match=r"is busy: its port is open.*given up after 0.5 s; its /healthz does not answer"
        ):
            OpenpiModel(OpenpiOptions(port=port, **options))
        assert time.monotonic() - begin > 0.5  # longer than the patience for a server that is not there
        transport = WebSocketTransport(f"ws://127.0.0.1:{port}")
        link = RemoteLink(transport, lambda _: None, LinkConfig(0.3, 0.3, 0.1, 0.2, warm_up=0.4))
        with pytest.raises(LinkError, match="busy"):
            link.connect()
        assert link.state is LinkState.WARMING


def test_picture_size_of_the_server_is_compared_and_uris_are_taken_whole(openpi: int) -> None:
    with pytest.raises(ProtocolError, match=r"the settings have 4x6 for 'observation/image', the server 180x320"):
        _openpi(openpi, "resolution")
    options = OpenpiOptions(uri="wss://robots.example/v1/policy", auth="bearer", api_key="k", **OPENPI)
    assert (options.address(), options.headers()) == ("wss://robots.example/v1/policy", {"Authorization": "Bearer k"})
    with pytest.raises(ConfigurationError, match="uri"):
        read_settings(OpenpiOptions, "openpi", {**OPENPI, "uri": "http://robots.example"})
