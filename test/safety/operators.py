"""Operators for tests: keys in memory, keyrings, signed requests."""

from __future__ import annotations

import dataclasses

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strands_robots.operators.keyring import Keyring, Operator, Role
from strands_robots.operators.operator_key import OperatorKey
from strands_robots.safety.resume import PURPOSE, ResumeRequest
from strands_robots.safety.signed_resume import SignedResumeAuthority

ALL_ROLES = frozenset(Role)


def operator_key(name: str) -> OperatorKey:
    return OperatorKey(name, Ed25519PrivateKey.generate())


def keyring(*keys: OperatorKey, roles: frozenset[Role] = ALL_ROLES) -> Keyring:
    return Keyring(Operator(key.public, roles) for key in keys)


def signed_resume(
    authority: SignedResumeAuthority, key: OperatorKey, stop_id: int, now: float, **changes: object
) -> ResumeRequest:
    """Return a request that the authority accepts; `changes` are made before it is signed."""
    fields: dict[str, object] = {
        "source": f"operator/{key.name}",
        "reason": "checked",
        "stop_id": stop_id,
        "challenge": authority.challenge(stop_id, now),
        "key_id": key.public.key_id,
        **changes,
    }
    request = ResumeRequest(**fields)  # type: ignore[arg-type]
    return sign(request, key, authority.config.run_id, authority.config.session)


def sign(request: ResumeRequest, key: OperatorKey, run_id: str, session: str) -> ResumeRequest:
    return dataclasses.replace(request, signature=key.sign(PURPOSE, request.statement(run_id, session)))
