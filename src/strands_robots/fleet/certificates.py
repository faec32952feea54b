"""The fleet's certificate authority, and the certificates that admit members to routers and brokers. Admission only: what a
member says counts by its Ed25519 signature.
"""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.member import check_member_name

DAY = datetime.timedelta(days=1)
_BACKDATED = datetime.timedelta(minutes=5)
"""A certificate is valid from a little earlier than now, for machines whose clock is behind."""


def new_private_key() -> ec.EllipticCurvePrivateKey:
    """Return a new key for TLS, on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM, PKCS 8."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key in PEM.

    Raises:
        ConfigurationError: If it is none on an elliptic curve.
    """
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"no private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"a key of type {type(key).__name__}; valid: an elliptic curve key")
    return key


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def is_pair(certificate: bytes, private: bytes) -> bool:
    """Return whether a certificate (PEM) is for a private key (PEM); raises ValueError or ConfigurationError for what is none."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    own = load_private(private).public_key().public_bytes(*form)
    return x509.load_pem_x509_certificate(certificate).public_key().public_bytes(*form) == own


def make_authority(
    fleet: str, key: ec.EllipticCurvePrivateKey, lifetime: datetime.timedelta = 3650 * DAY
) -> x509.Certificate:
    """Return the authority's own certificate."""
    name = _name(f"{fleet} fleet authority")
    return (
        _begun(name, name, key.public_key(), lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )


def make_request(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate signing request (PEM) for a member's name. Its private key stays where it is."""
    subject = _name(check_member_name(name))
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def sign_request(
    pem: bytes,
    name: str,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    lifetime: datetime.timedelta = DAY,
) -> x509.Certificate:
    """Return the certificate for a request.

    Args:
        pem: The request.
        name: The member that it must name, alone.
        authority: Certificate of the authority.
        authority_key: Its key.
        lifetime: How long it is valid.

    Raises:
        ConfigurationError: If the request names another member, or is not signed by the key in it.
    """
    try:
        request = x509.load_pem_x509_csr(pem)
        is_own = request.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        raise ConfigurationError(f"no certificate request: {error}") from error
    if not is_own or request.subject != _name(name):
        raise ConfigurationError(
            f"the certificate request is for '{request.subject.rfc4514_string()}'; valid: 'CN={name}', signed by its own key"
        )
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigurationError(f"the certificate request has a {type(key).__name__}; valid: an elliptic curve key")
    return (
        _issued(_name(name), authority, key, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def make_server_certificate(
    names: tuple[str, ...],
    key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    lifetime: datetime.timedelta = 365 * DAY,
) -> x509.Certificate:
    """Return the certificate of a router or broker; `names` are host names and addresses."""
    entries: list[x509.GeneralName] = []
    for name in names:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    return (
        _issued(_name("router"), authority, key, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(entries), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _issued(
    subject: x509.Name, authority: x509.Certificate, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    """Return what an authority signs; it names the authority's key, as RFC 5280 asks and Python since 3.13 checks."""
    issuer = authority.public_key()
    assert isinstance(issuer, ec.EllipticCurvePublicKey)
    return _begun(subject, authority.subject, key, lifetime).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
    )
