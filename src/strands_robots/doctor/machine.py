"""The machine that is looked at: its environment, its file system, and programs that may crash. Tests give another one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ProgramOutput:
    """What a program said: its exit code (negative for a signal, 127 when it is missing, 124 when it took too long) and words."""

    code: int
    output: str
    error: str

    @property
    def last_words(self) -> str:
        """The last line of its error output, or what else there is."""
        lines = (self.error.strip() or self.output.strip()).splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}"


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        environ: Environment variables.
        root: Folder that stands for "/", below which proc, dev, sys and opt are read.
        python: The Python of this package.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    root: Path = Path("/")
    python: str = sys.executable

    def run(self, command: Sequence[str], timeout: float = 60.0, given: str = "") -> ProgramOutput:
        """Run a program with the machine's environment.

        Args:
            command: Program and arguments.
            timeout: Longest wait [s].
            given: Its standard input.
        """
        try:
            done = subprocess.run(
                list(command),
                input=given,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
                env=dict(self.environ),
            )
        except subprocess.TimeoutExpired:
            return ProgramOutput(124, "", f"{command[0]} took longer than {timeout:g} s")
        except OSError as error:
            return ProgramOutput(127, "", f"{command[0]}: {error.strerror}")
        return ProgramOutput(done.returncode, done.stdout, done.stderr)

    def run_python(self, code: str, timeout: float = 60.0) -> ProgramOutput:
        """Run a piece of Python in a process of its own, which may crash."""
        return self.run([self.python, "-c", code], timeout)

    def ros_home(self) -> Path:
        """Return the folder of ROS's own files."""
        return Path(self.environ.get("ROS_HOME") or "~/.ros").expanduser()

    def prefixes(self) -> list[Path]:
        """Return the folders of AMENT_PREFIX_PATH."""
        return [Path(part) for part in self.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if part]

    def holders(self, path: Path) -> list[tuple[int, str]]:
        """Return (process id, name) of every other process that has a file open, as far as this user may see."""
        found = []
        target = str(path)
        for process in sorted((self.root / "proc").glob("[0-9]*")):
            if process.name == str(os.getpid()):
                continue
            try:
                if any(os.readlink(entry) == target for entry in (process / "fd").iterdir()):
                    found.append((int(process.name), (process / "comm").read_text(encoding="utf-8").strip()))
            except OSError:
                continue  # It has ended, or belongs to another user.
        return found
