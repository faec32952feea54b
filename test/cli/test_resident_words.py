"""Which commands the resident client may carry out, and what goes over its socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from strands_robots.cli.resident import ask
from strands_robots.cli.resident.ask import ask_resident, request_of
from strands_robots.cli.resident.words import (
    LARGEST_REQUEST,
    Request,
    code_stamp,
    namespace_asked,
    receive_end,
    receive_go,
    receive_request,
    send_end,
    send_go,
    send_request,
)

REQUEST = Request(("state", "--namespace", "cell"), "strands-robots", "/tmp", {"A": "\u00e9"}, "utf-8", "s", 0o027)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(1.0)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    ("line", "namespace"),
    [
        ("state", ""), ("move a=1 --robot x", ""), ("state --namespace /cell/", "cell"), ("graph --namespace=cell", "cell"),
        ("state --follow", None), ("state -f", None), ("move --help", None), ("estop", None), ("resume", None), ("sim", None), ("", None),
    ],
)  # fmt: skip
def test_only_commands_that_end_and_ask_nothing_are_for_it(line: str, namespace: str | None) -> None:
    assert namespace_asked(line.split()) == namespace


def test_request_arrives_with_its_streams(pair: tuple[socket.socket, socket.socket]) -> None:
    send_request(pair[0], REQUEST)
    assert receive_request(pair[1]) == REQUEST
    send_go(pair[0])
    streams = receive_go(pair[1])
    assert [os.fstat(number).st_ino for number in streams] == [os.fstat(number).st_ino for number in range(3)]
    for number in streams:
        os.close(number)


@pytest.mark.parametrize("size", [LARGEST_REQUEST + 1, 2**32 - 1])
def test_request_without_end_is_refused_before_it_is_read(pair: tuple[socket.socket, socket.socket], size: int) -> None:
    before = set(os.listdir("/proc/self/fd"))
    socket.send_fds(pair[0], [size.to_bytes(4, "big")], [0, 1, 2])
    with pytest.raises(ValueError, match="bytes"):
        receive_request(pair[1])
    assert set(os.listdir("/proc/self/fd")) == before, "the streams are closed"


@pytest.mark.parametrize("data", [b"[]", b"{}", b"null", b"\xff", b"[" * 5000])
def test_what_is_no_request_is_refused(pair: tuple[socket.socket, socket.socket], data: bytes) -> None:
    socket.send_fds(pair[0], [len(data).to_bytes(4, "big")], [0, 1, 2])
    pair[0].sendall(data)
    with pytest.raises(ValueError):
        receive_request(pair[1])


def test_exit_code_arrives_and_an_end_without_one_is_no_code(pair: tuple[socket.socket, socket.socket]) -> None:
    send_end(pair[0], -15)
    assert receive_end(pair[1]) == -15
    pair[0].close()
    with pytest.raises(ConnectionResetError):
        receive_end(pair[1])


def test_stamp_is_the_same_twice() -> None:
    assert code_stamp() == code_stamp()


def test_without_a_graph_the_command_does_it_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    assert ask_resident(["state"]) is None


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_command_with_a_closed_stream_is_done_by_its_own_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "_connected", lambda _: pytest.fail("a socket would take the stream's number"))
    monkeypatch.setattr(sys, name, None)
    assert ask_resident(["state"]) is None


_BECOMES = """
import os, socket, threading, time
from strands_robots.cli.resident import ask, words, worker
ours, theirs = socket.socketpair()
os.umask(0o077)
request = ask.request_of(["state"])
words.send_request(ours, request)
worker.PATIENCE = 0.1

def go():
    assert ours.recv(1) == words.ACCEPTED
    time.sleep(0.3)
    words.send_go(ours)

threading.Thread(target=go).start()
os.umask(0o022)
assert worker._accepted(theirs, "", request.stamp) == request
print(oct(os.umask(0)))
"""


def test_command_of_a_slow_caller_is_carried_out_and_its_files_get_the_permissions_of_its_shell() -> None:
    umask = os.umask(0o027)
    try:
        assert request_of(["state"]).umask == 0o027
    finally:
        os.umask(umask)
    done = subprocess.run([sys.executable, "-c", _BECOMES], capture_output=True, text=True, timeout=20)
    assert done.stdout == "0o77\n", done
