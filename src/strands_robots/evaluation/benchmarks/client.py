"""A benchmark's process, from the host's side: starts it, asks it, and kills it when it hangs."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from strands_robots.core.errors import WorldError
from strands_robots.core.text import printable
from strands_robots.evaluation.benchmarks.catalogue import WORKER
from strands_robots.evaluation.benchmarks.worker import PROTOCOL, pack, sizes, unpack

TIMEOUT = 300.0
"""Longest time for an answer [s]: the first reset compiles models and numba's functions."""

_END_WAIT = 5.0  # [s]


class BenchmarkProcess:
    """One worker process.

    Args:
        python: Interpreter of the benchmark's environment.
        world: The file that speaks for the benchmark, see worker.py.
        name: Name of the benchmark.
        timeout: Longest time for an answer [s].
        with_pictures: Whether pictures will be asked for; without, no graphics are set up.

    Attributes:
        about: What the benchmark said of itself.

    Raises:
        WorldError: If it does not start or speaks another protocol.
    """

    def __init__(
        self, python: Path, world: Path, name: str, timeout: float = TIMEOUT, *, with_pictures: bool = False
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, closed by close
        environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
        if with_pictures:
            environment["MUJOCO_GL"] = os.environ.get("MUJOCO_GL", "egl")
        environment.setdefault("NUMBA_CACHE_DIR", str(python.parents[1] / "numba"))
        command = [str(python), "-I", str(WORKER), str(world), name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment
        )
        try:
            self.about = self.ask(do="hello")
            if self.about.get("protocol") != PROTOCOL:
                raise WorldError(
                    f"benchmark '{name}' speaks protocol {self.about.get('protocol')!a}; valid: {PROTOCOL}"
                )
        except WorldError:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Return whether it can be asked."""
        return self._process.poll() is None

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request, see worker.py.

        Raises:
            WorldError: If the benchmark raised, ended, or did not answer in time; in the last two cases it is dead afterwards.
        """
        try:
            answer = self._exchange(pack(request))
        except TimeoutError:
            self._kill()
            raise WorldError(
                f"benchmark '{self._name}' did not answer '{request['do']}' within {self._timeout:g} s; its process was ended"
            ) from None
        except (OSError, ValueError, EOFError) as error:
            self._kill()
            raise WorldError(
                f"benchmark '{self._name}' ended while it was asked to {request['do']}{self._words()}"
            ) from error
        if "error" in answer:
            raise WorldError(
                f"benchmark '{self._name}' could not {request['do']}: {printable(str(answer['error']))[:1024]}"
            )
        return answer

    def close(self) -> None:
        """End the process."""
        if self.is_alive and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(pack({"do": "close"}))
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_WAIT)
        self._kill()
        self._log.close()

    def _exchange(self, request: bytes) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(request)
        stdin.flush()
        deadline = time.monotonic() + self._timeout
        text, blobs = sizes(self._read(stdout.fileno(), 8, deadline))
        return unpack(self._read(stdout.fileno(), text, deadline), self._read(stdout.fileno(), blobs, deadline))

    def _read(self, handle: int, count: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            while count:
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    raise TimeoutError
                part = os.read(handle, count)
                if not part:
                    raise EOFError
                parts.append(part)
                count -= len(part)
        return b"".join(parts)

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _words(self) -> str:
        """Return how it ended, with its last line of error output."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        last = f": {printable(lines[-1])[:300]}" if lines else ""
        return f" (exit code {self._process.poll()}){last}"
