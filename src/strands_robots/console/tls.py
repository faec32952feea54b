"""What a console that listens to other machines needs: a certificate with its key, and the names that it is for. Reads files; no ROS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from strands_robots.console.loopback import Names
from strands_robots.core.errors import ConfigurationError


@dataclass(frozen=True)
class Listen:
    """Where a console listens for browsers of other machines.

    Attributes:
        host: Address of this machine, for example "0.0.0.0" for every one.
        port, stop_port: Ports of the pages and of the stop's own way; 0 for free ones.
        certificate, key: PEM files.
    """

    host: str
    port: int
    stop_port: int
    certificate: Path
    key: Path

    def names(self) -> Names:
        """Return the names that the certificate is for: no other Host is answered.

        Raises:
            ConfigurationError: If it cannot be read, or names no host.
        """
        from cryptography import x509

        try:
            read = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except OSError as error:
            raise ConfigurationError(f"certificate '{self.certificate}' cannot be read: {error.strerror}") from error
        except (ValueError, x509.ExtensionNotFound) as error:
            raise ConfigurationError(
                f"certificate '{self.certificate}' cannot be used ({error}); valid: a PEM file with subjectAltName"
            ) from error
        names = [name for name in found.get_values_for_type(x509.DNSName) if "*" not in name]
        names += [str(address) for address in found.get_values_for_type(x509.IPAddress)]
        if not names:
            raise ConfigurationError(
                f"certificate '{self.certificate}' names no host; valid: subjectAltName with the names and addresses of this machine"
            )
        return Names(tuple(name.lower() for name in names), is_open=True)

    def context(self) -> ssl.SSLContext:
        """Return the TLS context: version 1.2 or newer.

        Raises:
            ConfigurationError: If certificate and key do not fit, or cannot be read.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            made.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"certificate '{self.certificate}' and key '{self.key}' cannot be used: {error}; "
                "valid: two PEM files that belong together, the key without a passphrase"
            ) from error
        return made


def _no_passphrase() -> str:
    """Answer OpenSSL, which else asks the terminal for the passphrase of a key and waits."""
    return ""
