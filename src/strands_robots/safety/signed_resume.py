"""Who may resume: with operator keys, only who signs a fresh challenge for this very stop. No I/O.

A challenge is not remembered when it is given: it carries its stop, its end and a MAC under a secret that this start of
safety_node made for itself. So asking for challenges costs no memory, and a challenge of an earlier start is worth
nothing. Remembered are challenges that were *used*, which takes a valid signature, until they have expired.
"""

from __future__ import annotations

import hmac
import re
import secrets
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, ResumeRefusedError
from strands_robots.core.text import printable
from strands_robots.operators.keyring import Keyring, Operator, Role
from strands_robots.safety.resume import (
    PURPOSE,
    AnyoneMayResume,
    AuthorityConfig,
    ResumeAuthority,
    ResumeRefusal,
    ResumeRequest,
    ResumeRule,
    StopFacts,
)

_CHALLENGE = re.compile(r"(\d{1,20})\.(\d{1,20})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)
_MOST_USED = 4096


class SignedResumeAuthority:
    """Gives challenges and checks what comes back.

    Not thread-safe: the node's executor calls it.

    Args:
        config: Options.
        keyring: Whose signatures count.
    """

    def __init__(self, config: AuthorityConfig, keyring: Keyring) -> None:
        self.config = config
        self._keyring = keyring
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, float] = {}
        self._signers: dict[str, float] = {}
        self._signers_stop = 0

    def challenge(self, stop_id: int, now: float) -> str:
        """Return a fresh challenge for a stop, to be signed within the lifetime; `now` is steady time [s]."""
        expires_ms = int((now + self.config.lifetime) * 1000.0)
        nonce = secrets.token_hex(16)
        return f"{stop_id}.{expires_ms}.{nonce}.{self._mac(stop_id, expires_ms, nonce)}"

    def check(self, request: ResumeRequest, stop: StopFacts, now: float) -> None:
        """Return if the request is signed as the rule asks; its challenge is then used up, whatever else happens.

        Raises:
            ResumeRefusedError: With the reason by name.
        """
        nonce, expires = self._check_challenge(request, stop, now)
        operator = self._check_signature(request)
        self._used[nonce] = expires
        self._check_rule(operator, stop, now)

    def _check_challenge(self, request: ResumeRequest, stop: StopFacts, now: float) -> tuple[str, float]:
        if not request.challenge and not request.signature:
            raise _refused(
                ResumeRefusal.UNSIGNED,
                "this graph resumes only with an operator's signature; valid: a challenge of safety/resume_challenge, "
                "signed (strands-robots resume)",
            )
        match = _CHALLENGE.fullmatch(request.challenge)
        if match is None or len(request.signature) != 64:
            raise _refused(
                ResumeRefusal.MALFORMED, "challenge or signature is malformed; valid: as given, and 64 bytes"
            )
        stop_id, expires_ms, nonce, mac = int(match[1]), int(match[2]), match[3], match[4]
        if not hmac.compare_digest(mac, self._mac(stop_id, expires_ms, nonce)):
            raise _refused(
                ResumeRefusal.FOREIGN_CHALLENGE, "the challenge is not of this start of safety_node; valid: a fresh one"
            )
        if stop_id != stop.stop_id:
            raise _refused(
                ResumeRefusal.WRONG_STOP, f"the challenge is for stop {stop_id}; valid: one for stop {stop.stop_id}"
            )
        expires = expires_ms / 1000.0
        if now > expires:
            raise _refused(
                ResumeRefusal.EXPIRED,
                f"the challenge expired {now - expires:.1f} s ago; valid: within {self.config.lifetime:g} s",
            )
        self._used = {used: end for used, end in self._used.items() if end >= now}
        if nonce in self._used:
            raise _refused(
                ResumeRefusal.REPLAYED, "the challenge was used already; valid: a fresh one for every resume"
            )
        if len(self._used) >= _MOST_USED:
            raise _refused(ResumeRefusal.BUSY, f"{_MOST_USED} challenges were used lately; valid: wait a minute")
        return nonce, expires

    def _check_signature(self, request: ResumeRequest) -> Operator:
        operator = self._keyring.find(request.key_id)
        if operator is None:
            raise _refused(
                ResumeRefusal.UNKNOWN_KEY, f"key '{printable(request.key_id)}' is not in the keyring of this graph"
            )
        if Role.RESUME not in operator.roles:
            raise _refused(ResumeRefusal.NO_ROLE, f"the key of {operator.source} may not resume; valid: role 'resume'")
        if request.source != operator.source:
            raise _refused(
                ResumeRefusal.WRONG_SOURCE,
                f"source '{printable(request.source)}' is not who signed; valid: '{operator.source}'",
            )
        statement = request.statement(self.config.run_id, self.config.session)
        if not operator.key.is_signature(request.signature, PURPOSE, statement):
            raise _refused(
                ResumeRefusal.WRONG_SIGNATURE, f"the signature is not that of {operator.source} over this request"
            )
        return operator

    def _check_rule(self, operator: Operator, stop: StopFacts, now: float) -> None:
        rule, name = self.config.rule, operator.key.name
        if rule is ResumeRule.NOT_WHO_STOPPED and operator.source in stop.sources:
            raise _refused(
                ResumeRefusal.STOPPED_BY_SIGNER,
                f"{operator.source} asked for this stop; valid: another operator resumes",
            )
        if rule is not ResumeRule.TWO_OPERATORS:
            return
        if self._signers_stop != stop.stop_id:
            self._signers_stop, self._signers = stop.stop_id, {}
        self._signers = {signer: end for signer, end in self._signers.items() if end >= now}
        self._signers[name] = now + self.config.lifetime
        if len(self._signers) < 2:
            raise _refused(
                ResumeRefusal.SECOND_OPERATOR_MISSING,
                f"{operator.source} has signed; valid: another operator signs too, within {self.config.lifetime:g} s",
            )
        self._signers = {}

    def _mac(self, stop_id: int, expires_ms: int, nonce: str) -> str:
        return hmac.digest(self._secret, f"resume {stop_id} {expires_ms} {nonce}".encode(), "sha256").hex()


def _refused(reason: ResumeRefusal, message: str) -> ResumeRefusedError:
    return ResumeRefusedError(message, reason.value)


def make_authority(keyring: str, is_required: bool, config: AuthorityConfig) -> ResumeAuthority:
    """Return who decides about resumes.

    Args:
        keyring: Path of the keyring; empty lets every person resume who gives a name.
        is_required: Refuse to do without a keyring.
        config: Options of the signed authority.

    Raises:
        ConfigurationError: If a keyring is required and none is given, it names no person who may resume, or the rule asks
            for two operators and it has one.
        KeyFileError: If the keyring cannot be used.
    """
    if not keyring:
        if is_required:
            raise ConfigurationError(
                "resumes must be signed (require_signed_resume) and no keyring is given; "
                "valid: the path of a keyring, made with `strands-robots keys add`"
            )
        return AnyoneMayResume()
    from strands_robots.operators.keyring import Role, load_keyring

    ring = load_keyring(Path(keyring).expanduser())
    names = {operator.key.name for operator in ring.operators if Role.RESUME in operator.roles}
    needed = 1 if config.rule is ResumeRule.ANY_OPERATOR else 2
    if len(names) < needed:
        raise ConfigurationError(
            f"the keyring '{keyring}' has {len(names)} operators with the role 'resume'; "
            f"rule '{config.rule.value}' needs {needed}"
        )
    return SignedResumeAuthority(config, ring)
