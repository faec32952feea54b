"""What the steps share: how they speak, run commands, fail, and remember what was done."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path


class SetupError(Exception):
    """A step failed; the message says what was wrong and the remedy says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def say(step: str, text: str) -> None:
    """Print one line about a step."""
    print(f"{step:<10} {text}", flush=True)


def answer(command: list[str], env: dict[str, str] | None = None, timeout: float = 60.0) -> tuple[int, str]:
    """Run a command that is quick and silent.

    Returns:
        Its exit status (127 when it does not exist, 124 when it took longer than `timeout` [s]) and its output, both
        streams.
    """
    try:
        done = subprocess.run(
            command, env=env, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        return 127, str(error)
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {timeout:g} s"
    return done.returncode, done.stdout.decode(errors="replace").strip()


def run_logged(command: list[str], log: Path, env: dict[str, str], cwd: Path) -> int:
    """Run a command that is long or loud, both streams going to `log`; return its exit status, 127 when it does not
    exist.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        try:
            return subprocess.run(
                command,
                env=env,
                cwd=cwd,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            ).returncode
        except OSError as error:
            stream.write(str(error).encode())
            return 127


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log that are not warnings, indented."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in text if line.strip() and not line.startswith("WARNING")]
    return "\n".join(f"    {line}" for line in kept[-lines:])


def fingerprint(*parts: str | Path) -> str:
    """Return the SHA-256 over texts and over the names and contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else b""
        digest.update(f"{part}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def is_done(stamp: Path, expected: str) -> bool:
    """Tell whether a step has left this fingerprint behind."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == expected


def mark_done(stamp: Path, expected: str) -> None:
    """Leave a fingerprint behind; written whole or not at all."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    partial = stamp.with_name(f"{stamp.name}.{os.getpid()}")
    partial.write_text(expected, encoding="utf-8")
    partial.replace(stamp)


def show_error(error: SetupError) -> None:
    """Print a failure and what to do about it."""
    print(f"\nset-up failed: {error}\n  what to do: {error.remedy}", file=sys.stderr, flush=True)
