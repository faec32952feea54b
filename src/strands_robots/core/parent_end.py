"""A process that ends with its parent: the kernel sends it a signal when the parent is gone."""

from __future__ import annotations

import ctypes
import shutil
import signal

_PR_SET_PDEATHSIG = 1


def signal_with_parent(number: signal.Signals) -> None:
    """Have this process sent a signal when the thread that forked it ends; nothing happens for a parent that is gone already.

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def signal_with_parent_prefix(number: signal.Signals) -> tuple[str, ...]:
    """Return the words before a command that have the kernel send it a signal when this process is killed; empty without setpriv(1).

    Source: setpriv(1) of util-linux, --pdeathsig.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", number.name.removeprefix("SIG")) if setpriv else ()
