"""Who has opened the console: addresses that work once, signed cookies, and the token of every write. No I/O."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

LONGEST = 7 * 24 * 3600.0
"""A cookie is good for this long [s]."""

MOST_INVITATIONS = 8
"""Addresses that wait to be opened; a new one takes the place of the oldest."""

ATTEMPTS, ATTEMPT_WINDOW = 10, 60.0
"""So many wrong addresses within this time [s] are looked at; then none is until the time is over."""


class Sessions:
    """Knows which browsers were let in. May be used by several threads.

    Cookies are signed, not stored: a console that is started again with the same secret knows its pages.

    Args:
        secret: At least 32 bytes.
        now: Wall clock [s].
    """

    def __init__(self, secret: bytes, now: Callable[[], float] = time.time) -> None:
        self._secret, self._now = secret, now
        self._lock = threading.Lock()
        self._invitations: deque[bytes] = deque(maxlen=MOST_INVITATIONS)
        self._wrong: dict[str, deque[float]] = {}

    def invite(self) -> str:
        """Return the key of a new one-time address."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._invitations.append(_digest(key))
        return key

    def enter(self, key: str, door: str = "") -> str | None:
        """Return the cookie for a one-time key, which is used up by this; None when it is not good, or after too many that were not.

        Args:
            key: The key.
            door: Name of the listener: wrong keys at one do not lock another.
        """
        now, digest = self._now(), _digest(key)
        with self._lock:
            wrong = self._wrong.setdefault(door, deque(maxlen=ATTEMPTS))
            while wrong and not 0.0 <= now - wrong[0] < ATTEMPT_WINDOW:
                wrong.popleft()
            if len(wrong) == ATTEMPTS:
                return None
            found = [known for known in self._invitations if hmac.compare_digest(known, digest)]
            if not found:
                wrong.append(now)
                return None
            self._invitations.remove(found[0])
        body = f"{secrets.token_urlsafe(16)}.{int(now)}"
        return f"{body}.{self._sign('cookie', body)}"

    def session(self, cookie: str) -> str | None:
        """Return the name of the session that a cookie stands for; None when it is not one of ours, or too old."""
        body, _, signature = cookie.rpartition(".")
        if not body or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._sign("cookie", body).encode()
        ):
            return None
        name, _, since = body.partition(".")
        # A clock that was set back makes a cookie of the future: it is ours all the same.
        return name if self._now() - float(since) < LONGEST else None

    def token(self, session: str) -> str:
        """Return what each write of a session carries."""
        return self._sign("token", session)

    def is_token(self, session: str, token: str) -> bool:
        """Return whether a write carries its session's token."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token(session).encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}\0{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
