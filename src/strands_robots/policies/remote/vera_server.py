"""Starts and ends a VERA server for one policy, as a process or a container. Nothing is ever downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.text import printable
from strands_robots.policies.remote.vera_options import VeraOptions
from strands_robots.policies.remote.vera_wire import EMBODIMENTS

STOP_WAIT = 10.0
"""A server that does not end within this time is killed [s]."""


class VeraServer:
    """A server that lives as long as its policy; nothing in mode "attach".

    Args:
        options: Settings.
        port, vis_port: Where it shall listen.
    """

    def __init__(self, options: VeraOptions, port: int, vis_port: int) -> None:
        self._options = options
        self._ports = port, vis_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_ours(self) -> bool:
        """True when the server is started here."""
        return self._options.server_mode != "attach"

    def command(self) -> list[str]:
        """Return the command line.

        Raises:
            ConfigurationError: If the checkpoints are not there, or Docker is missing.
        """
        options = self._options
        root = Path(options.ckpt_root).expanduser()
        if not options.ckpt_root or not root.is_dir():
            raise ConfigurationError(
                f"server_mode '{options.server_mode}' needs ckpt_root, a folder with VERA's checkpoints; given "
                f"'{printable(options.ckpt_root)}'. Nothing is downloaded here"
            )
        port, vis_port = self._ports
        flags = ["--embodiment", options.embodiment, "--port", str(port), "--vis-port", str(vis_port)]
        for flag, value in (
            ("--algo-config", options.algo_config),
            ("--dynamics-run-id", options.dynamics_run_id),
            ("--text", options.text_prompt),
            ("--sample-steps", str(options.sample_steps or "")),
        ):
            flags += [flag, value] if value else []
        if options.server_mode == "subprocess":
            self.variables()
            return [sys.executable, "-m", "vera.server.start_vera_server", *flags]
        if shutil.which("docker") is None:
            raise ConfigurationError("server_mode 'docker' needs the command docker; valid: attach, subprocess")
        publish = [f for number in (port, vis_port) for f in ("-p", f"{number}:{number}")]
        passed = {"VERA_EMBODIMENT": options.embodiment, "USE_OFFLINE_RESOLVE": "1", **self._tracker()}
        variables = [f for name, value in passed.items() for f in ("-e", f"{name}={value}")]
        volume = ["-v", f"{root.resolve()}:/ckpts:ro"]
        start = ["docker", "run", "--rm", "--pull=never", "--gpus", "all", "--ipc=host"]
        return [*start, *publish, *volume, *variables, options.image, *flags]

    def variables(self) -> dict[str, str]:
        """Return the environment variables that tell a server process where its checkpoints are, and which tracker it takes.

        Raises:
            ConfigurationError: If a checkpoint is not below the folder, or the embodiment's server takes no folder.
        """
        options = self._options
        wanted = EMBODIMENTS[options.embodiment].checkpoints
        if not wanted and not (options.algo_config and options.dynamics_run_id):
            raise ConfigurationError(
                f"VERA's server finds the checkpoints of '{options.embodiment}' by algo_config and dynamics_run_id, not in a "
                "folder; valid: both settings, or server_mode docker or attach"
            )
        root = Path(options.ckpt_root).expanduser().resolve()
        missing = [name for name in wanted.values() if not (root / name).is_file()]
        if missing:
            raise ConfigurationError(
                f"ckpt_root '{printable(options.ckpt_root)}' lacks {', '.join(missing)}, which '{options.embodiment}' needs"
            )
        return {**{name: str(root / file) for name, file in wanted.items()}, **self._tracker()}

    def _tracker(self) -> dict[str, str]:
        backend = self._options.tracker_backend
        return {"VERA_TRACKER_BACKEND": backend} if backend else {}

    def start(self) -> None:
        """Start the server, where that is asked for; does not wait for it."""
        if not self.is_ours:
            return
        try:
            command = self.command()
            more = self.variables() if self._options.server_mode == "subprocess" else {}
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, **more})
        except OSError as error:
            raise PolicyError(f"VERA's server cannot be started: {error}") from error

    def stop(self) -> None:
        """End the server that was started here."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
