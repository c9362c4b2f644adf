"""The slices of mutation testing: which modules are mutated together, and the tests that must notice.

Each slice is run by itself, with few and fast tests in one process: a mutant must be killed by the unit tests of its
module, not by a browser. ``make mutation ARGS=decision`` runs one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Slice:
    """Modules and their tests.

    Attributes:
        name: The name of the slice, and of its folder in ``var/mutation``.
        modules: Globs of the files that are mutated.
        tests: Arguments that select the tests.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


SLICES: Final = (
    Slice(
        "decision",
        (
            "app/core/assurance.py",
            "app/core/guard.py",
            "app/core/permissions.py",
            "app/core/policy.py",
            "app/core/principal.py",
            "app/core/rights.py",
            "app/core/session_liveness.py",
        ),
        (
            "tests/app/core/test_guard.py",
            "tests/app/core/test_guarded_caches.py",
            "tests/app/core/test_permissions.py",
            "tests/app/core/test_policy.py",
            "tests/app/core/test_refusals.py",
            "tests/app/core/test_rights.py",
            "tests/app/core/test_session_liveness.py",
        ),
    ),
    Slice(
        "secrets",
        ("app/core/keyring.py", "app/core/secret_keys.py", "app/core/shared_identity.py"),
        (
            "tests/app/core/test_keyring.py",
            "tests/app/core/test_shared_identity.py",
            "tests/app/core/test_shared_identity_places.py",
            "tests/app/core/test_write_key.py",
            "tests/db/test_announced_processes.py",
            "tests/db/test_secret_keys.py",
        ),
    ),
    Slice("tokens", ("app/core/tokens/*",), ("tests/app/core/tokens",)),
    Slice(
        "administration",
        ("app/core/administration/*",),
        (
            "tests/app/core/administration",
            # Thousands of steps on a database for each mutant: the rules have tests of their own beside it.
            "--ignore=tests/app/core/administration/test_state_machine.py",
            # The calls of the API that reach these rules, with the details of their audit events.
            "tests/remote_api/test_audit_acts.py",
            "tests/remote_api/test_bulk_grants_api.py",
            "tests/remote_api/test_grants_api.py",
            "tests/remote_api/test_people_api.py",
            "tests/remote_api/test_roles_api.py",
            "tests/remote_api/test_sessions_api.py",
            "tests/remote_api/test_withheld_api.py",
        ),
    ),
    Slice(
        "api",
        (
            "remote_api/access.py",
            "remote_api/actor_names.py",
            "remote_api/bearer.py",
            "remote_api/middleware.py",
            "remote_api/preconditions.py",
            "remote_api/rate_limits.py",
            "remote_api/routing.py",
        ),
        (
            "tests/remote_api/test_access.py",
            "tests/remote_api/test_bearer_details.py",
            "tests/remote_api/test_key_floods.py",
            "tests/remote_api/test_machines.py",
            "tests/remote_api/test_malformed_rights.py",
            "tests/remote_api/test_middleware.py",
            "tests/remote_api/test_preconditions.py",
            "tests/remote_api/test_rate_limit_counters.py",
            "tests/remote_api/test_rate_limits.py",
            "tests/remote_api/test_rights.py",
            "tests/remote_api/test_routing.py",
            "tests/remote_api/test_step_up.py",
            "tests/remote_api/test_tokens.py",
            "tests/remote_api/test_wsgi_middleware.py",
        ),
    ),
    Slice("socket", ("component/socket/*",), ("tests/component/socket",)),
    Slice(
        "core",
        (
            "app/core/administration_ports.py",
            "app/core/administration_records.py",
            "app/core/audit.py",
            "app/core/audit_rows.py",
            "app/core/browsers.py",
            "app/core/chain_problems.py",
            "app/core/checkpoints.py",
            "app/core/client_addresses.py",
            "app/core/clock.py",
            "app/core/command_text.py",
            "app/core/correlation.py",
            "app/core/debouncer.py",
            "app/core/errors.py",
            "app/core/failure_reasons.py",
            "app/core/guard_scanner.py",
            "app/core/hosted_app_config.py",
            "app/core/hosting.py",
            "app/core/http_client.py",
            "app/core/imported_names.py",
            "app/core/installation_secret.py",
            "app/core/labelled_enum.py",
            "app/core/list_orders.py",
            "app/core/local_tenant.py",
            "app/core/log_floods.py",
            "app/core/logs.py",
            "app/core/ports.py",
            "app/core/processes.py",
            "app/core/rate_limit_storage.py",
            "app/core/records.py",
            "app/core/refusal_counts.py",
            "app/core/retention.py",
            "app/core/settings.py",
            "app/core/settings_checks.py",
            "app/core/settings_loading.py",
            "app/core/spreadsheet.py",
            "app/core/state.py",
            "app/core/statistics_records.py",
            "app/core/unknown_settings.py",
            "app/core/variables.py",
            "app/core/contract/*",
        ),
        (
            "tests/app/core",
            "--ignore=tests/app/core/administration",
            "--ignore=tests/app/core/tokens",
        ),
    ),
)
