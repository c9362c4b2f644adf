"""Use cases that change who may do what; the rules about administrators live here, for API and command line alike.

Every use case takes an open ``AdministrationUnit`` (the caller commits), decides inside it by what is stored now, and
records its audit event in it: change and event are kept together or not at all. ``transaction`` opens the unit,
commits, and has refusals by a rule recorded.

What an administrator revokes stays revoked: it is withheld from the automatic sources, which are the provider's token
and the default role.

The rules: administrators grant only what they have, and editing a role, mapping a token role, or moving people from a
deleted role is granting too; administrators grant themselves nothing; the last administrator stays; built-in roles are
only extended; every change names the version that its author saw, and a reason.
"""

from app.core.administration.authorized_actor import Actor, AuthorizedActor, authorize
from app.core.administration.bootstrap import bootstrap_administrator, person_by_email
from app.core.administration.grants import add_person, grant, release, revoke, revoke_all
from app.core.administration.mappings import set_mapping
from app.core.administration.people import erase, set_blocked
from app.core.administration.roles import create_role, delete_role, update_role
from app.core.administration.sessions import end_session, end_sessions
from app.core.administration.transactions import transaction

__all__ = [
    "Actor",
    "AuthorizedActor",
    "add_person",
    "authorize",
    "bootstrap_administrator",
    "create_role",
    "delete_role",
    "end_session",
    "end_sessions",
    "erase",
    "grant",
    "person_by_email",
    "release",
    "revoke",
    "revoke_all",
    "set_blocked",
    "set_mapping",
    "transaction",
    "update_role",
]
