"""The console's secret: kept for the run of a graph, so that a console that is started again knows its pages."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import PrivateFolder
from strands_robots.safety.run_folder import run_name

LENGTH = 32
_NAME = "console.secret"


def run_secret(folder: Path, run_id: str) -> bytes:
    """Return the secret of a run, made when it is first asked for; a new one each time where there is no run.

    Args:
        folder: Folder of all runs' secrets; made with mode 0700.
        run_id: The run; empty for none.

    Raises:
        ConfigurationError: If the folder belongs to another user, or cannot be written.
    """
    if not run_id:
        return secrets.token_bytes(LENGTH)
    try:
        with closing(PrivateFolder(folder / run_name(run_id), create=True)) as private:
            private.check_private()
            if _NAME in private.names():
                known = private.read(_NAME, LENGTH)
                if len(known) == LENGTH:
                    return known
                private.remove(_NAME)
            made = secrets.token_bytes(LENGTH)
            descriptor = private.create(_NAME)
            try:
                os.write(descriptor, made)
            finally:
                os.close(descriptor)
            return made
    except OSError as error:
        raise ConfigurationError(f"the console's secret cannot be kept in '{folder}': {error}") from error
