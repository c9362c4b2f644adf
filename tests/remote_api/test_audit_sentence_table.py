# Over 300 lines: the table of sentences is one file.
"""The sentences of audit events, as they are now and as earlier versions stored them: event → sentence, literally."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.audit import ANONYMOUS_ACTOR, RETIRED_CODES, Outcome
from app.core.records import MAX_REASON_CHARACTERS, EndReason
from tests.remote_api.audit_rows import ADA, EVA, ROW, written

GRANTED = {"role": "analyst", "source": "admin", "until": None}
LONG = " ".join(f"read:{'x' * 40}{number}" for number in range(20))[:MAX_REASON_CHARACTERS]


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        (
            "app:session:begin",
            {"details": {"browser": "Firefox on Windows"}},
            "Ada Okafor signed in to the app (Firefox on Windows).",
        ),
        (
            "app:session:end",
            {"details": {"browser": "Firefox on Windows"}, "reason": "expired"},
            "Ada Okafor ended a session of Eva Novak (Firefox on Windows).",
        ),
        (
            "app:session:end",
            {"details": {"sessions": 0}},
            "Ada Okafor ended all sessions of Eva Novak: none was active.",
        ),
        (
            "app:session:end",
            {"actor": EVA, "reason": "signed-out"},
            "Eva Novak ended a session of their own: they signed out.",
        ),
        (
            "app:session:end",
            {"actor": "system", "reason": EndReason.BACKCHANNEL_LOGOUT.value},
            "Gatehouse ended a session of Eva Novak: the user signed out at the provider.",
        ),
        (
            "app:session:step-up",
            {"details": {"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}},
            "Ada Okafor confirmed their sign-in with a second factor.",
        ),
        ("app:session:step-up", {}, "Ada Okafor confirmed their sign-in by signing in again."),
        (next(iter(RETIRED_CODES)), {}, "Ada Okafor signed in again and resumed a session that had expired."),
        (
            "app:session:purge",
            {"actor": "system", "details": {"rows": 1200}},
            "Gatehouse deleted 1,200 rows of sessions, sign-ins and drafts that expired long ago.",
        ),
        (
            "app:login:refuse",
            {"actor": ANONYMOUS_ACTOR, "reason": "user_blocked"},
            "A sign-in was refused: the account is blocked at the provider.",
        ),
        (
            "app:login:refuse",
            {"actor": ANONYMOUS_ACTOR, "reason": "callback:too-late", "details": {"count": 12}},
            "A sign-in was refused 12 times: this sign-in took too long.",
        ),
        (
            "app:login:refuse",
            {"reason": "blocked"},
            "A sign-in of Ada Okafor was refused: the account is blocked here.",
        ),
        (
            "app:login:refuse",
            {"actor": ANONYMOUS_ACTOR, "reason": "new_code"},
            "A sign-in was refused: the reason is new_code.",
        ),
        (
            "app:logout:refuse",
            {"reason": "logout-token:replayed"},
            "A back-channel logout was refused: the logout token is not valid. The logout token was used before.",
        ),
        (
            "app:token:refresh-fail",
            {"reason": "invalid_grant"},
            (
                "The tokens of Ada Okafor could not be refreshed: the code or refresh token was used before, "
                "has expired, or was revoked."
            ),
        ),
        (
            "app:token:sync",
            {"actor": "system", "target": ADA, "details": {"roles_added": "administrator"}},
            "Ada Okafor's roles from the sign-in provider changed: + administrator.",
        ),
        (
            "app:token:sync",
            {"details": {"roles_removed": "ops at night, viewer", "permissions_added": "read:audit"}},
            (
                "Eva Novak's roles and permissions from the sign-in provider changed: + read:audit, \N{MINUS SIGN}"
                " ops at night and \N{MINUS SIGN} viewer."
            ),
        ),
        (
            "app:token:sync",
            {},
            "Eva Novak's roles and permissions from the sign-in provider changed: what changed was not recorded.",
        ),
        (
            "app:page:deny",
            {"target": "/people", "reason": "not-granted", "details": {"permission": "read:people"}},
            "Ada Okafor was refused the page /people: the permission read:people is missing.",
        ),
        (
            "app:page:deny",
            {"actor": ANONYMOUS_ACTOR, "target": "", "reason": "anonymous", "details": {"count": 3}},
            "An anonymous user was refused a page 3 times: a sign-in is required.",
        ),
        (
            "app:function:deny",
            {"target": "pages.report:export", "reason": "stale-login"},
            "Ada Okafor was refused the function pages.report:export: a more recent or stronger sign-in is required.",
        ),
        (
            "api:endpoint:deny",
            {"target": "GET /x", "reason": "scope", "details": {"permission": "read:reports"}},
            (
                "Ada Okafor was refused GET /x of the remote API: the token was not issued for the permission "
                "read:reports."
            ),
        ),
        (
            "api:token:refuse",
            {"reason": "various", "details": {"count": 1}},
            "The remote API refused a token: there were various reasons.",
        ),
        (
            "app:component:refuse",
            {"reason": "too-many"},
            "The browser of Ada Okafor sent an event that the component does not accept: too many events came at once.",
        ),
        (
            "app:call:refuse",
            {"reason": "not-offered", "details": {"count": 2}},
            "Ada Okafor was refused a call of the remote API that the app does not offer, 2 times.",
        ),
        ("policy:grant:add", {"details": GRANTED}, "Ada Okafor granted Eva Novak the role analyst, no expiry."),
        (
            "policy:grant:add",
            {"actor": "operator:joe", "details": {"permission": "read:audit", "until": "2027-03-03T15:00:00+01:00"}},
            "The operator joe granted Eva Novak the permission read:audit, until 3 March 2027, 14:00 UTC.",
        ),
        ("policy:grant:add", {"details": {"role": "viewer"}}, "Ada Okafor granted Eva Novak the role viewer."),
        (
            "policy:grant:add",
            {"actor": ""},
            "An unknown actor granted Eva Novak a role or permission that was not recorded.",
        ),
        (
            "policy:grant:revoke",
            {"details": GRANTED | {"withheld": False}},
            "Ada Okafor revoked the role analyst from Eva Novak.",
        ),
        (
            "policy:grant:revoke",
            {"details": GRANTED | {"source": "token", "withheld": True}},
            (
                "Ada Okafor revoked the role analyst from Eva Novak (granted by the sign-in provider; withheld "
                "from now on)."
            ),
        ),
        (
            "policy:grant:release",
            {"details": {"role": "viewer"}},
            "Ada Okafor released the role viewer, which was withheld from Eva Novak.",
        ),
        (
            "policy:rule:refuse",
            {"reason": "not-held", "details": {"missing": "export:audit"}},
            (
                "Ada Okafor was refused a change of Eva Novak: administrators can grant only what they have "
                "themselves (missing: export:audit)."
            ),
        ),
        (
            "policy:rule:refuse",
            {"reason": "last-administrator", "target": "ops"},
            "Ada Okafor was refused a change of ops: no administrator would remain.",
        ),
        (
            "policy:role:create",
            {"target": "ops", "details": {"permissions": "read:audit read:people"}},
            "Ada Okafor created the role ops with the permissions read:audit and read:people.",
        ),
        (
            "policy:role:create",
            {"target": "ops", "details": {"permissions": ""}},
            "Ada Okafor created the role ops with no permissions.",
        ),
        (
            "policy:role:create",
            {"target": "ops", "details": {"permissions": "a b c d e f"}},
            "Ada Okafor created the role ops with the permissions a, b, c, d, e and more.",
        ),
        (
            "policy:role:update",
            {"target": "analyst", "details": {"added": "export:reports", "removed": "read:audit"}},
            "Ada Okafor changed the role analyst: + export:reports and \N{MINUS SIGN} read:audit.",
        ),
        (
            "policy:role:update",
            {"target": "ops", "details": {"added": "", "removed": "", "renamed_to": "night", "description": "x"}},
            "Ada Okafor changed the role ops: renamed to night, a new description.",
        ),
        (
            "policy:role:update",
            {"target": "ops", "details": {"added": "", "removed": ""}},
            "Ada Okafor changed the role ops: a new description.",
        ),
        (
            "policy:role:delete",
            {"target": "ops", "details": {"moved_to": "viewer", "people": 3}},
            "Ada Okafor deleted the role ops and moved 3 people to the role viewer.",
        ),
        (
            "policy:role:delete",
            {"target": "ops", "details": {"moved_to": None, "people": 0}},
            "Ada Okafor deleted the role ops.",
        ),
        (
            "policy:mapping:update",
            {"target": "Staff", "details": {"roles": "analyst", "before": ""}},
            "Ada Okafor mapped the token role Staff to analyst.",
        ),
        (
            "policy:mapping:update",
            {"target": "Staff", "details": {"roles": "", "before": "analyst, viewer"}},
            "Ada Okafor mapped the token role Staff to no role (before: analyst and viewer).",
        ),
        (
            "policy:person:block",
            {"details": {"sessions_ended": 2}},
            "Ada Okafor blocked Eva Novak and ended 2 sessions.",
        ),
        (
            "policy:person:erase",
            {"details": {"sessions_ended": 0}},
            "Ada Okafor erased the personal data of Eva Novak.",
        ),
        (
            "policy:admin:bootstrap",
            {"actor": "operator:joe"},
            "The operator joe made Eva Novak the first administrator, no expiry.",
        ),
        (
            "audit:log:export",
            {"details": {"format": "csv", "filters": ""}},
            "Ada Okafor downloaded a CSV file with all events of the audit.",
        ),
        (
            "audit:log:export",
            {"details": {"format": "jsonl", "filters": "outcome=refused"}},
            "Ada Okafor downloaded a JSON Lines file with the events of the audit that match outcome=refused.",
        ),
        (
            "audit:log:prune",
            {"details": {"events": 1, "before": "2026-01-31T00:00:00+00:00", "known_broken": True}},
            (
                "Ada Okafor deleted 1 event of the audit from before 31 January 2026, 00:00 UTC and sealed a "
                "retention boundary, although the chain was broken."
            ),
        ),
        (
            "audit:log:broken",
            {"actor": "system", "details": {"head": 12}},
            "The end of the audit was found changed before this event was written: it named event 12.",
        ),
        (
            "audit:log:broken",
            {"actor": "system", "details": {"head": "missing"}},
            "The end of the audit was found changed before this event was written: the end was missing.",
        ),
        (
            "audit:log:heal",
            {"details": {"from": 3, "until": 9}},
            "Ada Okafor recorded that a rotation of the secret broke the chain of the audit from event 3 to event 9.",
        ),
        (
            "audit:key:rotate",
            {"actor": "system", "details": {"to": "k2"}},
            "Gatehouse seals events of the audit with a new secret from here on: the key k2.",
        ),
        (
            "audit:key:replace",
            {"details": {"from": "k1"}},
            "Ada Okafor replaced a lost secret (the key k1): data that was sealed with it cannot be opened any more.",
        ),
        ("no:such:kind", {}, "Ada Okafor did something of a kind that this version does not know: no:such:kind."),
        # Values are never a template, and no markup is removed
        (
            "policy:grant:add",
            {"actor": "{target} at https://i", "details": {"role": "{actor}[x]"}},
            "{target} granted Eva Novak the role {actor}[x].",
        ),
        (
            "policy:grant:add",
            {"actor": "a at b at https://i", "target": "<b>x</b> at https://i"},
            "a at b granted <b>x</b> a role or permission that was not recorded.",
        ),
        (
            "policy:role:create",
            {"target": "a\u202eb\nc", "details": {"permissions": LONG}},
            f"Ada Okafor created the role ab c with the permissions {', '.join(LONG.split()[:5])} and more.",
        ),
    ],
)
def test_sentences(kind: str, event: dict[str, Any], expected: str) -> None:
    assert written(replace(ROW, kind=kind, **event)) == expected


def test_outcomes_do_not_change_a_sentence() -> None:
    row = replace(ROW, details={"role": "viewer"})
    assert len({written(replace(row, outcome=outcome.value)) for outcome in Outcome}) == 1
