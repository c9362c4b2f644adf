"""What the command line prints of an error: everything the problem says, whichever command it comes from."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli.command import InstallationCommand
from app.core.errors import (
    ConfigurationError,
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    PermissionDenied,
    ProviderRefused,
    StepUpRequired,
    TooManyRequests,
    all_errors,
)

WITH_FIELDS: dict[type[GatehouseError], tuple[GatehouseError, tuple[str, ...]]] = {
    InvalidInput: (
        InvalidInput({"email": "Several people have this e-mail.", "role": "There is no such role."}),
        ("  email: Several people have this e-mail.", "  role: There is no such role."),
    ),
    ExceedsOwnPermissions: (
        ExceedsOwnPermissions(["explore:api", "read:roles"]),
        ("  permissions: explore:api, read:roles",),
    ),
    PermissionDenied: (
        PermissionDenied("read:reports", "not-granted"), ("  permission: read:reports", "  reason: not-granted"),
    ),
    StepUpRequired: (
        StepUpRequired("export:reports", max_age_seconds=60, acr="urn:two"),
        ("  permission: export:reports", "  reason: stale-login", "  max_age: 60", "  acr_values: urn:two"),
    ),
    TooManyRequests: (TooManyRequests(7), ("  retry_after_seconds: 7",)),
    ProviderRefused: (ProviderRefused("No.", error="access_denied"), ("  error: access_denied",)),
    ConfigurationError: (ConfigurationError(["GATEHOUSE_X is wrong.", "GATEHOUSE_Y too."]), ()),
}  # fmt: skip


def run(error: GatehouseError) -> Result:
    """One command that fails with ``error``."""

    def fail() -> int:
        raise error

    return CliRunner().invoke(InstallationCommand("fail", callback=fail), catch_exceptions=False)


def test_every_error_with_fields_is_in_the_table() -> None:
    has = {kind for kind in all_errors() if "fields" in vars(kind) and kind is not GatehouseError}
    assert has <= WITH_FIELDS.keys()


@pytest.mark.parametrize("kind", WITH_FIELDS, ids=lambda kind: kind.__name__)
def test_every_field_is_printed(kind: type[GatehouseError]) -> None:
    error, lines = WITH_FIELDS[kind]
    result = run(error)
    assert result.exit_code == 2
    printed = result.stderr.splitlines()
    assert [line for line in printed if line.startswith("  ")] == list(lines)
    text = "\n".join(printed)
    assert all(str(value) in text for value in _leaves(error.fields()))


def test_line_breaks_in_a_field_make_no_line_of_their_own() -> None:
    result = run(InvalidInput({"role": "one\ntwo\x1b[31m"}))
    assert result.stderr.splitlines()[1:] == ["  role: one two [31m"]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [leaf for inner in value for leaf in _leaves(inner)] if isinstance(value, (list, tuple)) else [value]
