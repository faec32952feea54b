"""The fleet's certificates are what others' TLS takes, in its strict mode too, which Python has by default since 3.13."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from strands_robots.fleet.certificates import (
    certificate_pem,
    make_authority,
    make_request,
    make_server_certificate,
    sign_request,
)

_PLAIN = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def context(
    folder: Path, side: int, certificate: bytes, key: ec.EllipticCurvePrivateKey, authority: bytes
) -> ssl.SSLContext:
    """Return one side's settings, with everything that OpenSSL can be strict about."""
    made = ssl.SSLContext(side)
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.load_verify_locations(cadata=authority.decode())
    file = folder / f"{side}.pem"
    file.write_bytes(certificate + key.private_bytes(*_PLAIN))
    made.load_cert_chain(file)
    return made


def test_member_and_router_take_each_other_in_strict_mode(tmp_path: Path) -> None:
    root, own, router = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority = make_authority("lab", root)
    member = sign_request(make_request("arm1", own), "arm1", authority, root)
    server = make_server_certificate(("127.0.0.1", "fleet.lab"), router.public_key(), authority, root)
    pinned = certificate_pem(authority)
    sides = (
        context(tmp_path, ssl.PROTOCOL_TLS_CLIENT, certificate_pem(member), own, pinned),
        context(tmp_path, ssl.PROTOCOL_TLS_SERVER, certificate_pem(server), router, pinned),
    )
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = sides[0].wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    answering = sides[1].wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for end in (client, answering):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    assert done == {client, answering}
    assert answering.getpeercert() and client.getpeercert()
