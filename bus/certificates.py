"""Certificates for a bus of one's own: an authority, the nodes that it vouches for, and members that log in with one.

Elliptic keys (P-256). The authority signs for nothing but these; its key is the directory's, and whoever holds it can
pose as any of them. Production keeps it elsewhere (`docs/administrator.md`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bus.credentials import write_private
from bus.errors import InvalidSettings

__all__ = ["Authority", "bearer"]

AUTHORITY_LIFE = timedelta(days=3_650)
MEMBER_LIFE = timedelta(days=825)
"""As long as common clients accept at most."""
EARLIER = timedelta(minutes=5)
"""Before now: a machine whose clock is a little behind must not find the certificate in its future."""


@dataclass(frozen=True)
class Authority:
    """Who vouches for the nodes and members of one bus."""

    certificate_file: Path
    """What everyone who connects trusts (`tls_ca`)."""
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, directory: Path) -> Authority:
        """The authority of this directory, which is made where there is none: `ca.pem`, and `ca-key.pem` (0600).

        Raises InvalidSettings when one of the two is missing or cannot be read.
        """
        file, key_file = directory / "ca.pem", directory / "ca-key.pem"
        if not file.exists() and not key_file.exists():
            _make_authority(file, key_file)
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidSettings(
                f"{directory}: the authority cannot be read: {error}; restore its two files"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise InvalidSettings(f"{key_file}: not the key of this authority; restore it")
        return cls(file, certificate, key)

    def vouch(self, name: str, file: Path, addresses: Sequence[str] = (), *, life: timedelta = MEMBER_LIFE) -> None:
        """Write key and certificate of a node (with the addresses that it answers at) or a member into one file (0600).

        One that exists is left as it is.
        """
        if file.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if addresses else [])]
        builder = (
            _begun(name, key.public_key(), self.certificate.subject, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if addresses:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_address, addresses))), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        write_private(file, _private(key) + _public(certificate) + _public(self.certificate))


def bearer(file: Path) -> tuple[str, datetime, datetime]:
    """Whose certificate is in this file of key and certificate, from when it holds, and until when.

    Raises InvalidSettings, naming the file, when there is none in it.
    """
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{file}: no certificate can be read in it: {error}") from error
    [name, *_] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value), certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _make_authority(file: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "NTSG bus authority")])
    uses = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False
    )  # fmt: skip
    certificate = (
        _begun("NTSG bus authority", key.public_key(), name, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _private(key))
    write_private(file, _public(certificate))
    file.chmod(0o644)


def _begun(name: str, key: ec.EllipticCurvePublicKey, issuer: x509.Name, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + life)
    )


def _address(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
