"""The operator's page on training in a real Chromium: runs are started, followed, stopped, and say what they made."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from toolscout.queue import RUN_STEPS

from tests.services.gateway.double import Api
from tests.services.gateway.operator_double import problem
from tests.services.gateway.pipeline_double import AT, SHA, done, failed, run, step, whole
from tests.services.gateway.visit import WIDE, enter

PATH = "/admin/pipeline"
RUNS = "pipeline/runs"
# The names of every word, of both languages.
WORDS = """async () => {
  const names = (words, at = "") => Object.entries(words).flatMap(([name, value]) =>
    value && value.constructor === Object ? names(value, `${at}${name}.`) : [`${at}${name}`]);
  const read = async (name) => names((await import(`/static/lang/${name}.js`)).default);
  return [await read("en-training"), await read("ko-training")];
}"""


@pytest.fixture
def hall(page: Page, api: Api) -> Page:
    """The page with one run that is done and one that failed, logged in."""
    api.operator.pipeline.runs = [whole(), failed()]
    enter(page, PATH)
    expect(page.locator(".run")).to_have_count(2)
    return page


def steps(page: Page) -> Locator:
    """Of the newest run."""
    return page.locator(".run").first.locator(".steps > li")


def test_without_a_run_the_page_offers_to_start_one(page: Page, api: Api) -> None:
    enter(page, PATH)
    expect(page.locator("h1")).to_have_text("Training")
    expect(page.get_by_role("link", name="Training")).to_have_attribute("aria-current", "page")
    expect(page.locator("#view")).to_contain_text("There has been no run yet.")
    page.get_by_role("button", name="Start a whole run").click()
    expect(page.locator("#news")).to_have_text("The run is started.")
    expect(page.locator(".run summary").first).to_be_focused()
    expect(page.locator(".run summary").first).to_contain_text("Whole run run0 waiting")
    expect(steps(page).locator("h3")).to_have_text(["Rows from ratings", "Made-up rows", "Data sets", "Query adapter"])
    expect(page.get_by_text("There has been no run yet.")).to_be_hidden()
    assert api.operator.changes == [("POST", RUNS, {"kind": "train", "seed": 0, "source": "catalogue"})]


def test_a_single_step_is_started_by_keys_with_seed_and_source(page: Page, api: Api) -> None:
    enter(page, PATH)
    page.get_by_text("Options").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Where the ratings come from").select_option("elasticsearch")
    page.get_by_label("Seed").fill("-1")
    page.get_by_text("Only one step").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".singles")).to_contain_text("Both are joined without duplicates")
    one = page.get_by_role("button", name="Run only: Data sets")
    one.focus()
    page.keyboard.press("Enter")
    assert api.operator.changes == []
    page.get_by_label("Seed").fill("42")
    one.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".run summary").first).to_contain_text("Data sets run0")
    expect(page.locator(".run").first).to_contain_text("ratings from Elasticsearch's logs")
    expect(page.locator(".run").first).to_contain_text("seed 42")
    body = {"kind": "train", "seed": 42, "source": "elasticsearch", "steps": ["combine_datasets"]}
    assert api.operator.changes == [("POST", RUNS, body)]
    one.press("Enter")
    expect(page.locator("#news")).to_have_text("A run is under way. The next one can start when it has ended.")
    assert len(api.operator.changes) == 1


def test_a_refusal_is_shown_with_its_remedy_and_the_run_that_stood_in_the_way(page: Page, api: Api) -> None:
    enter(page, PATH)
    expect(page.locator(".start")).to_be_visible()
    api.operator.pipeline.runs = [run("other", "running", [step(RUN_STEPS[0], "running", doing="reading searches")])]
    api.operator.refusal = problem(409, "run_open", "Run other has not ended yet.", "Wait for its end, or cancel it.")
    page.get_by_role("button", name="Start a whole run").click()
    expect(page.locator(".start [role=alert]")).to_contain_text("Wait for its end, or cancel it.")
    expect(page.locator(".run").first).to_contain_text("other")
    expect(page.get_by_role("button", name="Stop this run")).to_be_visible()
    expect(page.get_by_role("button", name="Start a whole run")).to_have_attribute("aria-disabled", "true")


def test_progress_goes_on_until_the_end_while_what_is_open_and_focused_stays(timed: Page, api: Api) -> None:
    page, pipeline = timed, api.operator.pipeline
    pipeline.runs = [run("now", "running", [step(RUN_STEPS[0], "queued"), step(RUN_STEPS[1], "queued")]), whole("old")]
    pipeline.goes_on(doing="reading searches", done=512, total=1834)
    enter(page, PATH)
    bar = page.get_by_role("progressbar", name="reading searches, 512 of 1,834")
    expect(bar).to_have_js_property("value", 512)
    expect(bar).to_have_js_property("max", 1834)
    old = page.locator(".run").nth(1)
    old.locator("summary").first.click()
    old.get_by_text("Left out: 46,860").click()
    pipeline.goes_on(done=600, tries=2)
    page.clock.run_for(2_000)
    expect(page.get_by_role("progressbar", name="reading searches, 600 of 1,834")).to_have_js_property("value", 600)
    expect(steps(page).first).to_contain_text("attempt 2")
    pipeline.goes_on(doing="reading the index", done=7, total=None)
    page.clock.run_for(2_000)
    expect(page.get_by_role("progressbar", name="reading the index, 7")).to_have_js_property("position", -1)
    expect(old.get_by_text("Left out: 46,860")).to_be_focused()
    pipeline.ends()
    page.clock.run_for(2_000)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.locator("#news")).to_have_text("2 steps: done.")
    expect(steps(page).first).to_contain_text("48,210")
    expect(page.get_by_role("button", name="Start a whole run")).to_have_attribute("aria-disabled", "false")
    expect(page.get_by_role("button", name="Stop this run")).to_have_count(0)
    expect(old.get_by_text("nobody rated or marked it")).to_be_visible()
    expect(old.get_by_text("Left out: 46,860")).to_be_focused()


def test_only_what_runs_is_asked_for_and_nothing_while_nobody_looks(timed: Page, api: Api) -> None:
    page = timed
    api.operator.pipeline.runs = [whole()]
    enter(page, PATH)
    expect(page.locator(".run")).to_have_count(1)
    before = len(api.asked)
    for _ in range(4):
        page.clock.run_for(2_000)
    assert len(api.asked) == before
    api.operator.pipeline.runs.insert(0, run("new", "running", [step(RUN_STEPS[0], "running")], created_at=AT + 9999))
    with page.expect_response(f"**/{RUNS}?limit=10"):
        page.clock.run_for(20_000)
    expect(page.locator(".run")).to_have_count(2)
    with page.expect_response(f"**/{RUNS}/new"):
        page.clock.run_for(2_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    page.clock.run_for(2_000)
    before = len(api.asked)
    for _ in range(4):
        page.clock.run_for(2_000)
    assert len(api.asked) == before


def test_a_server_that_is_away_for_a_while_is_said_and_forgotten(timed: Page, api: Api) -> None:
    page = timed
    api.operator.pipeline.runs = [run("now", "running", [step(RUN_STEPS[0], "running")])]
    enter(page, PATH)
    expect(page.locator(".run")).to_have_count(1)
    api.failing.add(f"/api/v1/{RUNS}/now")
    page.clock.run_for(2_000)
    expect(page.locator("#view > [role=alert]")).to_contain_text("Too many requests")
    expect(page.locator(".run")).to_have_count(1)
    api.failing.clear()
    page.clock.run_for(2_000)
    expect(page.locator("#view > [role=alert]")).to_be_empty()


def test_a_run_says_what_came_of_it_in_words(hall: Page) -> None:
    first = steps(hall).first
    names, values = first.locator("dt").all_inner_texts(), first.locator("dd").all_inner_texts()
    shown = dict(zip(names, [re.sub(r"\s+", " ", value) for value in values], strict=True))
    assert shown["Searches"] == "48,210"
    assert shown["By kind"] == "answer 640 correction 12 retrieval 1,507"
    last = steps(hall).nth(3)
    assert last.locator("dd").all_inner_texts()[:5] == ["3,801", "4 s", "yes", "0.03142", "0.01204 to 0.05077"]
    assert "Why not passed" not in last.locator("dt").all_inner_texts()
    expect(first).to_contain_text("1 min 23 s")
    expect(hall.locator(".run summary").first).to_contain_text("took 6 min 40 s")
    expect(hall.locator(".run summary").first).to_contain_text("asked for by the operator")


def test_what_was_left_out_is_named_the_most_first_and_the_unknown_as_it_is(hall: Page) -> None:
    steps(hall).first.get_by_text("Left out: 46,860").click()
    rows = steps(hall).first.locator(".drops li")
    expect(rows.first).to_have_text("nobody rated or marked it44,102")
    expect(rows.nth(1)).to_have_text("testers, bots and API clients without the key2,274")
    expect(rows.last).to_have_text("solar_flare1")
    expect(rows).to_have_count(10)


def test_files_say_their_size_and_sum_and_can_be_fetched_while_they_are_there(hall: Page) -> None:
    steps(hall).first.get_by_text("Files (3)").click()
    rows = steps(hall).first.locator(".files li")
    expect(rows.first).to_contain_text("2,204 rows")
    expect(rows.first).to_contain_text("1.8 MB")
    expect(rows.first.locator("code")).to_have_text(f"{SHA[:12]}…")
    expect(rows.first.locator("code")).to_have_attribute("title", f"sha256 {SHA}")
    link = rows.first.get_by_role("link", name="Download finetuning.jsonl")
    path = f"/api/v1/{RUNS}/1a2b3c4d5e6f/artefacts/{RUN_STEPS[0]}/finetuning.jsonl"
    expect(link).to_have_attribute("href", path)
    expect(rows.nth(1)).to_contain_text("no longer there")
    expect(rows.nth(1).get_by_role("link")).to_have_count(0)


def test_a_failure_says_why_and_what_was_not_begun(hall: Page) -> None:
    broken = hall.locator(".run").nth(1)
    expect(broken.locator(".steps")).to_be_hidden()
    expect(broken.locator("summary").first).to_contain_text("failed")
    broken.locator("summary").first.click()
    rows = broken.locator(".steps > li")
    expect(rows.nth(1)).to_contain_text("the disk is full")
    expect(rows.nth(1)).to_contain_text("No space left on device")
    expect(rows.nth(2)).to_contain_text("not begun, because this failed: Made-up rows")


def test_a_run_is_stopped_after_a_question(page: Page, api: Api) -> None:
    api.operator.pipeline.runs = [run("now", "running", [step(name, "queued") for name in RUN_STEPS])]
    api.operator.pipeline.goes_on(doing="reading searches")
    enter(page, PATH)
    stop = page.get_by_role("button", name="Stop this run")
    stop.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The step at work stops within seconds")
    page.keyboard.press("Escape")
    expect(stop).to_be_focused()
    assert api.operator.changes == []
    stop.click()
    api.operator.refusal = problem(503, "not_ready", "Not ready yet", "Try again in a few seconds.")
    dialog.get_by_role("button", name="Stop this run").click()
    expect(page.locator(".run [role=alert]")).to_contain_text("Try again in a few seconds.")
    stop.click()
    dialog.get_by_role("button", name="Stop this run").click()
    expect(page.locator(".run").first).to_contain_text("The run is being stopped.")
    expect(stop).to_be_hidden()
    expect(page.locator(".run summary").first).to_be_focused()
    expect(steps(page).nth(1).locator(".badge")).to_have_text("cancelled")
    assert [path for _, path, _ in api.operator.changes] == [f"{RUNS}/now/cancel"] * 2
    api.operator.pipeline.ends("cancelled")
    expect(page.locator(".run summary").first).to_contain_text("cancelled")
    expect(page.get_by_text("The run is being stopped.")).to_be_hidden()


def test_without_a_queue_the_run_names_its_command(page: Page, api: Api) -> None:
    api.operator.pipeline.queue = False
    enter(page, PATH)
    expect(page.locator(".start")).to_contain_text("There is no task queue here")
    page.get_by_role("button", name="Start a whole run").click()
    expect(page.locator(".run code").last).to_have_text("toolscout train --resume run0")


def test_earlier_runs_come_in_pages(page: Page, api: Api) -> None:
    some = [run(f"run{n:02}", "done", [done(RUN_STEPS[0])], created_at=AT - n) for n in range(13)]
    api.operator.pipeline.runs = some
    enter(page, PATH)
    expect(page.locator(".run")).to_have_count(10)
    page.get_by_role("button", name="Earlier runs").click()
    expect(page.locator(".run")).to_have_count(13)
    expect(page.locator(".run summary h2").nth(10)).to_contain_text("run10")
    expect(page.locator(".run").nth(10).locator("summary").first).to_be_focused()
    expect(page.get_by_role("button", name="Earlier runs")).to_be_hidden()


def test_the_language_changes_while_a_run_works(page: Page, api: Api) -> None:
    api.operator.pipeline.runs = [run("now", "running", [step(RUN_STEPS[0], "running", doing="measuring mldr")])]
    enter(page, PATH)
    expect(page.get_by_role("progressbar", name="measuring mldr")).to_be_visible()
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("h1")).to_have_text("학습")
    expect(page.get_by_role("progressbar", name="mldr(으)로 측정하는 중")).to_be_visible()
    expect(page.locator(".run summary .badge")).to_have_text("진행 중")
    expect(page.get_by_role("button", name="전체 실행 시작")).to_have_attribute("aria-disabled", "true")


def test_every_word_is_there_in_both_languages_and_every_step_has_some(page: Page, api: Api) -> None:
    enter(page, PATH)
    english, korean = page.evaluate(WORDS)
    # What is English anyway needs no words: a figure's name, or what the trainer says.
    own = ("figureNames.", "figureValues.", "doing")
    assert [name for name in english if not name.startswith(own) and name not in korean] == []
    assert [name for name in korean if not name.startswith(own) and name not in english] == []
    assert {name for name in english if name.startswith("figure")} <= set(korean)
    assert [name for name in RUN_STEPS if f"trainSteps.{name}" not in english] == []


def test_the_page_fits_a_phone_in_korean(phone: Page, api: Api) -> None:
    api.operator.pipeline.runs = [whole("a-name-that-does-not-end-so-soon-2026-11-25-a"), failed()]
    enter(phone, PATH)
    expect(phone.locator("h1")).to_have_text("학습")
    phone.locator(".run").nth(1).locator("summary").first.click()
    for summary in phone.locator(".start summary").all():
        summary.click()
    for summary in phone.locator(".steps summary").all():
        summary.click()
    expect(phone.locator(".drops").first).to_contain_text("테스터, 봇, 키 없는 API 클라이언트")
    expect(phone.locator(".run").nth(1)).to_contain_text("디스크가 가득 찼습니다")
    assert phone.evaluate(WIDE) == 0
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("h1")).to_have_text("Training")
    assert phone.evaluate(WIDE) == 0


def test_a_whole_run_may_crawl_first_and_the_next_start_is_said(page: Page, api: Api) -> None:
    enter(page, PATH)
    start = page.locator(".start")
    expect(start).to_contain_text("The next run starts by itself on Nov 26, 2025")
    expect(start).to_contain_text("or when there are 500 new ratings (now 12).")
    page.get_by_text("Options").click()
    page.get_by_label("Fetch pages that are old first").check()
    page.get_by_role("button", name="Start a whole run").click()
    expect(page.locator(".run").first).to_be_visible()
    assert api.operator.changes == [("POST", RUNS, {"kind": "full", "seed": 0, "source": "catalogue"})]


@pytest.mark.parametrize(
    ("following", "said"),
    [
        ({"ratings": 0, "at": None, "of": 500}, "Nobody has rated anything since the last run"),
        ({"ratings": 3, "at": None, "of": 0}, "Runs do not start by themselves"),
        ({"ratings": 3, "at": None, "of": 9}, "by itself when there are 9 new ratings (now 3)."),
    ],
)
def test_when_no_run_starts_by_itself_the_page_says_why(page: Page, api: Api, following: dict, said: str) -> None:
    api.operator.pipeline.next = following
    enter(page, PATH)
    expect(page.locator(".start")).to_contain_text(said)
