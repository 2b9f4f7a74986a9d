"""The operator's way in: the key once, then a cookie that ends with the key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from itsdangerous import TimestampSigner
from toolscout.catalogue import meta

from tests.services.gateway.operated import Operated, operated

LOGIN = "/api/v1/admin/login"


@pytest.fixture
def app(settings, sqlite_url) -> Iterator[Operated]:
    with operated(settings) as found:
        yield found


def is_admin(client) -> bool:
    return client.get("/api/v1/admin").json()["admin"]


def test_the_key_opens_by_header_and_by_cookie(app):
    browser = app.client()
    assert not is_admin(browser)
    assert is_admin(app.operator)
    answer = browser.post(LOGIN, json={"key": f" {app.key} "})
    assert answer.status_code == 204
    assert is_admin(browser)
    assert browser.get("/api/v1/experiments").status_code == 200
    assert app.key not in answer.headers["set-cookie"]


def test_the_cookie_is_for_this_site_and_no_script(app):
    robot = {"X-Session-ID": "robot"}  # gets no cookie of a session
    cookie = app.client(headers=robot).post(LOGIN, json={"key": app.key}).headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=strict", "max-age=43200"}
    https = app.client()
    https.base_url = "https://127.0.0.1"
    assert "secure" in https.post(LOGIN, json={"key": app.key}).headers["set-cookie"].lower()


def test_logging_out_takes_the_cookie_away(app):
    browser = app.client()
    browser.post(LOGIN, json={"key": app.key})
    assert browser.post("/api/v1/admin/logout").status_code == 204
    assert not is_admin(browser)
    assert not browser.cookies.get("toolscout_admin")


def test_a_new_key_ends_every_log_in(app):
    browser = app.client()
    browser.post(LOGIN, json={"key": app.key})
    with app.catalogue.write() as conn:
        meta.new_admin_key(conn)
    assert not is_admin(browser)
    refused = browser.get("/api/v1/experiments")
    assert (refused.status_code, refused.json()["reason"]) == (401, "admin_key_needed")
    assert refused.json()["remedy"]


def test_a_cookie_of_our_own_making_or_too_old_opens_nothing(app, monkeypatch):
    browser = app.client()
    for value in (
        "operator",
        "operator.x.y",
        TimestampSigner("guess", salt="toolscout_admin").sign("operator").decode(),
    ):
        browser.cookies.set("toolscout_admin", value)
        assert not is_admin(browser)
    with monkeypatch.context() as patched:
        patched.setattr(TimestampSigner, "get_timestamp", lambda _: 1_000_000_000)
        value = app.gateway.admin.log_in(app.key, "here")
    browser.cookies.set("toolscout_admin", value)
    assert not is_admin(browser)


def test_a_session_cookie_is_no_operators_cookie(app):
    browser = app.client()
    browser.get("/api/v1/admin")
    browser.cookies.set("toolscout_admin", browser.cookies["toolscout_session"])
    assert not is_admin(browser)


def test_guessing_is_slowed_down_for_who_guesses(app):
    stranger = app.client("203.0.113.9", headers={"Host": "127.0.0.1"})
    refused = [stranger.post(LOGIN, json={"key": f"wrong {n}"}) for n in range(11)]
    assert [answer.status_code for answer in refused] == [401] * 10 + [429]
    assert refused[0].json()["reason"] == "wrong_admin_key"
    assert "--reset" in refused[0].json()["remedy"]
    assert 1 <= int(refused[10].headers["retry-after"]) <= 60
    assert stranger.post(LOGIN, json={"key": app.key}).status_code == 429
    assert app.client("203.0.113.10").post(LOGIN, json={"key": app.key}).status_code == 204


def test_the_right_key_is_never_too_often(app):
    assert {app.client().post(LOGIN, json={"key": app.key}).status_code for _ in range(15)} == {204}


@pytest.mark.parametrize("body", [{}, {"key": ""}, {"key": "x" * 501}, {"key": "x", "more": 1}, []])
def test_a_form_that_is_none_is_a_problem(app, body):
    refused = app.client().post(LOGIN, json=body)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


def test_another_site_cannot_log_its_visitors_in(app):
    refused = app.client().post(LOGIN, json={"key": app.key}, headers={"Origin": "https://evil.example"})
    assert refused.json()["reason"] == "foreign_origin"
