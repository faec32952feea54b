"""A robot's pictures go by reference: the bytes to a store that the fleet names, by a URL that the operator's request carries.

The URL is signed for one PUT by the store's owner, so the robot holds no key of the store. A robot sends its pictures to
the host of its own configuration and to no other, whoever asks, so that a request is no way to make it talk to machines
that its operator cannot reach.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.core.text import printable

PERIOD = 2.0
"""Time between two pictures of a robot [s]; kept by the robot, and by the operator's station."""

LARGEST = 4 << 20
"""Most bytes of a picture."""

_TIMEOUT = 10.0


class PictureUpload:
    """Sends pictures to the fleet's store.

    Args:
        host: The store, as in its URLs: "<bucket>.s3.<region>.amazonaws.com", with ":<port>" where it is not 443.
        authority: Certificates that are trusted, PEM; empty for this machine's own.
        now: Steady clock [s].
    """

    def __init__(self, host: str, authority: str = "", now: Callable[[], float] = time.monotonic) -> None:
        self.host, self._now = host, now
        self._context = ssl.create_default_context(cafile=authority or None)
        self._last = float("-inf")

    def check(self, url: str) -> None:
        """Return when a picture may go to a URL now, and count it.

        Raises:
            ConfigurationError: If the URL is not the store's, or the last picture was a moment ago.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ConfigurationError(
                f"a picture is asked for at no URL ({error}); valid: https://{self.host}"
            ) from error
        if parts.scheme != "https" or parts.netloc != self.host or not url.isascii() or any(c <= " " for c in url):
            raise ConfigurationError(
                f"a picture is asked for at '{printable(parts.scheme)}://{printable(parts.netloc)[:128]}'; "
                f"valid: https://{self.host}"
            )
        age = self._now() - self._last
        if age < PERIOD:
            raise ConfigurationError(f"the last picture was asked for {age:.1f} s ago; valid: one in {PERIOD:g} s")
        self._last = self._now()

    def put(self, url: str, data: bytes) -> None:
        """Send a JPEG; follows no redirection. Waits up to ten seconds: not for a thread that has anything else to do.

        Raises:
            NoAnswerError: If the store refuses it or does not answer.
            ConfigurationError: If it is too large.
        """
        if len(data) > LARGEST:
            raise ConfigurationError(f"a picture of {len(data)} bytes; valid: at most {LARGEST}")
        parts = urlsplit(url)
        link = http.client.HTTPSConnection(self.host, timeout=_TIMEOUT, context=self._context)
        try:
            link.request("PUT", f"{parts.path}?{parts.query}", data, {"Content-Type": "image/jpeg"})
            answer = link.getresponse()
            answer.read(4096)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"the store of pictures does not answer: {error}") from error
        finally:
            link.close()
        if answer.status != 200:
            raise NoAnswerError(f"the store of pictures refuses: {answer.status} {printable(answer.reason)[:64]}")
