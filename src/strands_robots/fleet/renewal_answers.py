"""The authority's answers to members that ask over the live link for their next certificate (renewal.py)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.authority import Authority
from strands_robots.fleet.bodies import RenewalRequest, RenewedCertificate
from strands_robots.fleet.enrolment import EnrolmentRequest

SHORTEST = 30.0
"""The authority gives a member no two certificates within this time [s]."""


class RenewalAnswers:
    """Answers members of its roster, each at most once in `SHORTEST`.

    Args:
        authority: The authority; its root key is not needed.
        now: Steady clock [s].

    Attributes:
        renewed: Members that got a certificate, in this order.
        refused: Why a member got none the last time that it asked; by its name.
    """

    def __init__(self, authority: Authority, now: Callable[[], float] = time.monotonic) -> None:
        self._authority, self._now = authority, now
        self._lock = threading.Lock()
        self._answered: dict[str, float] = {}
        self.renewed: list[str] = []
        self.refused: dict[str, str] = {}

    def answer(self, sender: str, asked: RenewalRequest) -> RenewedCertificate:
        """Return a member's new certificate.

        Raises:
            ConfigurationError: If it asks for another member, too often, or is on the authority's roster no more.
        """
        self._authority.reload()
        entry = self._authority.file.members.get(sender)
        if entry is None or entry.key != asked.key:
            raise ConfigurationError(f"'{sender}' asks with a key that is not its own on the roster; valid: its own")
        with self._lock:
            now = self._now()
            if now - self._answered.get(sender, float("-inf")) < SHORTEST:
                raise ConfigurationError(f"'{sender}' got a certificate less than {SHORTEST:g} s ago; valid: later")
            granted = self._authority.renew(
                EnrolmentRequest(v=1, key=asked.key, csr=asked.csr, signature=asked.signature)
            )
            self._answered[sender] = now
            self.renewed.append(sender)
        return RenewedCertificate(certificate=str(granted["certificate"]))
