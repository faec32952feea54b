"""Certificates of a day, renewed over the live link: the member asks with a request that it signed, the authority answers.

A certificate admits to router and broker and authorises nothing. So the answer needs no trust in who carries it: the
member takes a certificate only for the key that it has just made, from an authority that it has pinned. The router closes
a link when its certificate ends, and the member's next link uses the new one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.private_folder import opened
from strands_robots.fleet.bodies import RenewalRequest, RenewedCertificate
from strands_robots.fleet.certificates import is_pair
from strands_robots.fleet.enrolment import new_request
from strands_robots.fleet.roster_keeper import write_atomically
from strands_robots.operators.operator_key import OperatorKey

CERTIFICATE, KEY, NEW_KEY, AUTHORITY = "certificate.pem", "tls.key", "tls.renewal.key", "authority.pem"
"""Files of the member's folder. The new key has a file of its own: `tls.new.key` is that of a person's `fleet request`."""

ASK_PERIOD = 60.0
"""Time between two requests while no answer has come [s]."""

_CHECK_PERIOD = 1.0
_LARGEST = 1 << 16


class Renewal:
    """A member's side. `request` is called often by one thread, `take` by another when an answer comes.

    Args:
        folder: The member's.
        key: Its own key, which signs the request.
        now: Steady clock [s], for the time between two requests.
        wall: Wall clock [s since 1970], which is what certificates go by.
        ask_period: Time between two requests while no answer has come [s].

    Attributes:
        problem: What keeps the certificate from being renewed, in words; empty for nothing.
    """

    def __init__(
        self,
        folder: Path,
        key: OperatorKey,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        ask_period: float = ASK_PERIOD,
    ) -> None:
        self._folder, self._key, self._now, self._wall, self._period = folder, key, now, wall, ask_period
        self._asked, self._checked = float("-inf"), float("-inf")
        self._is_waiting = False
        self.problem = ""
        finish(folder)

    def request(self) -> RenewalRequest | None:
        """Return what is to be sent now: a request with a new key, when half of the certificate's time is over."""
        now = self._now()
        if now - self._checked < _CHECK_PERIOD or now - self._asked < self._period:
            return None
        self._checked = now
        try:
            end = self._end_where_due()
            if end is None:
                return None
            if self._is_waiting:
                self.problem = (
                    f"no answer to the request for the next certificate; the present one ends in {end / 3600.0:.1f} h; "
                    "valid: `strands-robots fleet renew` runs on the authority's machine"
                )
            made, private = new_request(self._key)
            write_atomically(self._folder, NEW_KEY, private)
        except (OSError, ValueError) as error:
            self.problem = f"the certificate cannot be renewed: {error}"
            return None
        self._asked, self._is_waiting = now, True
        return RenewalRequest(key=made.key, csr=made.csr, signature=made.signature)

    def take(self, answer: RenewedCertificate) -> bool:
        """Take a certificate; return False, and say why in `problem`, when it is not for the new key or not of the authority."""
        self._is_waiting = False
        try:
            with opened(self._folder) as place:
                key, pinned = place.read(NEW_KEY, _LARGEST), place.read(AUTHORITY, _LARGEST)
            certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
            if not is_pair(answer.certificate.encode(), key):
                raise ConfigurationError("the certificate is for another key; valid: for the key that was made last")
            _check_issuer(certificate, pinned)
            # The certificate first: with it, `finish` knows after a crash that the new key is the one to use.
            write_atomically(self._folder, CERTIFICATE, answer.certificate.encode(), 0o644)
            write_atomically(self._folder, KEY, key)
        except (OSError, ValueError, ConfigurationError) as error:
            self.problem = f"a new certificate was refused: {error}"
            return False
        self.problem = ""
        return True

    def _end_where_due(self) -> float | None:
        """Return the certificate's time left [s] when half of its time is over; None before."""
        with opened(self._folder) as place:
            certificate = x509.load_pem_x509_certificate(place.read(CERTIFICATE, _LARGEST))
        begin, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        now = self._wall()
        return end - now if now > (begin + end) / 2.0 else None


def finish(folder: Path) -> None:
    """Finish a renewal that was interrupted between its two files: the key is made the one of the certificate."""
    try:
        with opened(folder) as place:
            certificate = place.read(CERTIFICATE, _LARGEST)
            key, new = place.read(KEY, _LARGEST), place.read(NEW_KEY, _LARGEST)
        if not is_pair(certificate, key) and is_pair(certificate, new):
            write_atomically(folder, KEY, new)
    except (OSError, ValueError, ConfigurationError):
        return  # Nothing was interrupted, or there is no second key; a pair that does not fit is said where it is used.


def _check_issuer(certificate: x509.Certificate, pinned: bytes) -> None:
    for authority in x509.load_pem_x509_certificates(pinned):
        try:
            certificate.verify_directly_issued_by(authority)
            return
        except (InvalidSignature, ValueError, TypeError):
            continue
    raise ConfigurationError("no pinned authority has signed the certificate; valid: those in authority.pem")
