"""Arms as a gateway sees them, and how an operator watches and steers them over HTTP."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from itsdangerous import TimestampSigner
from toolscout.catalogue import experiments
from toolscout.catalogue.tables import assignments
from toolscout.catalogue.tables import testers as tester_rows
from toolscout.experiments import group_of

from services.gateway import arms as arms_module
from services.gateway.arms import Arms, Exposure, is_bot
from services.gateway.live import wilson
from tests.services.gateway.operated import ARMS, Operated, operated

BASE = "/api/v1/experiments"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.fixture
def told(caplog):
    """The events so far with this action."""
    caplog.set_level(logging.INFO)

    def read(action: str) -> list:
        said = [record.toolscout_event for record in caplog.records if hasattr(record, "toolscout_event")]
        return [event for event in said if event.action == action]

    return read


@pytest.fixture
def app(settings, database_url) -> Iterator[Operated]:
    with operated(settings.model_copy(update={"database_url": database_url, "candidate_share": 0.5})) as found:
        yield found


def item(app: Operated) -> dict:
    return app.operator.get(BASE).json()["items"][0]


def change(app: Operated, **body):
    return app.operator.put(f"{BASE}/{app.gateway.arms.current().id}", json=body)


def expose(app: Operated, session: str, bot: bool = False, keyed: bool = False) -> Exposure:
    return app.gateway.arms.expose(session, bot=bot, keyed=keyed)


def of_group(app: Operated, group: str, start: str = "s") -> str:
    """A session that the hash sends there."""
    experiment = app.gateway.arms.current()
    return next(s for s in (f"{start}{n}" for n in range(99)) if group_of(experiment, s) == group)


def stored(app: Operated) -> int:
    with app.catalogue.read() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(assignments)).scalar_one()


# Who meets which arm.


def test_without_a_candidate_everybody_is_stable_and_counts(settings, sqlite_url):
    with operated(settings, arms=None) as app:
        assert expose(app, "me") == Exposure("stable", "stable", None, True, None)
        assert not expose(app, "api:robot").counted
        assert app.gateway.arms.known("me").group == app.gateway.arms.peek("me").group == "stable"
        assert app.operator.get(BASE).json() == {"items": []}


def test_a_session_keeps_the_arm_of_its_first_search(app, told):
    name = app.gateway.arms.current().id
    for group in ("stable", "candidate"):
        session = of_group(app, group)
        assert app.gateway.arms.known(session) is None
        assert app.gateway.arms.peek(session).group == group
        assert told("arm_exposed") == [] or stored(app) == 1
        expected = Exposure(group, group, name, True, None)
        assert [expose(app, session) for _ in range(3)] == [expected] * 3
        assert app.gateway.arms.known(session) == app.gateway.arms.peek(session) == expected
    events = told("arm_exposed")
    assert [(e.experiment, e.share, e.stage, e.counted) for e in events] == [(name, 0.5, 1, True)] * 2


def test_another_gateway_says_the_same_and_tells_nothing_twice(app, settings, told):
    session = of_group(app, "candidate")
    first = expose(app, session)
    other = Arms(app.catalogue, app.gateway.settings, lambda _: ARMS)
    change(app, share=0.0)
    assert other.expose(session, bot=False, keyed=False) == expose(app, session) == first
    assert len(told("arm_exposed")) == 1


def test_a_look_stores_nothing(app):
    assert app.gateway.arms.peek("me").group in ("stable", "candidate")
    assert stored(app) == 0


def test_bots_meet_stable_and_are_never_enrolled(app):
    for n in range(20):
        found = expose(app, f"s{n}", bot=True)
        assert (found.group, found.served_by, found.counted) == ("stable", "stable", False)
        assert app.gateway.arms.peek(f"s{n}", bot=True).group == "stable"
    assert stored(app) == 0
    session = of_group(app, "candidate")
    expose(app, session)
    assert expose(app, session, bot=True).group == "stable"


def test_api_clients_meet_their_arm_and_count_with_the_key_alone(app):
    session = of_group(app, "candidate", "api:a")
    keyed = of_group(app, "candidate", "api:b")
    assert expose(app, session) == Exposure("candidate", "candidate", app.gateway.arms.current().id, False, None)
    assert expose(app, keyed, keyed=True).counted
    assert not expose(app, keyed).counted


@pytest.mark.parametrize(
    ("user_agent", "bot"),
    [
        (CHROME, False),
        ("curl/8.1", False),
        ("python-httpx/0.28", False),
        ("", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)", True),
        ("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", True),
        (CHROME.replace("Chrome", "HeadlessChrome"), True),
    ],
)
def test_crawlers_are_known_by_their_user_agent(user_agent, bot):
    assert is_bot({"user-agent": user_agent}) == bot
    assert not is_bot({})


def test_a_pause_sends_everybody_to_stable_and_a_resume_back(app):
    session = of_group(app, "candidate")
    before = expose(app, session)
    name = before.experiment
    assert change(app, action="pause").json()["state"] == "paused"
    assert expose(app, session) == Exposure("stable", "stable", name, False, None)
    assert app.gateway.arms.known(session).group == "stable"
    assert expose(app, "somebody new").counted is False
    assert stored(app) == 1
    change(app, action="resume")
    assert expose(app, session) == before


def test_after_the_end_there_is_one_arm_for_all(app):
    new, old = of_group(app, "candidate"), of_group(app, "stable")
    expose(app, old)
    change(app, action="promote")
    for session in (new, old):
        assert expose(app, session) == Exposure("stable", "candidate", None, True, None)
    assert app.gateway.arms.peek(new).served_by == "candidate"
    change(app, action="rollback")
    assert expose(app, new) == Exposure("stable", "stable", None, True, None)
    assert stored(app) == 1


def test_a_new_share_is_seen_within_a_second_by_every_gateway(app):
    other = Arms(app.catalogue, app.gateway.settings, lambda _: ARMS)
    session = of_group(app, "stable")
    change(app, share=1.0)
    assert expose(app, session).group == "candidate"
    end = time.monotonic() + 1.0
    n = 0
    while other.expose(f"n{n}", bot=False, keyed=False).group != "candidate" or other.current().share != 1.0:
        assert time.monotonic() < end
        n += 1
        time.sleep(0.02)


def test_a_known_session_costs_no_look_into_the_catalogue(app, monkeypatch):
    expose(app, "me")
    monkeypatch.setattr(arms_module, "FRESH_S", 60.0)
    app.gateway.arms.current()
    asked = []
    sa.event.listen(app.catalogue.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert expose(app, "me") == app.gateway.arms.known("me") == app.gateway.arms.peek("me")
    assert asked == []


def test_only_so_many_sessions_are_held(app, monkeypatch):
    monkeypatch.setattr(arms_module, "KEPT_SESSIONS", 3)
    for n in range(5):
        expose(app, f"s{n}")
    assert [bool(app.gateway.arms.known(f"s{n}")) for n in range(5)] == [False, False, True, True, True]


def test_a_gateway_with_other_arms_takes_over(app):
    old = app.gateway.arms
    expose(app, "me")
    new = Arms(app.catalogue, app.gateway.settings, lambda _: ARMS | {"candidate": {"endpoint": "", "model": "c"}})
    old.forget()
    assert old.expose("me", bot=False, keyed=False) == Exposure("stable", "stable", None, True, None)
    assert new.expose("me", bot=False, keyed=False).experiment == new.current().id
    assert [row["current"] for row in app.operator.get(BASE).json()["items"]] == [True, False]


# Testers.


def test_a_listed_session_meets_its_arm_and_is_shown_apart(app):
    name = app.gateway.arms.current().id
    session = of_group(app, "stable")
    expose(app, session)
    body = {"arm": "candidate", "session": session, "note": "민지"}
    assert app.operator.post(f"{BASE}/{name}/testers", json=body).json() == {"url": None, "session": session}
    assert expose(app, session) == Exposure("candidate", "candidate", name, False, "listed")
    (row,) = item(app)["testers"]
    assert {key: row[key] for key in ("session", "arm", "rule", "note")} == body | {"rule": "listed"}
    assert app.operator.delete(f"{BASE}/{name}/testers/{session}").status_code == 204
    assert expose(app, session) == Exposure("stable", "stable", name, False, "listed")
    assert app.operator.delete(f"{BASE}/{name}/testers/{session}").status_code == 404


def test_a_tester_may_use_a_browser_that_a_program_drives(app):
    name = app.gateway.arms.current().id
    app.operator.post(f"{BASE}/{name}/testers", json={"arm": "candidate", "session": "me"})
    assert expose(app, "me", bot=True) == Exposure("candidate", "candidate", name, False, "listed")


def test_a_link_makes_testers_until_it_is_taken_back(app):
    arms = app.gateway.arms
    name = arms.current().id
    session = of_group(app, "stable")
    expose(app, session)
    made = app.operator.post(f"{BASE}/{name}/testers", json={"arm": "candidate", "note": "팀"})
    assert made.status_code == 201
    assert made.json()["url"].startswith("/?tester=")
    token = made.json()["url"].partition("=")[2]
    assert "팀" not in token
    assert arms.accept(token, session)
    assert expose(app, session) == Exposure("candidate", "candidate", name, False, "link")
    assert {row["note"] for row in item(app)["testers"]} == {"팀"}
    assert app.operator.delete(f"{BASE}/{name}/testers/{made.json()['session']}").status_code == 204
    assert not arms.accept(token, "another")
    assert expose(app, session).rule == "link"


def test_a_link_that_is_forged_old_or_of_another_experiment_does_nothing(app, monkeypatch):
    arms = app.gateway.arms
    with monkeypatch.context() as patched:
        patched.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 31 * 86_400)
        old = arms.link(arms.current().id, "candidate", None)[0].partition("=")[2]
    good = arms.link(arms.current().id, "candidate", None)[0].partition("=")[2]
    forged = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]  # the last letter has bits that say nothing
    for token in (old, forged, "", "x.y.z", "한글"):
        assert not arms.accept(token, "me")
    Arms(app.catalogue, app.gateway.settings, lambda _: None)
    assert not arms.accept(good, "me")
    with app.catalogue.read() as conn:
        assert "me" not in conn.execute(sa.select(tester_rows.c.session_id)).scalars().all()


# The operator's view.


def test_only_the_operator_sees_and_steers(app):
    name = app.gateway.arms.current().id
    visitor = app.client()
    asked = [
        visitor.get(BASE),
        visitor.put(f"{BASE}/{name}", json={"share": 1}),
        visitor.post(f"{BASE}/{name}/testers", json={"arm": "stable"}),
        visitor.delete(f"{BASE}/{name}/testers/me"),
    ]
    assert {(answer.status_code, answer.json()["reason"]) for answer in asked} == {(401, "admin_key_needed")}
    assert item(app)["share"] == 0.5


def test_an_item_says_all_of_an_experiment(app):
    found = item(app)
    empty = dict.fromkeys(("satisfaction", "satisfaction_low", "satisfaction_high", "survey", "latency_p50_ms"))
    empty |= dict.fromkeys(("latency_p95_ms", "first_token_p50_ms", "errors", "grounded", "no_match"))
    empty |= dict.fromkeys(("exposures", "searches", "rated", "surveys"), 0)
    assert found["live"] == {"stable": empty, "candidate": empty, "apart": 0}
    assert (found["arms"], found["state"], found["stage"], found["current"]) == (ARMS, "running", 1, True)
    (opened,) = found["history"]
    assert opened == {"at": found["created_at"], "change": "opened", "share": 0.5, "note": None}


def test_changes_are_answered_told_and_kept_with_their_note(app, told):
    answer = change(app, share=0.25, action="pause", note=" 조심 ")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["share"], found["stage"], found["state"]) == (0.25, 2, "paused")
    assert found == item(app) | {"live": found["live"]}
    assert [(row["change"], row["note"]) for row in found["history"]] == [
        ("pause", "조심"),
        ("share", "조심"),
        ("opened", None),
    ]
    change(app, share=0.25)  # as it is
    for _ in range(2):
        Arms(app.catalogue, app.gateway.settings, lambda _: ARMS | {"candidate": {"model": "c"}})
    assert [event.change for event in told("experiment_changed")] == ["share", "pause", "opened"]


def test_what_contradicts_the_state_is_a_conflict_with_a_way_out(app):
    for body, reason in (({"action": "resume"}, 409), ({"action": "rollback"}, 200), ({"share": 0.9}, 409)):
        answer = change(app, **body)
        assert answer.status_code == reason
        assert reason == 200 or answer.json()["remedy"]
    assert app.operator.put(f"{BASE}/exp-0", json={"share": 0.9}).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"share": 1.1}, {"share": -0.1}, {"action": "stop"}, {"share": 0.1, "x": 1}, {"note": "a"}]
)
def test_a_change_that_is_none_is_refused(app, body):
    assert change(app, **body).status_code == 422


@pytest.mark.parametrize(
    "body", [{}, {"arm": "third"}, {"arm": "stable", "session": "a b"}, {"arm": "stable", "session": ""}]
)
def test_a_tester_that_is_none_is_refused(app, body):
    name = app.gateway.arms.current().id
    assert app.operator.post(f"{BASE}/{name}/testers", json=body).status_code == 422


def test_live_figures(app):
    name = app.gateway.arms.current().id
    quoted = {"source": "extractive", "reason": None}
    llm = {"source": "llm", "reason": None, "grounded": True}
    rows = [
        {"answer": llm, "timings": {"total": 100.0, "first_token": 10.0}},
        {"answer": llm, "timings": {"total": 300.0, "first_token": 30.0}, "arm": {"fallback": "llm_timeout"}},
        {"answer": quoted | {"reason": "ungrounded"}, "timings": {"total": 200.0}},
        {"answer": quoted | {"reason": "llm_unreachable"}, "timings": {"total": 5.0}},
        {"answer": quoted | {"reason": "llm_off"}, "timings": {"total": 5.0}},
        {"answer": quoted | {"reason": "no_match"}, "no_match": True, "timings": {"total": 5.0}},
        {"answer": None, "timings": {"total": 5.0}},
        {"answer": quoted, "timings": {"total": 5.0}},
    ]
    for n, row in enumerate(rows):
        app.search(f"c{n}", experiment=name, ab_group="candidate", session_id=f"s{n % 4}", created_at=float(n), **row)
    app.search("apart", experiment=name, ab_group="candidate", counted=False, no_match=True)
    app.search("before", experiment=None, ab_group="stable")
    app.rate("c0", "s0", rating="up")
    app.rate("c0", "s0", rating="down", tool_id=3)
    app.rate("c1", "s1", score=5)
    app.rate("c2", "s2", score=3)
    app.rate("apart", "me", rating="down")
    with app.catalogue.write() as conn:
        for n in range(20):
            experiments.assign(conn, app.gateway.arms.current(), f"s{n}", n < 10, 1.0)
    client = app.client(headers={"X-Session-ID": "me"})
    app.search("asked", experiment=name, ab_group="stable", session_id="api:me")
    client.post("/api/v1/survey", json={"search_id": "asked", "score": 4})
    live = item(app)["live"]
    found = live["candidate"]
    assert (found["searches"], live["stable"]["searches"], live["apart"]) == (8, 1, 1)
    assert live["stable"]["exposures"] + found["exposures"] == 10
    assert (found["rated"], found["satisfaction"]) == (3, pytest.approx(0.5))
    assert found["satisfaction_low"] < 0.5 < found["satisfaction_high"]
    assert (found["errors"], found["no_match"]) == (2 / 8, 1 / 8)
    assert found["grounded"] == 2 / 4
    assert (found["latency_p50_ms"], found["first_token_p50_ms"]) == (5.0, 20.0)
    assert found["latency_p95_ms"] == pytest.approx(265.0)
    assert (live["stable"]["survey"], live["stable"]["surveys"], found["survey"]) == (4.0, 1, None)


def test_figures_rest_on_the_newest_searches(app, monkeypatch):
    monkeypatch.setattr(experiments, "MOST_SEARCHES", 2)
    name = app.gateway.arms.current().id
    for n in range(5):
        app.search(f"c{n}", experiment=name, ab_group="stable", created_at=float(n), no_match=n < 4)
    found = item(app)["live"]["stable"]
    assert (found["searches"], found["no_match"]) == (5, 0.5)


def test_the_interval_is_the_one_of_the_textbook():
    assert wilson(None, 0) == (None, None)
    assert wilson(0.8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(1.0, 3)[1] == 1.0
    assert wilson(0.0, 3)[0] == pytest.approx(0.0, abs=1e-12)
