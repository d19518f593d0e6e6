"""Every setting, read from the environment once, checked at start.

A setting's name in the environment is its field's name in capitals with ``TM_`` before it. The table in
the README is kept by ``tests/test_docs.py``.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from server.errors import SettingsError
from server.formats import parse_email
from signaling.turn import Turn, addresses_in, parse_urls

PREFIX = "TM_"
Seconds = Annotated[int, Field(ge=1, le=24 * 3600)]


class Settings(BaseModel):
    """The process's settings. Immutable; tests build their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["development", "production"] = Field(
        default="development", description="`production` refuses demo accounts, default secrets and plain HTTP."
    )
    var: Path = Field(
        default=Path("var"), description="Folder of the embedded stores and the generated secrets (0700)."
    )
    host: str = Field(default="127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that the web process listens on.")
    public_url: str = Field(
        default="",
        description="The address people type, as in `https://visit.example.ca`; default `http://localhost:PORT`.",
    )
    tls_cert: Path | None = Field(
        default=None, description="Certificate chain (PEM); with `TM_TLS_KEY` the web process speaks HTTPS."
    )
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of `TM_TLS_CERT`.")
    behind_proxy: bool = Field(
        default=False, description="A proxy in front ends TLS and sets `X-Forwarded-Proto` and `X-Forwarded-For`."
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL; default is SQLite in `TM_VAR`. PostgreSQL: `postgresql+asyncpg://…`."
    )
    redis_url: str = Field(
        default="", description="Redis or Valkey URL; default is an embedded server on a unix socket in `TM_VAR`."
    )
    valkey_binary: str = Field(
        default="", description="Another valkey-server or redis-server program for the embedded store."
    )
    secret: str = Field(
        default="",
        description="At least 32 random bytes, base64: CSRF and signing keys derive from it. Development makes its own in `TM_VAR`.",
    )
    data_keys: str = Field(
        default="",
        description="Field encryption keys, `id:base64-of-32-bytes` by commas; the first encrypts, all decrypt.",
    )
    index_key: str = Field(default="", description="Base64 of 32 random bytes: the blind index for exact search.")
    clinic_name: str = Field(default="Alder Street Rehab", description="The clinic's name, in English.")
    clinic_name_fr: str = Field(default="Réadaptation rue Alder", description="The clinic's name, in French.")
    clinic_phone: str = Field(default="+14165550142", description="The clinic's phone, E.164, shown on every page.")
    clinic_zone: str = Field(default="America/Toronto", description="IANA time zone of the clinic.")
    clinic_hours: str = Field(
        default="mon-fri 08:00-18:00",
        description="Opening hours, groups by commas, as in `mon-fri 08:00-18:00, sat 09:00-12:00`.",
    )
    call_policy: Literal["relay", "direct+relay"] = Field(
        default="relay",
        description="`relay`: neither person learns the other's address. `direct+relay`: the shorter path where it works; each can learn the other's.",
    )
    relay_port: int = Field(default=3478, ge=0, le=65535, description="UDP and TCP port of the relay process.")
    relay_index: int = Field(
        default=0, ge=0, le=8, description="0: the first relay; 1: its warm spare, which every call is offered too."
    )
    relay_publish: str = Field(
        default="",
        description="Addresses of the relay that browsers can reach, `ip:port` by commas; default: the machine's own.",
    )
    relay_tcp_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="TCP port of the relay that browsers are told, where a proxy in front takes it (`443`, shared with HTTPS); default: that of UDP.",
    )
    relay_proxies: str = Field(
        default="",
        description="IP addresses, by commas, from which the relay's TCP begins with a PROXY protocol v2 header, and only so.",
    )
    relay_secret: str = Field(
        default="",
        description="At least 32 random bytes, base64, shared by web and relay processes; default derives from `TM_SECRET`.",
    )
    check_at_once: int = Field(
        default=6,
        ge=1,
        le=100,
        description="Connection checks that one check process runs at once; the rest wait their turn.",
    )
    turn_urls: str = Field(
        default="",
        description="The clinic's own TURN servers, URLs by commas, as in `turns:turn.example.ca:443?transport=tcp`.",
    )
    turn_secret: str = Field(
        default="",
        description="The secret that those servers share (coturn: `static-auth-secret`), 16 characters or more.",
    )
    turn_hosts: str = Field(
        default="",
        description="IP addresses of the clinic's own TURN servers, by commas (their relayed candidates pass the gate); those in `TM_TURN_URLS` count already.",
    )
    demo_day: bool = Field(
        default=True, description="Development: the invented clinic has a day of appointments around now."
    )
    demo_month: bool = Field(
        default=True, description="Development: the invented clinic has a month of past visits, made at its first start."
    )
    smtp_url: str = Field(
        default="",
        description="Mail server, `smtp://user:password@host:587` (STARTTLS, required) or `smtps://…:465` (TLS from the start); `smtp+plain://` for this machine's own alone. Default: no mail goes out; in development it is kept on the page `/mail`.",
    )
    smtp_ca: Path | None = Field(
        default=None,
        description="Certificate authority (PEM) of the mail server, when it is not a public one. Certificates are always verified.",
    )
    mail_from: str = Field(
        default="", description="The sender's address of every mail, as in `visits@example.ca`; with `TM_SMTP_URL`."
    )
    visit_seconds: Seconds = Field(default=1200, description="Length of a visit.")
    notice_seconds: str = Field(default="300,60", description="Remaining seconds at which both sides are told.")
    wrap_up_seconds: Seconds = Field(default=120, description="Wrap-up after the visit's length, seen by both.")
    start_grace_seconds: Seconds = Field(
        default=60, description="After admission the clock starts at the latest after this time."
    )
    give_back_seconds: Seconds = Field(
        default=300, description="Lost time that a therapist may give back, at most, once."
    )
    confirm_seconds: Seconds = Field(
        default=120,
        description="An admission that the patient's page has not confirmed goes back to waiting after this time.",
    )
    away_seconds: Seconds = Field(
        default=20, description="A waiting patient whose page has been silent this long is shown as away."
    )
    away_ask_seconds: Seconds = Field(
        default=600, description="After this time away, staff are asked what to do; the place stays."
    )
    desk_gone_seconds: Seconds = Field(
        default=1800, description="A therapist with no page of the desk open for so long is off duty."
    )
    alert_mail_seconds: Seconds = Field(
        default=60, description="A therapist who has not answered the sound for a patient gets a mail after this time."
    )
    alert_offer_seconds: Seconds = Field(
        default=120, description="After this time, the patient is offered to the other therapists on duty."
    )
    alert_wall_seconds: Seconds = Field(default=240, description="After this time, the admin's wall has an alarm.")
    alert_again_seconds: Seconds = Field(
        default=300, description="“Seen” quiets the alert for this long; who still waits is told of again."
    )
    summary_days: int = Field(
        default=30, ge=1, le=365, description="Days for which the visit's address shows the summary."
    )
    staff_hours: int = Field(default=12, ge=1, le=24, description="Hours after which staff sign in again.")
    proof_tries: int = Field(
        default=5, ge=1, le=20, description="Wrong dates of birth before a visit's address asks for staff help."
    )

    @field_validator("var")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("clinic_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError("is not an IANA time zone, as in America/Toronto") from None
        return value

    @field_validator("clinic_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        from server.visit.hours import parse_hours

        parse_hours(value)
        return value

    @field_validator("notice_seconds")
    @classmethod
    def _notices(cls, value: str) -> str:
        if not all(part.strip().isdigit() for part in value.split(",")):
            raise ValueError("must be whole seconds by commas, as in 300,60")
        return value

    @field_validator("turn_urls")
    @classmethod
    def _turn_urls(cls, value: str) -> str:
        return ",".join(parse_urls(value))

    @field_validator("relay_proxies", "turn_hosts")
    @classmethod
    def _proxies(cls, value: str) -> str:
        try:
            return ",".join(str(ip_address(part.strip())) for part in value.split(",") if part.strip())
        except ValueError:
            raise ValueError("must be IP addresses by commas, as in 127.0.0.1") from None

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            raise ValueError("must begin with postgresql+asyncpg:// or sqlite+aiosqlite:///")
        return value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https://, as in https://visit.example.ca")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str) -> str:
        if not value:
            return value
        how = "must be as in smtp://user:password@mail.example.ca:587 or smtps://user:password@mail.example.ca:465"
        try:
            url = urlsplit(value)
            fine = url.scheme in ("smtp", "smtps", "smtp+plain") and bool(url.hostname) and url.port != 0
        except ValueError:
            raise ValueError(how) from None
        if not fine or url.path not in ("", "/") or url.query:
            raise ValueError(how)
        if url.scheme == "smtp+plain" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("smtp+plain:// has no TLS: it is for a mail server on this machine (localhost) alone")
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        if value and parse_email(value) != value:
            raise ValueError("must be one mail address, as in visits@example.ca")
        return value

    @field_validator("data_keys")
    @classmethod
    def _data_keys(cls, value: str) -> str:
        names = []
        for part in filter(None, value.split(",")):
            name, _, key = part.strip().partition(":")
            # a sealed value is "name.body": the name holds no dot
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", name) or len(_b64(key, "data_keys")) != 32:
                raise ValueError("must be keys by commas, each `name:base64-of-32-random-bytes`")
            names.append(name)
        if len(set(names)) != len(names):
            raise ValueError("has two keys of one name")
        return value

    @model_validator(mode="after")
    def _together(self) -> Settings:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        """What is wrong with the settings together, one sentence each."""
        if (self.tls_cert is None) != (self.tls_key is None):
            yield "TM_TLS_CERT and TM_TLS_KEY go together: set both or neither"
        for name in ("secret", "index_key", "relay_secret"):
            value = getattr(self, name)
            try:
                if value and len(_b64(value, name)) < 32:
                    yield f"{PREFIX}{name.upper()} is too short: it must be base64 of at least 32 random bytes"
            except ValueError as error:
                yield str(error)
        if self.smtp_url and not self.mail_from:
            yield "TM_SMTP_URL needs TM_MAIL_FROM: the address that mail comes from, as in visits@example.ca"
        if self.turn_urls and len(self.turn_secret) < 16:
            yield "TM_TURN_URLS needs TM_TURN_SECRET, of 16 characters or more: the secret that the TURN servers know"
        if self.turn_urls and not self.turn_addresses:
            yield "TM_TURN_URLS names servers: TM_TURN_HOSTS must say their IP addresses, as their candidates have no names"
        if self.mode == "production":
            for name in ("secret", "data_keys", "index_key", "database_url", "redis_url"):
                if not getattr(self, name):
                    yield f"production needs {PREFIX}{name.upper()}: it has no safe default"
            if not self.public_url.startswith("https://"):
                yield "production refuses plain HTTP: set TM_PUBLIC_URL to the clinic's https:// address"
            if self.tls_cert is None and not self.behind_proxy:
                yield (
                    "production refuses plain HTTP: set TM_TLS_CERT and TM_TLS_KEY, or TM_BEHIND_PROXY=1 behind a"
                    " proxy that ends TLS"
                )

    @property
    def development(self) -> bool:
        return self.mode == "development"

    @property
    def base_url(self) -> str:
        scheme = "https" if self.tls_cert else "http"
        return self.public_url.rstrip("/") or f"{scheme}://localhost:{self.port}"

    @property
    def db_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.var / 'clinic.sqlite3'}"

    @property
    def bus_url(self) -> str:
        return self.redis_url or f"unix://{self.var / 'valkey.sock'}"

    @property
    def notices(self) -> tuple[int, ...]:
        return tuple(sorted((int(part) for part in self.notice_seconds.split(",")), reverse=True))

    @property
    def turn_addresses(self) -> frozenset[str]:
        return frozenset(filter(None, self.turn_hosts.split(","))) | addresses_in(self.turn.urls)

    @property
    def turn(self) -> Turn:
        return Turn(parse_urls(self.turn_urls), self.turn_secret.encode())

    @property
    def confirm_after(self) -> timedelta:
        return timedelta(seconds=self.confirm_seconds)

    @cached_property
    def secret_bytes(self) -> bytes:
        return _b64(self.secret, "secret")

    @cached_property
    def relay_key(self) -> bytes:
        import hashlib
        import hmac

        if self.relay_secret:
            return _b64(self.relay_secret, "relay_secret")
        return hmac.digest(self.secret_bytes, b"relay calls", hashlib.sha256)


def _b64(value: str, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise ValueError(f"{PREFIX}{name.upper()} is not base64") from None


def load(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Settings from ``environ`` (default: the process's own).

    Raises :class:`SettingsError` with one sentence a setting, naming every wrong one at once.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environ.items()
        if key.startswith(PREFIX) and value != ""
    }
    values.update(overrides)
    unknown = sorted(values.keys() - Settings.model_fields.keys())
    if unknown:
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise SettingsError([f"{names}: no such setting; the README lists them all"])
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError([line for item in error.errors() for line in _sentence(item).splitlines()]) from None
    return settings if settings.mode == "production" else _with_own_secrets(settings)


def _sentence(error: object) -> str:
    assert isinstance(error, dict)
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    return f"{PREFIX}{str(error['loc'][0]).upper()}: {message}"


def _with_own_secrets(settings: Settings) -> Settings:
    """Development: random secrets, made on the first start and kept in ``var/secrets`` (0600)."""
    missing = [name for name in ("secret", "data_keys", "index_key") if not getattr(settings, name)]
    if not missing:
        return settings
    settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.var.chmod(0o700)
    path = settings.var / "secrets"
    if not path.exists():
        fresh = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in ("secret", "index_key")}
        fresh["data_keys"] = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
        text = "".join(f"{name}={value}\n" for name, value in fresh.items())
        draft = path.with_name(f"secrets.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # two processes that start at once: the first one's secrets stay
        draft.unlink()
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return settings.model_copy(update={name: kept[name] for name in missing})
