"""``app.testing``: names that it keeps for the version before."""

from __future__ import annotations

import pytest

from app import testing


def test_the_old_name_of_make_anonymous_still_signs_out_and_warns() -> None:
    with testing.gatehouse():
        at = testing.open_app()
        testing.sign_in_as(at)
        with pytest.warns(DeprecationWarning, match=r"testing\.nobody_at is now testing\.make_anonymous") as warned:
            testing.nobody_at(at)
        assert warned[0].filename == __file__
        assert at.user["sid"] == ""
