"""Guards of tokens, their keys and outgoing requests."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="the pause between token refreshes is bounded",
        at="component.session.refresh:TokenRefresh._paused",
        without="timedelta() < remaining <= timedelta(seconds=PAUSE_SECONDS)",
        instead="timedelta() < remaining",
        test="tests/component/session/test_refresh.py::test_a_pause_is_over_when_a_clock_that_ran_ahead_is_set_back",
    ),
    Removal(
        guard="the provider's own tokens have key fetches of their own",
        at="app.core.tokens.key_set:KeySet.versioned_key",
        without="_Cause.PROVIDER if from_provider else _Cause.CLIENT",
        instead="_Cause.CLIENT",
        test="tests/app/core/tokens/key_set/test_fetches.py::test_a_flood_does_not_keep_the_providers_own_tokens_from_a_new_key",
    ),
    Removal(
        guard="key fetches for anonymous tokens are spaced",
        at="app.core.tokens.key_set:KeySet._not_before",
        without="times.append(...)",
        test="tests/app/core/tokens/key_set/test_fetches.py::test_a_flood_of_unknown_keys_causes_five_fetches_a_minute",
    ),
    Removal(
        guard="a key set without a usable key is a failed fetch",
        at="app.core.tokens.key_set:KeySet._run",
        without="""
            keys = tuple(...) or None
            failure = ...
        """,
        instead="keys = tuple(...)",
        test="tests/app/core/tokens/key_set/test_rotation.py::test_a_set_without_a_usable_key_is_a_fetch_that_failed",
    ),
    Removal(
        guard="a token is not called invalid when its key cannot be fetched",
        at="app.core.tokens.key_set:KeySet._fetched_key",
        without="ProviderUnavailable(reason=reason, retry_after_seconds=self._wait_for(cause))",
        instead="TokenInvalid(reason=TokenReason.KEY_UNKNOWN)",
        test="tests/remote_api/test_key_floods.py::test_another_clients_valid_token_gets_503_with_retry_after",
    ),
    Removal(
        guard="a token of our own session may fetch its key",
        at="remote_api.bearer:BearerAuthentication._verified",
        without="return self._services.verifier.access_token(raw, from_provider=True)",
        instead="raise",
        test="tests/remote_api/test_key_floods.py::test_a_token_of_our_own_session_is_good_at_once",
    ),
    Removal(
        guard="outgoing calls ignore the environment",
        at="app.core.http_client:http_session",
        without="session.trust_env = False",
        test="tests/app/core/http_client/test_clients.py::test_signing_in_at_a_provider_with_an_authority_of_ones_own",
    ),
    Removal(
        guard="a rights claim of an impossible type is refused",
        at="app.core.tokens.claims:members",
        without="raise TokenInvalid(reason=otherwise)",
        instead="return ClaimMembers(frozenset())",
        test="tests/app/core/tokens/test_malformed_rights.py::test_only_a_claim_of_an_impossible_type_refuses",
    ),
    Removal(
        guard="unusable members of a rights claim are dropped",
        at="app.core.tokens.claims:_usable",
        without="[value for value in values if _exact_text(value, limit)]",
        instead="[value for value in values if isinstance(value, str)]",
        test="tests/app/core/tokens/test_malformed_rights.py::test_usable_roles_and_permissions_count",
    ),
    Removal(
        guard="dropped members of a rights claim are reported",
        at="component.session.provider_tokens:sync_rights",
        without="unusable and (signed_in or change)",
        instead="False",
        test="tests/app/core/tokens/test_malformed_rights.py::test_a_sign_in_uses_the_valid_roles_and_reports_the_others",
    ),
    Removal(
        guard="a logout token works once",
        at="component.routes.backchannel_logout:BackchannelLogouts.act_on",
        without="raise TokenInvalid(reason=TokenReason.REPLAYED, use=TokenUse.LOGOUT)",
        test="tests/component/routes/test_backchannel_logout.py::test_a_token_works_once",
    ),
]
