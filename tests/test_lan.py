"""The certificate for a clinic's own network."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from server.lan import lan_certificate, own_addresses

NAMES = ["192.0.2.7", "localhost", "clinic-pc"]


def alternative_names(path: Path) -> set[str]:
    cert = x509.load_pem_x509_certificate(path.read_bytes())
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_the_certificate_names_every_address_and_serves_tls(tmp_path: Path) -> None:
    cert, key = lan_certificate(tmp_path, NAMES)
    assert alternative_names(cert) == set(NAMES)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


def test_the_key_is_ours_alone(tmp_path: Path) -> None:
    _, key = lan_certificate(tmp_path, NAMES)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_it_is_a_servers_certificate_and_signs_no_others(tmp_path: Path) -> None:
    cert = x509.load_pem_x509_certificate(lan_certificate(tmp_path, NAMES)[0].read_bytes())
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert cert.not_valid_before_utc < dt.datetime.now(dt.UTC)
    # phones refuse what lives longer than 825 days
    assert dt.timedelta(days=80) < cert.not_valid_after_utc - dt.datetime.now(dt.UTC) < dt.timedelta(days=398)


def test_a_phone_that_has_accepted_it_once_is_not_asked_again(tmp_path: Path) -> None:
    cert, key = lan_certificate(tmp_path, NAMES)
    before = cert.read_bytes(), key.read_bytes()
    lan_certificate(tmp_path, list(reversed(NAMES)))
    assert (cert.read_bytes(), key.read_bytes()) == before


def test_a_new_address_needs_a_new_certificate(tmp_path: Path) -> None:
    before = lan_certificate(tmp_path, NAMES)[0].read_bytes()
    cert, key = lan_certificate(tmp_path, ["192.0.2.8", *NAMES[1:]])
    assert cert.read_bytes() != before
    assert "192.0.2.8" in alternative_names(cert)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


@pytest.mark.parametrize("missing", ["lan.crt", "lan.key"])
def test_half_a_pair_is_made_anew(tmp_path: Path, missing: str) -> None:
    lan_certificate(tmp_path, NAMES)
    (tmp_path / missing).unlink()
    cert, key = lan_certificate(tmp_path, NAMES)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


def test_a_key_that_does_not_belong_to_the_certificate_is_made_anew(tmp_path: Path) -> None:
    """As after a crash between the two files."""
    cert, key = lan_certificate(tmp_path, NAMES)
    other = tmp_path / "other"
    other.mkdir()
    key.write_bytes(lan_certificate(other, NAMES)[1].read_bytes())
    cert, key = lan_certificate(tmp_path, NAMES)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


def test_own_addresses_are_ones_that_a_phone_can_reach() -> None:
    addresses = own_addresses()
    assert len(set(addresses)) == len(addresses)
    assert not [ip for ip in addresses if ipaddress.ip_address(ip).is_loopback]
