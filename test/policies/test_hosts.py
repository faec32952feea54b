"""Policies of another package in processes of their own: every way to go wrong ends the call, and nothing else."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from graph import wait_for

from strands_robots.core.errors import PolicyError, UnknownNameError
from strands_robots.policies.host.host import Patience, PolicyHost
from strands_robots.policies.host.opening import PolicyKey, PolicyShelf, open_policy
from strands_robots.policies.host.process_host import ProcessHost
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.run.action_check import check_action

from .observations import NAMES, observe
from .plugin import install

CONTEXT = PolicyContext("arm", NAMES)
PATIENCE = Patience(load=20.0, infer=0.5)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("plugin")
    install(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


def _open(name: str, config: str = "", patience: Patience = PATIENCE) -> ProcessHost:
    host = open_policy(name, config, CONTEXT, patience)
    assert isinstance(host, ProcessHost)
    return host


@pytest.fixture(scope="module")
def good(plugin: None) -> Iterator[ProcessHost]:
    host = _open("acme_good", "{gain: 3.0}")
    yield host
    host.close()


def test_policy_of_another_package_is_found_and_runs_in_its_own_process(good: ProcessHost) -> None:
    assert good.pid != os.getpid()
    assert (good.gives.horizon, good.gives.device) == (10, "test")
    good.reset(1)
    good.infer(observe(0.0))
    action = good.infer(observe(0.1))
    assert action.joint_names == NAMES
    np.testing.assert_allclose(action.values, 0.3)


def test_pictures_arrive_whole_when_they_change_and_grow(plugin: None) -> None:
    host = _open("acme_seeing")
    try:
        for size, value in ((16, 51), (16, 102), (200, 204)):
            picture = np.full((size, size, 3), value, np.uint8)
            action = host.infer(replace(observe(0.0), images={"wrist": picture}))
            assert action.values[0, 0] == pytest.approx(value / 255.0)
    finally:
        host.close()


def _second_answer(host: PolicyHost) -> None:
    host.reset(0)
    host.infer(observe(0.0))
    observation = observe(0.1)
    check_action(host.infer(observation), observation)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("raising", "the tensor is on the moon"),
        ("nan", "row 0 of 'shoulder_pan' is nan"),
        ("names", "the policy answered for joints 'knee', 'elbow_flex'; valid: each once, of shoulder_pan, elbow_flex"),
        ("shape", r"valid: \(H, 2\)"),
        ("hanging", "could not answer within 0.5 s; its process was killed"),
        ("dying", "the policy's process ended with signal 9 while it was to answer"),
    ],
)
def test_failure_is_named_and_a_hanging_process_is_killed(plugin: None, kind: str, words: str) -> None:
    host = _open(f"acme_{kind}")
    try:
        with pytest.raises(PolicyError, match=words):
            _second_answer(host)
        if kind in ("hanging", "dying"):
            assert not host.is_usable
            with pytest.raises(ProcessLookupError):
                os.kill(host.pid, 0)
            with pytest.raises(PolicyError, match="has ended"):
                host.reset(0)
        else:
            host.reset(0)
            host.infer(observe(0.2))
    finally:
        host.close()


def test_policy_that_cannot_be_made_says_why(plugin: None) -> None:
    with pytest.raises(PolicyError, match="RuntimeError: weights are missing"):
        _open("acme_broken")
    with pytest.raises(PolicyError, match="could not be made within 2 s"):
        _open("acme_slow_to_load", patience=Patience(load=2.0))
    with pytest.raises(UnknownNameError, match="did you mean 'acme_good'"):
        _open("acme_god")


def test_run_that_ends_gives_a_hanging_policy_up_at_once(plugin: None) -> None:
    host = _open("acme_hanging", patience=Patience(infer=60.0))
    over = threading.Event()
    host.is_over = over.is_set
    host.infer(observe(0.0))
    threading.Timer(0.2, over.set).start()
    begin = time.monotonic()
    with pytest.raises(PolicyError, match="given up"):
        host.infer(observe(0.1))
    host.close()
    assert time.monotonic() - begin < 10.0


def test_killed_process_is_noticed_at_the_next_question(plugin: None) -> None:
    host = _open("acme_good")
    os.kill(host.pid, signal.SIGKILL)
    with pytest.raises(PolicyError, match="ended with signal 9"):
        host.reset(0)
    host.close()


def test_worker_ends_with_the_process_that_started_it(plugin: None, tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from strands_robots.policies.host.opening import open_policy\n"
        "from strands_robots.policies.host.host import Patience\n"
        "from strands_robots.policies.provider import PolicyContext\n"
        "host = open_policy('acme_good', '', PolicyContext(), Patience())\n"
        "open(sys.argv[1], 'w').write(str(host.pid))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    import subprocess
    import sys

    file = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", script, str(file)], check=False, timeout=30)
    pid = int(file.read_text())
    wait_for(lambda: not _is_alive(pid), 5.0, "the end of the worker")


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_shelf_keeps_a_policy_for_the_same_key_only(good: ProcessHost) -> None:
    shelf = PolicyShelf()
    key = PolicyKey("arm", "acme_good", "{gain: 3.0}")
    shelf.put(key, good)
    assert shelf.take(replace(key, robot="other")) is None
    assert shelf.take(key) is good
    assert shelf.take(key) is None
