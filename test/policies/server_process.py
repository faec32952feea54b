"""Runs stand-in servers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SERVERS = Path(__file__).parent / "servers"
ENVIRONMENT = {**os.environ, "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}


class ServerProcess:
    """One server that listens."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SERVERS / script), *arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline() or 0)
        assert self.port, "the server did not start"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def server(script: str, *arguments: str) -> Iterator[ServerProcess]:
    """Give a running server."""
    process = ServerProcess(script, *arguments)
    try:
        yield process
    finally:
        process.kill()
