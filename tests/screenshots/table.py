"""What is photographed: one row a page and state, at every width and in both colour schemes.

To add a picture, add a row. To add a state, add a function to ``states.py``, or to ``table_states.py`` or
``explorer_states.py`` if it is one of a table or an explorer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.navigation import PAGES
from tests.screenshots import explorer_states, states, table_states
from tests.screenshots.installations import Data
from tests.screenshots.states import State

WIDTHS: Final = (1440, 768, 375)
SCHEMES: Final = {"light": False, "dark": True}
"""Name → whether it is dark."""


@dataclass(frozen=True)
class Shot:
    """A page in a state.

    Args:
        name: Of the file, before width and scheme.
        path: The address; ``{key}`` stands for the number of a person or role.
        person: Who is signed in, by the key of the local tenant; empty for signed out.
        state: What is brought about.
        data: The people of the installation.
        own_session: Whether the state ends or changes the session. It gets a session of its own, and is brought about
            once for each scheme.
        widths: Of the window.
    """

    name: str
    path: str = "/"
    person: str = ""
    state: State = states.opened
    data: Data = Data.SAMPLE
    own_session: bool = False
    widths: tuple[int, ...] = WIDTHS


_SHOTS: Final = (
    # Signing in, and what keeps a user out
    Shot("sign-in"),
    Shot("sign-in-for-a-page", "/reports"),
    Shot("provider", state=states.at_the_provider),
    Shot("blocked-at-the-provider", state=states.blocked_at_the_provider),
    Shot("provider-down", state=states.provider_down),
    Shot("unknown-callback", "/auth/callback?code=stolen&state=made-up"),
    Shot("not-found", "/nothing-here", "chiyo"),
    Shot("no-access", "/csv", "chiyo"),
    Shot("no-access-no-role", "/reports", "eva"),
    Shot("expired", "/reports", "chiyo", states.expired, own_session=True),
    Shot("expiry-warning", "/reports", "chiyo", states.about_to_expire, own_session=True),
    Shot("blocked", "/reports", "bruno", states.blocked, own_session=True),
    Shot("signed-out", "/reports", "bruno", states.signed_out_again, own_session=True),
    # Home, by role
    Shot("home-administrator", "/", "ada"),
    Shot("home-analyst", "/", "bruno"),
    Shot("home-viewer", "/", "chiyo"),
    Shot("home-developer", "/", "dev"),
    Shot("home-auditor", "/", "gita"),
    Shot("home-no-role", "/", "eva"),
    Shot("navigation", "/", "ada", states.narrow_navigation, widths=(375,)),
    Shot("profile", "/profile", "ada"),
    # Work and build
    Shot("reports", "/reports", "bruno"),
    Shot("reports-viewer", "/reports", "chiyo"),
    Shot("reports-step-up", "/reports", "bruno", states.step_up, own_session=True),
    Shot("reports-api-down", "/reports", "bruno", states.api_down),
    Shot("reports-api-slow", "/reports", "bruno", states.api_slow),
    Shot("reports-api-hangs", "/reports", "bruno", states.api_hangs),
    Shot("csv", "/csv", "bruno"),
    Shot("csv-file", "/csv", "bruno", explorer_states.with_a_file),
    Shot("gallery", "/gallery", "ada"),
    Shot("api-explorer", "/api-explorer", "dev"),
    Shot("api-explorer-response", "/api-explorer", "dev", explorer_states.with_a_response),
    # Administration
    Shot("overview", "/admin", "ada"),
    Shot("people", "/people", "ada"),
    Shot("people-auditor", "/people", "gita"),
    Shot("people-selected", "/people", "ada", table_states.with_rows_selected("Bruno Silva", "Chiyo Tanaka")),
    Shot(
        "people-grant-several", "/people", "ada", table_states.in_dialog_of_rows("grant", "Bruno Silva", "Chiyo Tanaka")
    ),
    Shot("people-block-several", "/people", "ada", table_states.in_dialog_of_rows("block", "Bruno Silva", "Eva Novak")),
    Shot("people-with-a-permission", "/people?permission=explore:api", "ada"),
    Shot("people-second-page", "/people", "ada", table_states.on_a_later_page, Data.MANY),
    Shot("people-add", "/people", "ada", states.in_dialog("add-person")),
    Shot("people-add-expired", "/people", "ada", states.expired_in_a_form, own_session=True),
    Shot("person", "/people?person={bruno}", "ada"),
    Shot("person-no-role", "/people?person={eva}", "ada"),
    Shot("person-blocked", "/people?person={yara}", "ada"),
    Shot("person-auditor", "/people?person={bruno}", "gita"),
    Shot("person-grant", "/people?person={eva}", "ada", states.in_dialog("add-grant")),
    Shot("person-revoke", "/people?person={bruno}", "ada", table_states.in_dialog_of_a_row("analyst", "Revoke")),
    Shot("person-block", "/people?person={eva}", "ada", states.in_dialog("block")),
    Shot("person-erase-step-up", "/people?person={eva}", "ada", states.step_up_in_a_dialog),
    Shot("person-changed-meanwhile", "/people?person={eva}", "ada", states.changed_meanwhile),
    Shot("person-permission-lost", "/people?person={bruno}", "dev", states.permission_lost),
    Shot("person-grant-api-lost", "/people?person={eva}", "ada", states.api_lost),
    Shot("roles", "/roles", "ada"),
    Shot("role", "/roles?role={analyst}", "ada"),
    Shot("role-administrator", "/roles?role={administrator}", "ada"),
    Shot("role-compare", "/roles?role={analyst}&compare={viewer}", "ada"),
    Shot("role-edit", "/roles?role={viewer}&edit=yes", "ada"),
    Shot("role-review", "/roles?role={viewer}&edit=yes", "ada", states.reviewed),
    Shot("role-not-saved", "/roles?role={viewer}&edit=yes", "ada", states.not_saved),
    Shot("role-new", "/roles?edit=new", "ada"),
    Shot("role-new-incomplete", "/roles?edit=new", "ada", states.incomplete),
    Shot("role-delete", "/roles?role={planner}", "ada", states.in_dialog("role-delete")),
    Shot("role-api-down", "/roles?role={viewer}", "ada", states.api_down),
    Shot("role-right-to-left", "/roles?role={محللون}", "ada", data=Data.DIFFICULT),
    Shot("access", "/access", "ada"),
    Shot("mappings", "/mappings", "ada"),
    Shot("mapping-change", "/mappings", "ada", table_states.in_dialog_of_a_row("Sales", "Map|Change")),
    Shot("sessions", "/sessions", "ada"),
    Shot("session-end", "/sessions", "ada", table_states.in_dialog_of_a_row("Dev Patel", "End")),
    Shot("audit", "/audit", "ada"),
    Shot("audit-event", "/audit", "ada", table_states.with_an_event_open),
    Shot("audit-download", "/audit", "ada", states.in_dialog("audit-export")),
    Shot("audit-until", "/audit?until=2020-01-01", "ada"),
    Shot("audit-no-match", "/audit?kind=policy:person:erase", "ada"),
    # Every list: no match, one row, many rows, names that layouts find difficult, and the API out of reach
    *(
        Shot(f"{page}-no-match", f"/{page}", "ada", states.no_match)
        for page in ("people", "roles", "sessions", "mappings")
    ),
    *(
        Shot(f"{page}-{kind}", f"/{page}", "ada", state, data)
        for page in ("people", "roles", "sessions", "audit", "mappings")
        for kind, state, data in (
            ("api-down", states.api_down, Data.SAMPLE),
            ("api-slow", states.api_slow, Data.SAMPLE),
            ("api-hangs", states.api_hangs, Data.SAMPLE),
            ("single", states.opened, Data.SINGLE),
            ("difficult", states.opened, Data.DIFFICULT),
            ("many", states.opened, Data.MANY),
        )
    ),
    Shot("overview-api-down", "/admin", "ada", states.api_down),
    Shot("overview-single", "/admin", "ada", data=Data.SINGLE),
    Shot("overview-many", "/admin", "ada", data=Data.MANY),
    Shot("access-api-down", "/access", "ada", states.api_down),
    Shot("person-unbroken-name", "/people?person={unbroken}", "ada", data=Data.DIFFICULT),
    Shot("person-right-to-left", "/people?person={arabic}", "ada", data=Data.DIFFICULT),
    Shot("person-combining", "/people?person={combining}", "ada", data=Data.DIFFICULT),
)
_PATHS: Final = {shot.path.partition("?")[0].strip("/") for shot in _SHOTS if shot.person}
SHOTS: Final = (
    *_SHOTS,
    # A page that has no row yet, as one that `make page` has added
    *(Shot(f"page-{page.path}", f"/{page.path}", "ada") for page in PAGES if page.path not in _PATHS),
)
