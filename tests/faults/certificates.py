"""Certificates as an operator of a server has them made, for tests: by an authority of their own, for one host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Files:
    """Where an authority's certificate, a server's and the server's key are."""

    authority: Path
    certificate: Path
    key: Path


def issued(folder: Path, host: str, *, days: int = 1) -> Files:
    """Have a new authority issue a certificate for a host; with negative `days` it is over already."""
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name(f"authority of {folder.name}")

    def made(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        return begun.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=30))

    ours = made(issuer, root).not_valid_after(now + timedelta(days=30))
    ours = ours.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    theirs = made(_name(host), leaf).not_valid_after(until)
    theirs = theirs.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    files = Files(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    folder.mkdir(parents=True, exist_ok=True)
    files.authority.write_bytes(ours.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))
    files.certificate.write_bytes(theirs.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))
    files.key.write_bytes(leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
