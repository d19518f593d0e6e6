"""The verbs: ``python -m server --help``."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import sys
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from server.config import Settings, load
from server.errors import SettingsError
from server.startup import database_problem

Verb = Callable[[Settings, argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = load(**{"var": args.var} if args.var else {})
        structlog.configure(
            processors=_log_format(settings), wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
        )
        verb: Verb = args.verb
        verb(settings, args)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except (OSError, DBAPIError) as error:
        sentence = database_problem(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _log_format(settings: Settings) -> list[structlog.typing.Processor]:
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if settings.development else structlog.processors.JSONRenderer()
    )
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        last,
    ]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m server",
        description="A clinic's free 20-minute video visits: waiting room, call, note and summary.",
        epilog="Every setting comes from the environment (TM_…); the README lists them.",
    )
    top.add_argument("--var", help="folder of the embedded stores (instead of TM_VAR)")
    verbs = top.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, run: Verb, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(verb=run)
        return made

    dev = verb(
        "dev", _dev, "Start everything on this machine: stores, relay and web, with a seeded clinic. Ctrl-C stops it."
    )
    dev.add_argument(
        "--lan",
        action="store_true",
        help="serve phones on the same network too: HTTPS with a certificate made for this machine",
    )
    verb("web", _web, "Serve the pages and the signalling (one process; run as many as you like).")
    verb("relay", _relay, "Forward the calls' packets (one process; it cannot read them).")
    verb("check", _check, "Be the far end of the patients' connection checks (one process; run as many as you like).")
    verb(
        "migrate",
        _migrate,
        "Bring the database to the newest revision. Run it before the first start and after every update.",
    )
    verb("seed", _seed, "Fill an empty development database with an invented clinic.")
    verb("settings", _settings, "Say what is set, and where the clinic is reached. Secrets are not shown.")
    user = verb(
        "user",
        _user,
        "Add, change or remove a member of staff, or change a password. The password is asked for, never an argument.",
    )
    user.add_argument("action", choices=("add", "set", "password", "remove", "remove-demo", "list"), help="what to do")
    user.add_argument("username", nargs="?", help="the name to sign in with")
    user.add_argument("--name", help="the name that patients see, as in 'Dr. Mei Li'")
    user.add_argument("--role", choices=("therapist", "front_desk", "admin"), default="therapist")
    user.add_argument(
        "--profession", choices=("PT", "OT"), help="of a therapist: physiotherapist or occupational therapist"
    )
    user.add_argument("--registration", help="registration number at the college")
    user.add_argument("--email", help="where a therapist is written to when a patient waits; '' takes it away")
    user.add_argument("--languages", help="spoken in visits, as in 'en,fr' (the default for a new account)")
    return top


def _dev(settings: Settings, args: argparse.Namespace) -> None:
    from server.dev import run_dev

    run_dev(settings, lan=args.lan)


def _web(settings: Settings, args: argparse.Namespace) -> None:
    from server.processes import run_web

    run_web(settings)


def _relay(settings: Settings, args: argparse.Namespace) -> None:
    from server.processes import run_relay

    run_relay(settings)


def _check(settings: Settings, args: argparse.Namespace) -> None:
    from server.processes import run_check

    run_check(settings)


def _migrate(settings: Settings, args: argparse.Namespace) -> None:
    from server.migrate import migrate

    asyncio.run(migrate(settings.db_url))


def _seed(settings: Settings, args: argparse.Namespace) -> None:
    from server.dev import seed_once

    if not settings.development:
        raise SettingsError(["`seed` makes demo accounts, and production refuses those: use `user add`"])
    print(
        "The clinic was seeded."
        if asyncio.run(seed_once(settings))
        else "The clinic is there already; nothing was changed."
    )


def _settings(settings: Settings, args: argparse.Namespace) -> None:
    secret = {"secret", "data_keys", "index_key", "relay_secret", "database_url", "redis_url", "smtp_url"}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        print(f"TM_{name.upper()}={'(set)' if name in secret and value else value}")
    print(f"address: {settings.base_url}")


def _user(settings: Settings, args: argparse.Namespace) -> None:
    from server.people.command import run_user

    def ask() -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\n")
        first = getpass.getpass("New password (12 characters or more): ")
        if getpass.getpass("Once more: ") != first:
            raise SettingsError(["the two passwords differ: nothing was changed"])
        return first

    asyncio.run(run_user(settings, args, ask))


if __name__ == "__main__":
    sys.exit(main())
