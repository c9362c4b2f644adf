"""The table of audit kinds, and the codes that earlier versions stored."""

from __future__ import annotations

from app.core.audit import RETIRED_CODES, AuditKind, codes_of, kind_of


def test_a_retired_code_is_read_as_the_kind_that_replaced_it() -> None:
    assert kind_of("app:session:revive") is AuditKind.SESSION_RESUME
    assert kind_of("app:session:resume") is AuditKind.SESSION_RESUME
    assert kind_of("no:such:kind") is None


def test_a_kind_is_found_by_all_its_codes() -> None:
    both = {"app:session:resume", "app:session:revive"}
    assert codes_of("app:session:resume") == codes_of("app:session:revive") == both
    assert codes_of("app:session:begin") == {"app:session:begin"}
    assert codes_of("no:such:kind") == {"no:such:kind"}


def test_a_retired_code_is_never_used_again() -> None:
    assert RETIRED_CODES.keys().isdisjoint(kind.value for kind in AuditKind)
