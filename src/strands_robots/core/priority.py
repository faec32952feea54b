"""Scheduling priority of what must not be late: a busy machine shall not stop robots because a heartbeat waited for the processor."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

CRITICAL = -10

_AUTOGROUP = Path("/proc/self/autogroup")


def raise_priority() -> bool:
    """Raise the priority of this thread and of those that it starts later, where the system allows it; return whether it did.

    Root may, and so may a user with a `nice` limit in /etc/security/limits.conf. Elsewhere nothing changes. Where the kernel groups
    processes by session, a priority counts within the session only, so that of the group is raised as well.

    Source: sched(7), "The autogroup feature".
    """
    try:
        os.setpriority(os.PRIO_PROCESS, 0, CRITICAL)
        if _AUTOGROUP.exists():
            _AUTOGROUP.write_text(str(CRITICAL), encoding="ascii")
    except OSError:
        return False
    return True


def hurry() -> None:
    """Raise the priority of this thread alone, where the system allows it: for a stop in a program that is not critical itself."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, CRITICAL)


def normal_priority() -> None:
    """Give this thread, and those that it starts later, the priority of other programs again."""
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
