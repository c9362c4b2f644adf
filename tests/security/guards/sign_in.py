"""Guards of sign-in: login transactions, callbacks, step-up, drafts, and how many exchanges fail."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="an address that is encoded over and over is no return address",
        at="component.http.return_to:is_page_path",
        without="if readings[-1] != readings[-2]: ...",
        test="tests/component/http/test_return_to.py::test_everything_else_is_the_start_page",
    ),
    Removal(
        guard="a login transaction is completed once",
        at="component.oidc.login_transactions:LoginTransactions.complete",
        without="raise StateMismatch(reason=CallbackReason.USED)",
        test="tests/component/routes/test_callback.py::test_a_callback_works_once",
    ),
    Removal(
        guard="a login transaction is completed in its own browser only",
        at="component.oidc.login_transactions:LoginTransactions.open",
        without="raise StateMismatch(reason=CallbackReason.OTHER_BROWSER)",
        test="tests/component/routes/test_callback.py::test_a_callback_in_another_browser_is_refused",
    ),
    Removal(
        guard="a login transaction ends after ten minutes",
        at="component.oidc.login_transactions:LoginTransactions.open",
        without="raise StateMismatch(reason=CallbackReason.LATE)",
        test="tests/component/routes/test_callback.py::test_a_transaction_lasts_ten_minutes",
    ),
    Removal(
        guard="an address of another site is no address to return to",
        at="component.http.return_to:safe_return_to",
        without="if not is_page_path(path): ...",
        test="tests/component/http/test_return_to.py::test_everything_else_is_the_start_page",
    ),
    Removal(
        guard="cookies are HttpOnly, SameSite and, on https, Secure",
        at="component.http.cookies:Cookies.set",
        without="return f\"{name}={value}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}{age}\"",
        instead='return f"{name}={value}; Path=/{age}"',
        test="tests/component/routes/test_sign_in_flow.py::test_cookie_attributes",
    ),
    Removal(
        guard="the authentication routes log each failure with its reason",
        at="component.http.responses:problem",
        without="log_server_error(...)",
        test="tests/component/http/test_failures_logged.py::test_each_503_is_one_line[/auth/session]",
    ),
    Removal(
        guard="callbacks of unknown login transactions get one answer, with or without a session",
        at="component.routes.callback:SignInCallback.complete",
        without="unknown_sign_in_page()",
        instead='self._redirect("/") if self._cookies.session in cookies else unknown_sign_in_page()',
        test="tests/component/socket/test_cross_site.py::test_another_site_gets_the_same_response_for_every_user",
    ),
    Removal(
        guard="the issuer of a callback is checked before the login transaction is consumed",
        at="component.routes.callback:SignInCallback._code",
        without="self._provider.check_issuer(...)",
        test=(
            "tests/component/oidc/test_exchange_flood.py"
            "::test_a_response_of_another_issuer_uses_up_no_budget_and_writes_no_row"
        ),
    ),
    Removal(
        guard="a notice page drops its opener",
        at="component.http.static_pages:notice",
        without="not (keeps_opener or broadcast_channel)",
        instead="False",
        test=(
            "tests/component/socket/test_cross_site.py"
            "::test_pages_and_notices_outside_our_popups_detach_from_a_foreign_opener"
        ),
    ),
    Removal(
        guard="a callback without a code writes no row",
        at="component.routes.callback:SignInCallback._begin",
        without="code = self._code(...)",
        instead="""
            self._logins.complete(transaction)
            code = self._code(...)
        """,
        test="tests/component/http/test_error_pages.py::test_two_hundred_failed_callbacks_write_no_row_but_their_count",
    ),
    Removal(
        guard="a step-up checks the age of the new sign-in",
        at="component.session.sign_in_checks:SignInChecks.verify_id_token",
        without="max_age_seconds=max_age_seconds",
        test="tests/component/session/test_sign_in_checks.py::test_a_provider_that_does_not_meet_the_request_changes_nothing",
    ),
    Removal(
        guard="unexpected library errors are translated",
        at="component.oidc.provider:_translated.__exit__",
        without="isinstance(error, Exception)",
        instead="isinstance(error, (requests.RequestException, ValueError, RecursionError, OSError))",
        test="tests/component/oidc/test_generated_answers.py::test_an_expiry_of_any_type",
    ),
    Removal(
        guard="an unexpected exception gets an error page",
        at="component.routes.auth:_Routes._in_thread",
        without="Exception",
        instead="ZeroDivisionError",
        test=(
            "tests/component/http/test_error_pages.py"
            "::test_an_unexpected_exception_is_a_page_a_log_line_and_an_audit_event"
        ),
    ),
    Removal(
        guard="the reason code of a failed sign-in is in the log and the audit",
        at="component.http.error_pages:refusal_code",
        without="error.reason_code",
        instead="error.code",
        test="tests/app/core/test_failure_reasons.py::test_each_cause_is_in_the_log_and_in_the_audit_once",
    ),
    Removal(
        guard="max_age is never 0",
        at="component.oidc.authorization_parameters:step_up_parameters",
        without="requirement.max_age_seconds or ANY_AGE_SECONDS",
        instead="ANY_AGE_SECONDS if requirement.max_age_seconds is None else requirement.max_age_seconds",
        test="tests/component/session/test_step_up.py::test_the_request_to_the_provider",
    ),
    Removal(
        guard="a draft is returned to its subject only",
        at="component.drafts:Drafts.claim",
        without="draft.owner_hash == _owner(draft, subject, browser_hash).hash",
        test="tests/component/test_drafts.py::test_a_users_draft_is_returned_to_that_user_only",
    ),
    Removal(
        guard="an anonymous draft is returned to its browser only",
        at="component.drafts:DraftOwner.of",
        without='f"browser {browser_hash}"',
        instead='"browser"',
        test="tests/component/test_drafts.py::test_an_anonymous_draft_is_not_returned_to_another_browser",
    ),
    Removal(
        guard="an anonymous draft is returned through its own login transaction only",
        at="component.drafts:_waiting",
        without='f"state {state}"',
        instead='"state"',
        test="tests/component/test_drafts.py::test_an_anonymous_draft_waits_for_one_sign_in_only",
    ),
    Removal(
        guard="a draft is returned once",
        at="db.drafts:DraftWrites.take_draft",
        without="delete(...)",
        instead="update(drafts).values(created_at=now)",
        test="tests/component/test_drafts.py::test_an_anonymous_draft_is_returned_once_through_its_sign_in",
    ),
    Removal(
        guard="a session is resumed by its own subject only",
        at="component.session.resumption:SessionResumption.complete",
        without="id_token.subject != session.person.subject",
        instead="False",
        test=(
            "tests/component/session/test_resumption.py::test_another_subject_gets_a_new_session_and_the_old_one_ends"
        ),
    ),
    Removal(
        guard="the organization of the ID token is checked",
        at="component.session.sign_in_checks:SignInChecks.verify_id_token",
        without="transaction.organization and id_token.organization != transaction.organization",
        instead="False",
        test="tests/component/routes/test_sign_in_flow.py::test_the_id_token_must_name_the_requested_organization",
    ),
    Removal(
        guard="a made-up draft opens no transaction",
        at="component.drafts:Drafts._move",
        without="not self._storage.read.draft_waits(key_hash)",
        instead="False",
        test="tests/component/test_drafts.py::test_a_made_up_draft_opens_no_unit_of_work",
    ),
    Removal(
        guard="refused authorization codes are limited per address",
        at="component.oidc.exchange_budget:ExchangeBudget._as_new",
        without="self._addresses.of(...)",
        test="tests/component/oidc/test_exchange_flood.py::test_from_one_address_ten_reach_the_provider_and_no_more",
    ),
    Removal(
        guard="refused authorization codes are limited per browser",
        at="component.oidc.exchange_budget:ExchangeBudget._as_new",
        without="self._clients.of(...)",
        test="tests/component/oidc/test_exchange_flood.py::test_from_one_browser_five",
    ),
    Removal(
        guard="refused authorization codes are limited per account",
        at="component.oidc.exchange_budget:ExchangeBudget._as_known",
        without="self._clients.of(account, now).has(...)",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_one_account_uses_up_no_budget_of_others_however_many_sessions_and_browsers_it_has"
        ),
    ),
    Removal(
        guard="an account whose budget is used up falls back to the budget of new browsers",
        at="component.oidc.exchange_budget:ExchangeBudget._admit",
        without="(self._as_known(account) if account else None) or self._as_new(browser, address)",
        instead="self._as_known(account) if account else self._as_new(browser, address)",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_another_user_who_uses_up_the_budget_of_an_account_blocks_no_sign_in_of_it"
        ),
    ),
    Removal(
        guard="all browsers of an account share one budget",
        at="component.oidc.exchange_budget:ExchangeBudget._admit",
        without="_account(...)",
        instead='f"{_account(subject)} {browser}"',
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_one_account_uses_up_no_budget_of_others_however_many_sessions_and_browsers_it_has"
        ),
    ),
    Removal(
        guard="known browsers keep a budget of their own in a flood of made-up codes",
        at="component.oidc.exchange_budget:ExchangeBudget.remember",
        without="put_newest(...)",
        test=(
            "tests/component/oidc/test_exchange_flood.py"
            "::test_a_flood_of_many_addresses_is_bounded_and_delays_no_known_browser"
        ),
    ),
    Removal(
        guard="the number of known browsers per account is limited",
        at="component.oidc.exchange_budget:ExchangeBudget.remember",
        without="del self._known[known]",
        test="tests/component/oidc/test_exchange_budget.py::test_one_account_does_not_displace_other_known_browsers",
    ),
    Removal(
        guard="every failed exchange is charged, whatever its reason",
        at="component.oidc.exchange_budget:ExchangeBudget._charge",
        without="if is_outage: ...",
        instead="return",
        test=("tests/component/oidc/test_exchange_budget.py::test_a_failed_attempt_is_charged_whatever_the_reason"),
    ),
    Removal(
        guard="a provider error that a user can cause is charged",
        at="component.oidc.exchange_budget:ExchangeBudget.attempt",
        without="error.reason in OUTAGES",
        test=(
            "tests/component/oidc/test_exchange_flood.py"
            "::test_a_user_who_omits_openid_from_the_scope_uses_up_that_users_own_budget_only"
        ),
    ),
    Removal(
        guard="suspect addresses have a budget of their own",
        at="component.oidc.exchange_budget:ExchangeBudget._charge",
        without="self._clean.of(_site(attempt.address), now).try_take(...)",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_a_flood_of_some_addresses_delays_no_sign_in_at_another_one"
        ),
    ),
    Removal(
        guard="each suspect address has a share of its own",
        at="component.oidc.exchange_budget:ExchangeBudget._as_new",
        without="share.has(1, now) and self._shares_budget.has(1, now)",
        instead="False",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_an_office_with_two_failed_sign_ins_is_not_delayed_by_other_addresses"
        ),
    ),
    Removal(
        guard="the shares of all suspect addresses together are limited",
        at="component.oidc.exchange_budget:ExchangeBudget._as_new",
        without="self._shares_budget.has(...)",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_the_attempts_of_all_suspect_addresses_together_are_bounded"
        ),
    ),
    Removal(
        guard="IPv6 addresses are counted by their site prefix",
        at="component.oidc.exchange_budget:_site",
        without="ipv6_bits=_SITE_BITS",
        test=(
            "tests/component/oidc/test_exchange_budget.py"
            "::test_a_flood_of_some_addresses_delays_no_sign_in_at_another_one"
        ),
    ),
    Removal(
        guard="a browser becomes known only once its session is issued",
        at="component.routes.callback:SignInCallback._begin",
        without="tokens, id_token = self._tokens(...)",
        instead="""
            tokens, id_token = self._tokens(...)
            self._exchanges.remember(self._browser(callback), id_token.subject)
        """,
        test="tests/component/oidc/test_exchange_flood.py::test_a_browser_is_known_once_its_session_is_issued",
    ),
]
