"""The pages of roles, mappings, matrix and audit in front of the real remote API."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import testing
from app.core.ports import UnitOfWork
from tests.apptest.conftest import AppInstallation

Change = Callable[[Callable[[UnitOfWork], object]], None]


def open_page(installation: AppInstallation, file: str, *, user_role: str = "administrator", **query: str) -> AppTest:
    """Open a page as a user with this role."""
    at = testing.open_app("/")
    installation.sign_in(at, roles=[user_role], name=f"The {user_role}", subject=f"test|{user_role}")
    at.run()
    at.switch_page(f"../pages/{file}")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def role_id(installation: AppInstallation, name: str) -> str:
    with installation.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        return str(connection.execute(text("SELECT id FROM roles WHERE name = :name"), {"name": name}).scalar_one())


def permissions_in(installation: AppInstallation, role: str) -> set[str]:
    query = text(
        "SELECT rp.permission FROM role_permissions AS rp JOIN roles AS r ON r.id = rp.role_id WHERE r.name = :name"
    )
    with installation.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        return set(connection.execute(query, {"name": role}).scalars())


def events_of(installation: AppInstallation, kind: str) -> list[dict[str, object]]:
    with installation.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(text("SELECT * FROM audit_events WHERE kind = :kind ORDER BY seq"), {"kind": kind})
        return [dict(row) for row in rows.mappings()]


def show_all_permissions(at: AppTest) -> None:
    """In the editor of a role, show the whole catalogue instead of what is in the role."""
    (which,) = [element for element in at.segmented_control if str(element.key).endswith("-which")]
    which.set_value("All permissions").run()


def tick(at: AppTest, permission: str, *, ticked: bool = True) -> None:
    (box,) = [box for box in at.checkbox if str(box.key).endswith(f"-has-{permission}")]
    box.set_value(ticked).run()


def create_role(installation: AppInstallation, name: str, *permissions: str) -> AppTest:
    """Create a role on the page."""
    at = open_page(installation, "roles.py", edit="new")
    at.text_input[0].set_value(name)
    at.text_input[1].set_value("Works at the desk.").run()
    for permission in permissions:
        tick(at, permission)
    at.button(key="role-review").click().run()
    at.text_input(key="role-save-reason").set_value("a new desk").run()
    return at.button(key="role-save").click().run()
