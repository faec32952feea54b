"""The end of a session with a middleware, which one hung process elsewhere can hold up or make fail. It changes no exit code.

With rmw_zenoh_cpp a peer that hangs lets the shutdown of every other session take ten seconds and raise. What a command
had to do is done by then.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

LONGEST_CLOSE = 1.5
"""A session that needs longer to close is left as it is [s]."""

_left: list[threading.Thread] = []


def close_session(close: Callable[[], object], timeout: float = LONGEST_CLOSE) -> bool:
    """Close a session in a thread of its own, and return whether it closed in time.

    Args:
        close: Closes it; what it raises is said on the error output and goes no further.
        timeout: Longest wait [s].
    """
    thread = threading.Thread(target=_closed, args=(close,), name="session end", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending and starts no thread any more
        _closed(close)
        return True
    thread.join(timeout)
    if thread.is_alive():
        _left.append(thread)
        print(f"the session with the middleware did not close within {timeout:g} s and is left", file=sys.stderr)
        return False
    return True


def leave_process(code: int) -> int:
    """Return a command's exit code; where a session was left that still closes, end the process here, with that code."""
    if not any(thread.is_alive() for thread in _left):
        return code
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _closed(close: Callable[[], object]) -> None:
    try:
        close()
    except Exception as error:  # noqa: BLE001
        # Whatever the middleware raises, what was asked for is done, and its caller goes on.
        print(
            f"the session with the middleware did not close in order: {type(error).__name__}: {error}", file=sys.stderr
        )
