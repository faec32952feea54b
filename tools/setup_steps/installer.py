"""Who installs the requirements: uv, several times as fast, or pip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from setup_steps.checkout import Checkout, Ros
from setup_steps.report import answer, run_logged, say

# What a user has told pip, by the variable that tells uv the same; and what separates several values there.
_AS_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
    "no-cache-dir": ("UV_NO_CACHE", " "),
    "no-index": ("UV_NO_INDEX", " "),
}


def install(checkout: Checkout, ros: Ros, env: dict[str, str], arguments: list[str]) -> tuple[bool, Path]:
    """Install into the virtual environment; return whether it worked, and the log of the one that was tried last.

    pip takes over where uv fails. Beside a ROS installation the environment sees that installation's Python packages; uv does not look at
    them and installs its own copies into the environment, where they come first. The constraint file keeps numpy at the version that the
    installation's compiled packages need.

    Args:
        checkout: The checkout.
        ros: Whose packages the environment sees; names the environment.
        env: The environment for the commands.
        arguments: What both installers take: `-r` and `-c` with their files.
    """
    python = checkout.venv(ros) / "bin" / "python"
    quiet = {**env, "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    log = checkout.state / "packages-uv.log"
    own = [part for path in checkout.requirements("installer") for part in ("-r", str(path))]
    uv = [str(python.with_name("uv")), "pip", "install", "--python", str(python), "--no-progress"]
    # As pip chooses among several indexes; and compiled once here, not at every start of every node.
    uv += ["--index-strategy", "unsafe-best-match", "--compile-bytecode"]
    cache = checkout.state / "uv-cache"
    for_uv = {**_told_to_pip(python, quiet), **_cache_for(cache, env), **quiet}
    is_there = run_logged([*pip, *own], log, quiet, checkout.root) == 0
    is_done = is_there and run_logged([*uv, *arguments], log, for_uv, checkout.root) == 0
    shutil.rmtree(cache, ignore_errors=True)
    if is_done:
        return True, log
    say("", f"uv could not; pip tries ({log})")
    log = checkout.state / "packages.log"
    return run_logged([*pip, *arguments], log, quiet, checkout.root) == 0, log


def _cache_for(own: Path, env: dict[str, str]) -> dict[str, str]:
    """Return what makes uv keep its files in `own` for now, where the user's cache is out of reach of hard links.

    Linked files are on the disk once; copied ones, as to another disk, would be twice, and they are gigabytes.
    """
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/")) / ".cache")
    there = next(path for path in (cache, *cache.parents) if path.exists())
    is_near = there.stat().st_dev == own.parent.stat().st_dev and os.access(there, os.W_OK)
    return {} if is_near else {"UV_CACHE_DIR": str(own)}


def _told_to_pip(python: Path, env: dict[str, str]) -> dict[str, str]:
    """Return pip's options, from its files and variables, as variables for uv."""
    status, listed = answer([str(python), "-m", "pip", "config", "list"], env)
    told: dict[str, str] = {}
    # Sorted as pip prints them, variables come first; what a file says does not change them.
    for line in listed.splitlines() if status == 0 else ():
        key, _, value = line.partition("=")
        name, separator = _AS_UV.get(key.rpartition(".")[2], ("", ""))
        if name and key.startswith((":env:.", "global.", "install.", "user.", "site.")):
            told.setdefault(name, separator.join(value.strip("'\"").split()))
    return told
