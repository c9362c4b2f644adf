"""The sentences of audit events: each names its object, whatever the event's details are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.audit import ANONYMOUS_ACTOR, AuditKind
from app.core.errors import all_errors
from app.core.policy import Reason
from app.core.records import EndReason
from component.events import ContractViolation
from component.http.error_pages import REFUSED
from remote_api.audit_phrases import MISSING
from remote_api.audit_placeholders import PLACEHOLDERS
from remote_api.audit_sentences import sentence
from tests.remote_api.audit_rows import ADA, EVA, ROW, written

OBJECTS: Mapping[AuditKind, str] = {
    AuditKind.SESSION_BEGIN: "the app",
    AuditKind.SESSION_END: "{session}",
    AuditKind.SESSION_STEP_UP: "their sign-in",
    AuditKind.SESSION_RESUME: "a session",
    AuditKind.SESSION_PURGE: "{rows}",
    AuditKind.LOGIN_REFUSE: "A sign-in",
    AuditKind.LOGOUT_REFUSE: "A back-channel logout",
    AuditKind.TOKEN_REFRESH_FAIL: "The tokens",
    AuditKind.TOKEN_RIGHTS_SYNC: "{target}",
    AuditKind.TOKEN_CLAIMS_DROP: "{target}",
    AuditKind.PAGE_DENY: "{page}",
    AuditKind.FUNCTION_DENY: "{function}",
    AuditKind.ENDPOINT_DENY: "{endpoint}",
    AuditKind.BEARER_REFUSE: "a token",
    AuditKind.BEARER_CLAIMS_DROP: "Some rights",
    AuditKind.COMPONENT_REFUSE: "an event",
    AuditKind.CALL_REFUSE: "a call of the remote API",
    AuditKind.GRANT_ADD: "{grant}",
    AuditKind.GRANT_REVOKE: "{grant}",
    AuditKind.GRANT_RELEASE: "{grant}",
    AuditKind.RULE_REFUSE: "{changed}",
    AuditKind.ROLE_CREATE: "{role}",
    AuditKind.ROLE_UPDATE: "{role}",
    AuditKind.ROLE_DELETE: "{role}",
    AuditKind.MAPPING_UPDATE: "{token_role}",
    AuditKind.PERSON_ADD: "{target}",
    AuditKind.PERSON_BLOCK: "{target}",
    AuditKind.PERSON_UNBLOCK: "{target}",
    AuditKind.PERSON_ERASE: "{target}",
    AuditKind.ADMIN_BOOTSTRAP: "{target}",
    AuditKind.ADMIN_RECOVER: "{target}",
    AuditKind.LOG_EXPORT: "{exported}",
    AuditKind.LOG_PRUNE: "{pruned}",
    AuditKind.LOG_BROKEN: "The end of the audit",
    AuditKind.LOG_HEAL: "the chain of the audit",
    AuditKind.KEY_ROTATE: "events of the audit",
    AuditKind.KEY_REPLACE: "a lost secret",
}
"""Kind → its object: a placeholder, or words of the template."""


def without_brackets(template: str) -> str:
    """What of a template is never omitted."""
    return re.sub(r"\[[^\]]*\]", "", template)


@pytest.mark.parametrize("kind", AuditKind)
def test_every_template_names_its_object_and_is_a_sentence(kind: AuditKind) -> None:
    assert OBJECTS[kind] in without_brackets(kind.sentence)
    assert OBJECTS[kind] != "{actor}"
    assert re.fullmatch(r"([A-Z]|\{actor\}|\{target\}).*[^.]\.", kind.sentence)
    assert re.fullmatch(r"[A-Z][^{}\[\]]+: \w[^{}\[\]]+[^.]", kind.label)


@pytest.mark.parametrize("kind", AuditKind)
def test_a_placeholder_that_is_never_omitted_has_a_phrase_without_details(kind: AuditKind) -> None:
    for name in re.findall(r"\{(\w+)\}", without_brackets(kind.sentence)):
        assert PLACEHOLDERS[name].otherwise, name
    assert (
        kind.sentence.count("[")
        == kind.sentence.count("]")
        == len(re.findall(r"\[[^{}\[]*\{\w+\}[^{}\[]*\]", kind.sentence))
    )


def test_no_label_and_no_sentence_is_used_twice() -> None:
    assert len({kind.label for kind in AuditKind}) == len({kind.sentence for kind in AuditKind}) == len(AuditKind)


def test_every_placeholder_is_in_a_template() -> None:
    names = {name for kind in AuditKind for name in re.findall(r"\{(\w+)\}", kind.sentence)}
    assert names | {"unknown_kind"} == PLACEHOLDERS.keys()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.floats(),
    st.lists(st.text(max_size=3), max_size=2),
    st.text(),
    st.text(alphabet="{}[]actor\\ \u202e\u05d0\u200f\n\x00\u0301.,:"),
    st.text(min_size=400, max_size=600),
    st.sampled_from(["", "read:reports", "viewer, analyst", "2027-03-03T14:00:00+00:00", "0001-01-01T00:00:00+14:00"]),
)
DETAILS = sorted({name for row in PLACEHOLDERS.values() for name in row.values})
AUDIT_NAMES = st.one_of(
    st.text(), st.sampled_from([ADA, EVA, "system", ANONYMOUS_ACTOR, "operator:joe", "", " at https://i"])
)


@given(
    kind=st.sampled_from(AuditKind),
    actor=AUDIT_NAMES,
    target=AUDIT_NAMES,
    reason=st.one_of(st.text(), st.sampled_from([*Reason, *EndReason, "self-grant", "id-token:nonce", "various"])),
    details=st.dictionaries(st.one_of(st.sampled_from(DETAILS), st.text(max_size=5)), VALUES, max_size=8),
    name=st.text(),
)
def test_any_event_has_a_sentence_with_its_object(
    kind: AuditKind, actor: str, target: str, reason: str, details: dict[str, Any], name: str
) -> None:
    row = replace(ROW, kind=kind.value, actor=actor, target=target, reason=reason, details=details)
    text = sentence(row, lambda _: name)
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) < 1500
    words = OBJECTS[kind]
    if not words.startswith("{"):
        assert words in text
        return
    placeholder = PLACEHOLDERS[words.strip("{}")]
    unnamed = sentence(replace(row, target="", details={}), lambda _: "")
    assert placeholder.phrase(*(MISSING for _ in placeholder.values)) == ""
    assert placeholder.otherwise.lower() in unnamed.lower()


@given(
    kind=st.sampled_from(AuditKind),
    details=st.dictionaries(st.sampled_from(DETAILS), st.text(alphabet=st.characters(exclude_characters="{}[]"))),
)
def test_no_placeholder_remains(kind: AuditKind, details: dict[str, Any]) -> None:
    assert not re.search(r"[{}\[\]]", written(replace(ROW, kind=kind.value, details=details)))


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (AuditKind.PAGE_DENY, [reason for reason in Reason if reason is not Reason.GRANTED]),
        (AuditKind.COMPONENT_REFUSE, list(ContractViolation)),
        (AuditKind.LOGIN_REFUSE, list(REFUSED)),
        (AuditKind.BEARER_REFUSE, [error.code for error in all_errors()]),
        (AuditKind.RULE_REFUSE, ["self-grant", "not-held", "last-administrator"]),
    ],
)
def test_every_code_that_is_stored_as_a_reason_has_words_of_its_own(kind: AuditKind, codes: list[str]) -> None:
    sentences = {written(replace(ROW, kind=kind.value, reason=code)) for code in codes}
    assert not [text for text in sentences if "was not recorded." in text or "the reason is" in text]
    assert len(sentences) >= len(codes) - 2, "few codes mean the same"
