"""Who comes in, from where, how often: the real app in this process."""

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from toolscout.catalogue import Catalogue, meta
from toolscout.catalogue.tables import searches
from toolscout.errors import ConfigError

from services.gateway.app import create_app
from services.gateway.door import network_of


@pytest.fixture
def visit(settings):
    """Makes a client of an app with other settings; `host` is where it seems to come from."""
    opened = []

    def run(host="127.0.0.1", **changes):
        app = create_app(settings.model_copy(update=changes))
        client = TestClient(app, base_url="http://127.0.0.1", client=(host, 50_000))
        client.__enter__()
        opened.append(client)
        return client

    yield run
    for client in opened:
        client.__exit__(None, None, None)


def test_loopback_is_not_limited_unless_the_setting_says_so(visit):
    free = visit()
    assert {free.get("/api/v1/tools").status_code for _ in range(150)} == {200}


def test_too_many_requests_are_told_how_long_to_wait(visit):
    limited = visit(rate_limit="3/minute")
    answers = [limited.get("/api/v1/tools") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["reason"] == "rate_limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert limited.get("/healthz").status_code == 200


def test_a_rate_that_makes_no_sense_is_a_setting_error(settings):
    app = create_app(settings.model_copy(update={"rate_limit": "many"}))
    with pytest.raises(ConfigError, match="TOOLSCOUT_RATE_LIMIT"), TestClient(app) as client:
        client.get("/healthz")


def test_off_loopback_jobs_need_the_admin_key(visit, settings):
    stranger = visit(host="203.0.113.5")
    refused = stranger.get("/api/v1/jobs/none")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    catalogue = Catalogue(settings.db_url)
    with catalogue.write() as conn:
        key = meta.new_admin_key(conn)
    catalogue.close()
    assert stranger.get("/api/v1/jobs/none", headers={"Authorization": f"Bearer {key}"}).status_code == 404
    assert stranger.get("/api/v1/jobs/none", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_an_api_client_names_its_session_and_gets_no_cookie(visit):
    client = visit()
    assert "set-cookie" not in client.get("/healthz", headers={"X-Session-ID": "robot-1"}).headers
    assert client.get("/healthz", headers={"X-Session-ID": "no good"}).json()["reason"] == "invalid_session"


def test_a_browser_keeps_its_session(visit):
    client = visit()
    assert "toolscout_session" in client.get("/healthz").headers["set-cookie"]
    assert "set-cookie" not in client.get("/healthz").headers


def test_further_names_are_known_once_they_are_listed(visit):
    client = visit(public_hosts=["tools.example"])
    assert client.get("/healthz", headers={"Host": "tools.example"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "tools.example:8080"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "tools.example.evil.example"}).status_code == 403


def test_every_answer_says_its_trace_and_group(visit):
    client = visit()
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = client.get("/api/v1/tools", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert (answer.headers["x-trace-id"], answer.headers["x-ab-group"]) == (trace, "stable")
    assert len(client.get("/healthz", headers={"traceparent": "nonsense"}).headers["x-trace-id"]) == 32


def test_the_page_loads_nothing_from_elsewhere(visit):
    page = visit().get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_unknown_methods_and_paths_are_problems_too(visit):
    client = visit()
    for answer in (client.delete("/api/v1/search"), client.get("/nowhere")):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["remedy"]


def test_a_path_with_nul_is_refused(visit):
    for path in ("/api/v1/jobs/%00", "/api/v1/experiments/a%00b"):
        assert (visit().get(path).status_code, visit().get(path).json()["reason"]) == (422, "invalid_path")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.5", "203.0.113.77", True),
        ("203.0.113.5", "203.0.114.5", False),
        ("::ffff:203.0.113.5", "203.0.113.77", True),
        ("2001:db8:1:2::3", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::3", "2001:db8:2::3", False),
    ],
)
def test_a_network_is_told_from_others_and_named_to_nobody(one, other, same):
    assert (network_of(one, "secret") == network_of(other, "secret")) is same
    assert network_of(one, "secret") != network_of(one, "another secret")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "testclient", ""])
def test_loopback_is_no_network(address):
    assert network_of(address, "secret") is None


def test_a_search_remembers_its_network(visit, settings):
    visit(host="203.0.113.5").post("/api/v1/search", json={"query": "a photo"}).raise_for_status()
    visit().post("/api/v1/search", json={"query": "a photo"}).raise_for_status()
    catalogue = Catalogue(settings.db_url)
    with catalogue.read() as conn:
        found = conn.execute(sa.select(searches.c.network).order_by(searches.c.created_at)).scalars().all()
        secret = meta.get(conn, "session_secret")
    catalogue.close()
    assert found == [network_of("203.0.113.5", secret), None]
