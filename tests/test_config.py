"""The settings: read once, checked at start, every wrong one named."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.config import Settings, load
from server.errors import SettingsError

ROOT = Path(__file__).parent.parent


def key(byte: bytes = b"k", size: int = 32) -> str:
    return base64.b64encode(byte * size).decode()


def production(**changes: str) -> dict[str, str]:
    """The environment of a clinic that is set up well, with changes; an empty one takes a setting out."""
    environ = {
        "TM_MODE": "production",
        "TM_SECRET": key(b"s"),
        "TM_DATA_KEYS": f"k1:{key(b'd')}",
        "TM_INDEX_KEY": key(b"i"),
        "TM_DATABASE_URL": "postgresql+asyncpg://clinic@db/clinic",
        "TM_REDIS_URL": "redis://cache",
        "TM_PUBLIC_URL": "https://visit.example.ca",
        "TM_BEHIND_PROXY": "1",
    }
    return environ | changes


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(environ)
    return error.value.problems


def test_development_needs_nothing(tmp_path: Path) -> None:
    settings = load({"TM_VAR": str(tmp_path / "var")})
    assert settings.development
    assert settings.base_url == "http://localhost:8000"
    assert settings.db_url == f"sqlite+aiosqlite:///{tmp_path}/var/clinic.sqlite3"
    assert settings.bus_url == f"unix://{tmp_path}/var/valkey.sock"
    assert (settings.visit_seconds, settings.notices, settings.wrap_up_seconds) == (1200, (300, 60), 120)


def test_development_makes_its_own_secrets_once(tmp_path: Path) -> None:
    environ = {"TM_VAR": str(tmp_path / "var")}
    first, again = load(environ), load(environ)
    assert first == again
    assert len(first.secret_bytes) == 32
    assert len({first.secret, first.index_key, first.data_keys}) == 3
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "secrets").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secrets"]
    assert load({"TM_VAR": str(tmp_path / "other")}).secret != first.secret


def test_processes_that_start_at_once_agree_on_the_secrets(tmp_path: Path) -> None:
    program = "from server.config import load; print(load().data_keys)"
    environ = {"TM_VAR": str(tmp_path / "var"), "PATH": ""}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0] * 4


def test_a_secret_of_ones_own_is_used_beside_made_ones(tmp_path: Path) -> None:
    settings = load({"TM_VAR": str(tmp_path / "var"), "TM_SECRET": key(b"m")})
    assert settings.secret_bytes == b"m" * 32
    assert settings.data_keys


def test_production_that_is_set_up_well_starts() -> None:
    settings = load(production())
    assert not settings.development
    assert settings.base_url == "https://visit.example.ca"


@pytest.mark.parametrize("name", ["TM_SECRET", "TM_DATA_KEYS", "TM_INDEX_KEY", "TM_DATABASE_URL", "TM_REDIS_URL"])
def test_production_has_no_default_for_what_must_be_safe(name: str) -> None:
    assert problems(production(**{name: ""})) == [f"production needs {name}: it has no safe default"]


@pytest.mark.parametrize(
    "changes", [{"TM_PUBLIC_URL": "http://visit.example.ca"}, {"TM_BEHIND_PROXY": ""}, {"TM_PUBLIC_URL": ""}]
)
def test_production_refuses_plain_http(changes: dict[str, str]) -> None:
    [problem] = problems(production(**changes))
    assert problem.startswith("production refuses plain HTTP: set TM_")


def test_production_may_end_tls_itself() -> None:
    load(production(TM_BEHIND_PROXY="", TM_TLS_CERT="cert.pem", TM_TLS_KEY="key.pem"))


def test_every_wrong_setting_is_named_at_once() -> None:
    wrong = problems(
        {"TM_PORT": "80000", "TM_CLINIC_ZONE": "Mars/Olympus", "TM_CLINIC_HOURS": "always", "TM_VISIT_SECONDS": "0"}
    )
    assert sorted(problem.partition(":")[0] for problem in wrong) == [
        "TM_CLINIC_HOURS", "TM_CLINIC_ZONE", "TM_PORT", "TM_VISIT_SECONDS",
    ]  # fmt: skip
    assert len(problems({"TM_MODE": "production"})) == 7, "and all that production lacks"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TM_MODE", "prod", "'development' or 'production'"),
        ("TM_CLINIC_ZONE", "Toronto", "IANA"),
        ("TM_CLINIC_HOURS", "mon 9-17", "mon-fri 08:00-18:00"),
        ("TM_NOTICE_SECONDS", "five", "300,60"),
        ("TM_NOTICE_SECONDS", "300,-60", "300,60"),
        ("TM_SECRET", key(size=16), "TM_SECRET is too short"),
        ("TM_SECRET", "not base64!", "TM_SECRET is not base64"),
        ("TM_RELAY_SECRET", key(size=31), "TM_RELAY_SECRET is too short"),
        ("TM_INDEX_KEY", "x", "TM_INDEX_KEY"),
        ("TM_DATA_KEYS", key(), "name:base64-of-32-random-bytes"),
        ("TM_DATA_KEYS", f"k1:{key(size=16)}", "name:base64-of-32-random-bytes"),
        ("TM_DATA_KEYS", f"k.1:{key()}", "name:base64-of-32-random-bytes"),
        ("TM_DATA_KEYS", "k1:not base64!", "TM_DATA_KEYS"),
        ("TM_DATA_KEYS", f"k1:{key()},k1:{key(b'x')}", "two keys of one name"),
        ("TM_DATABASE_URL", "postgresql://clinic@db/clinic", "postgresql+asyncpg://"),
        ("TM_DATABASE_URL", "mysql://db", "postgresql+asyncpg://"),
        ("TM_PUBLIC_URL", "visit.example.ca", "https://"),
        ("TM_TLS_CERT", "cert.pem", "TM_TLS_CERT and TM_TLS_KEY go together"),
        ("TM_CALL_POLICY", "direct", "'relay' or 'direct+relay'"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(tmp_path: Path, name: str, value: str, says: str) -> None:
    [problem] = problems({"TM_VAR": str(tmp_path), name: value})
    assert says in problem
    assert name in problem
    assert not list(tmp_path.iterdir()), "and nothing was written"


def test_a_refused_secret_is_not_shown() -> None:
    [problem] = problems({"TM_SECRET": "hunter2"})
    assert "hunter2" not in problem
    [problem] = problems({"TM_DATA_KEYS": "k1:hunter2"})
    assert "hunter2" not in problem


def test_a_misspelt_setting_is_refused() -> None:
    [problem] = problems({"TM_VISIT_SECOND": "60"})
    assert problem.startswith("TM_VISIT_SECOND: no such setting")


def test_other_programs_variables_and_empty_ones_are_not_ours(tmp_path: Path) -> None:
    settings = load({"HOME": "/", "VISIT_SECONDS": "1", "TM_VISIT_SECONDS": "", "TM_VAR": str(tmp_path)})
    assert settings.visit_seconds == 1200


def test_notices_come_in_the_order_of_the_clock() -> None:
    assert Settings(notice_seconds="60, 300,10").notices == (300, 60, 10)


def test_a_relative_folder_stays_where_it_was_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({"TM_VAR": "here"})
    monkeypatch.chdir("/")
    assert settings.var == tmp_path / "here"


def test_the_relays_key_is_the_same_in_every_process_and_not_the_secret_itself() -> None:
    settings = load(production())
    assert settings.relay_key == load(production()).relay_key
    assert settings.relay_key != settings.secret_bytes
    assert load(production(TM_RELAY_SECRET=key(b"r"))).relay_key == b"r" * 32


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is_for(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".") or "`" in description
