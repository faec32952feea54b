"""Starts and ends a VERA server for one policy, as a process or a container. Nothing is ever downloaded."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.text import printable
from strands_robots.policies.remote.vera_options import VeraOptions

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
            ("--tracker-backend", options.tracker_backend),
        ):
            flags += [flag, value] if value else []
        if options.server_mode == "subprocess":
            return [sys.executable, "-m", "vera.server.start_vera_server", *flags]
        if shutil.which("docker") is None:
            raise ConfigurationError("server_mode 'docker' needs the command docker; valid: attach, subprocess")
        publish = [f for number in (port, vis_port) for f in ("-p", f"{number}:{number}")]
        volume = [
            "-v",
            f"{root.resolve()}:/ckpts:ro",
            "-e",
            f"VERA_EMBODIMENT={options.embodiment}",
            "-e",
            "USE_OFFLINE_RESOLVE=1",
        ]
        return [
            "docker",
            "run",
            "--rm",
            "--pull=never",
            "--gpus",
            "all",
            "--ipc=host",
            *publish,
            *volume,
            options.image,
            *flags,
        ]

    def start(self) -> None:
        """Start the server, where that is asked for; does not wait for it."""
        if not self.is_ours:
            return
        try:
            self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL)
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
