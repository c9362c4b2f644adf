"""The caller's own sessions: listed, ended one by one or all others; other users' sessions stay out of reach."""

from __future__ import annotations

from datetime import timedelta

from tests.remote_api.world import ApiWorld

PATH = "/api/v1/me/sessions"


def test_the_list_has_ones_own_live_sessions_only(world: ApiWorld) -> None:
    first = world.sign_in()
    world.sign_in("auth0|bob")
    second = world.new_session(first.subject)
    ended = world.new_session(first.subject)
    world.end_session(ended.ref)
    sessions = world.call(PATH, second.token).json["sessions"]
    assert {(session["ref"], session["current"]) for session in sessions} == {(first.ref, False), (second.ref, True)}
    assert {(session["browser"], session["address"]) for session in sessions} == {("Browser/1.0", "203.0.113.7")}


def test_idle_sessions_are_not_listed(world: ApiWorld) -> None:
    first = world.sign_in()
    world.clock.ahead = timedelta(seconds=3700)
    second = world.new_session(first.subject)
    assert [session["ref"] for session in world.call(PATH, second.token).json["sessions"]] == [second.ref]


def test_ending_one_is_done_at_once_and_audited(world: ApiWorld) -> None:
    first = world.sign_in()
    second = world.new_session(first.subject)
    answer = world.call(f"{PATH}/{first.ref}", second.token, method="DELETE")
    assert (answer.status_code, answer.data) == (204, b"")
    assert world.call("/api/pong", first.token).status_code == 401
    assert world.call("/api/pong", second.token).status_code == 200
    (event,) = world.events("app:session:end")
    assert event["actor"] == event["target"] == str(first.subject)
    assert (event["reason"], event["details"]) == (
        "ended-by-person",
        {"session": first.ref, "browser": "Unknown browser"},
    )
    assert event["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert world.call(f"{PATH}/{first.ref}", second.token, method="DELETE").status_code == 404


def test_ones_current_session_can_be_ended_too(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    assert world.call(f"{PATH}/{signed_in.ref}", signed_in.token, method="DELETE").status_code == 204
    assert world.call("/api/pong", signed_in.token).status_code == 401


def test_a_session_of_another_user_is_not_found(world: ApiWorld) -> None:
    ann, bob = world.sign_in(), world.sign_in("auth0|bob")
    other_users = world.call(f"{PATH}/{bob.ref}", ann.token, method="DELETE")
    unknown = world.call(f"{PATH}/unknown", ann.token, method="DELETE")
    varying = ("instance", "correlation_id")
    assert other_users.status_code == unknown.status_code == 404
    assert {k: v for k, v in other_users.json.items() if k not in varying} == {
        k: v for k, v in unknown.json.items() if k not in varying
    }
    assert world.call("/api/pong", bob.token).status_code == 200
    assert not world.events("app:session:end")


def test_all_others_can_be_ended(world: ApiWorld) -> None:
    first = world.sign_in()
    others = [world.new_session(first.subject) for _ in range(3)]
    bob = world.sign_in("auth0|bob")
    assert world.call(PATH, first.token, method="DELETE").json == {"ended": 3}
    assert [world.call("/api/pong", other.token).status_code for other in others] == [401, 401, 401]
    assert world.call("/api/pong", first.token).status_code == 200
    assert world.call("/api/pong", bob.token).status_code == 200
    assert len(world.events("app:session:end")) == 3


def test_other_clients_and_machines_neither_see_nor_end_sessions(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    for token in (world.issuer.access_token(), world.issuer.machine_token()):
        for method, path in (("GET", PATH), ("DELETE", PATH), ("DELETE", f"{PATH}/{signed_in.ref}")):
            answer = world.call(path, token, method=method)
            assert (answer.status_code, answer.json["reason"]) == (403, "scope")
            assert world.events("api:endpoint:deny")[-1]["target"].startswith(f"{method} {PATH}")
    assert world.call("/api/pong", signed_in.token).status_code == 200


def test_a_reference_of_another_form_is_refused_before_storage(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    for ref in ("a%00b", "a%20b", "x" * 200, "%F0%9F%98%80"):
        assert world.call(f"{PATH}/{ref}", signed_in.token, method="DELETE").status_code == 422
