"""A certificate for a clinic's own network, so that phones give the page a camera."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses that others can reach, the one of the default route first."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks the routing table
            found.append(str(probe.getsockname()[0]))
        except OSError:
            pass
    import ifaddr

    for adapter in ifaddr.get_adapters():
        found += [str(ip.ip) for ip in adapter.ips if ip.is_IPv4]
    return [ip for ip in dict.fromkeys(found) if not ipaddress.ip_address(ip).is_loopback]


def lan_certificate(var: Path, names: list[str]) -> tuple[Path, Path]:
    """``(certificate, key)`` in ``var``; made anew when the names have changed or it ends within a week."""
    cert_path, key_path = var / "lan.crt", var / "lan.key"
    if cert_path.exists() and key_path.exists():
        old = x509.load_pem_x509_certificate(cert_path.read_bytes())
        alt = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = {str(name.value) for name in alt}
        lasts = old.not_valid_after_utc > dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
        of_one_making = _public(old) == _public(serialization.load_pem_private_key(key_path.read_bytes(), None))
        if known == set(names) and lasts and of_one_making:
            return cert_path, key_path
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Twenty Minutes, this machine")])
    now = dt.datetime.now(dt.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path.unlink(missing_ok=True)
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    cert_path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    return cert_path, key_path


def _public(holder: x509.Certificate | PrivateKeyTypes) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, kind)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
