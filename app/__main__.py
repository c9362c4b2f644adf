"""The command line: ``gatehouse`` or ``python -m app``. Every fault is one plain sentence and exit status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from app.cli import audit, commands, dev, grants, installation, output, people, roles, secret
from app.core.errors import ConfigurationError, GatehouseError
from app.core.settings import ENV_FILE
from app.core.state import unused_state
from app.core.unknown_settings import misspelt
from db import SyntheticData

_REPORT_VARIABLES: Final = frozenset({"dev", "doctor", "serve"})
"""Commands that report variables which are not read themselves, once the settings are right."""


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = installation.Parser(prog="gatehouse", description="Sign-in, roles and permissions for Streamlit apps.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    verb = verbs.add_parser("dev", help="start local tenant, remote API and app together, for development")
    verb.add_argument("--tenant-port", type=int, default=9000, help="port of the local tenant (default: %(default)s)")
    installation.script_argument(verb, "a Streamlit script of your own, instead of our pages")
    verb.set_defaults(
        run=lambda given: dev.run(given.tenant_port, installation.script_of(given), installation.state_of(given))
    )

    verb = verbs.add_parser("serve", help="start the app, or a Streamlit script of your own behind its gate")
    installation.script_argument(verb, "a Streamlit script of your own, instead of our pages")
    verb.add_argument("--address", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    verb.add_argument(
        "--port", type=int, default=None, help="port to listen on (default: the one in GATEHOUSE_APP_BASE_URL)"
    )
    verb.set_defaults(
        run=lambda given: commands.serve(
            given.address, given.port, installation.script_of(given), installation.state_of(given)
        )
    )

    verb = verbs.add_parser("migrate", help="bring the database to this version, and seed roles and permissions")
    installation.script_argument(verb, "the script that `gatehouse serve` is going to serve")
    verb.add_argument(
        "--beside-other-tables",
        action="store_true",
        help="create tables although the database holds those of another program",
    )
    verb.set_defaults(run=lambda given: commands.migrate(beside_others=given.beside_other_tables))

    verb = verbs.add_parser("bootstrap-admin", help="make the first administrator")
    who = verb.add_mutually_exclusive_group(required=True)
    who.add_argument("--subject", help="the person's `sub` at the configured issuer, such as auth0|123")
    who.add_argument("--email", help="verified e-mail of exactly one person who has signed in; asks before it acts")
    verb.add_argument("--recover", action="store_true", help="add one although there is one already; audited")
    verb.add_argument("--reason", default="", help="why; kept in the audit")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.set_defaults(
        run=lambda given: commands.bootstrap_admin(
            given.subject, given.email, recover=given.recover, reason=given.reason, yes=given.yes
        )
    )

    verb = verbs.add_parser("purge", help="forget what expired long ago; the app does so every hour")
    verb.set_defaults(run=lambda _: commands.purge())

    verb = verbs.add_parser("seed-scale", help="fill a development database with very many made-up people and events")
    verb.add_argument("--people", type=int, default=100_000, help="default: %(default)s")
    verb.add_argument("--roles", type=int, default=1_000, help="at least 1 (default: %(default)s)")
    verb.add_argument("--permissions", type=int, default=10_000, help="default: %(default)s")
    verb.add_argument("--sessions", type=int, default=10_000, help="default: %(default)s")
    verb.add_argument("--events", type=int, default=1_000_000, help="audit events (default: %(default)s)")
    verb.set_defaults(
        run=lambda given: commands.seed_scale(
            SyntheticData(
                people=given.people,
                roles=given.roles,
                permissions=given.permissions,
                sessions=given.sessions,
                events=given.events,
            )
        )
    )

    verb = verbs.add_parser("doctor", help="check settings, database, provider and remote API")
    installation.script_argument(verb, "the script that `gatehouse serve` is going to serve")
    verb.set_defaults(run=lambda _: commands.doctor())

    people.add_to(verbs)
    roles.add_to(verbs)
    grants.add_to(verbs)
    audit.add_to(verbs)
    secret.add_to(verbs)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something was found, 2 it could not be done."""
    given = parser().parse_args(arguments)
    ignored: list[str] = []
    try:
        with installation.installation(given):
            for sentence in unused_state(os.environ, ENV_FILE):
                print(sentence, file=sys.stderr)
            ignored = misspelt()
            if given.verb not in _REPORT_VARIABLES:
                for sentence in ignored:
                    print(sentence, file=sys.stderr)
                ignored = []
            return int(given.run(given))
    except ConfigurationError as error:
        print("The settings are not right:", *error.args, *ignored, sep="\n", file=sys.stderr)
    except GatehouseError as error:
        print(*output.failure(error), sep="\n", file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
