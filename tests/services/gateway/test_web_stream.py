"""Answers as they are written, in a real Chromium: streams that come slowly, break, stall and are left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, expect

from tests.services.gateway.double import CITATIONS, QUOTED, Api, Broken, beats, event

DRAFT = "Cleanvoice removes noise. [1] It is also a bicycle."
WRITTEN: dict[str, Any] = {"text": "Cleanvoice removes noise. [1]", "citations": CITATIONS[:1], "source": "llm"}
WRITTEN |= {"model": "SmolLM2-135M", "grounded": True, "support": 0.87, "dropped": 1, "reason": None}


class Writer:
    """A model's stream that goes on when a test lets it: results and some tokens first, then the rest or a break."""

    def __init__(self, draft: str = DRAFT, survey: bool = False, end: str = "whole", answer: Any = None) -> None:
        self.draft, self.survey, self.end, self.answer = draft, survey, end, answer or WRITTEN
        self.go_on = threading.Event()

    def __call__(self, found: dict[str, Any]) -> Iterator[bytes]:
        found.pop("answer")
        yield event("results", found | {"group": "candidate", "experiment": "exp-2"})
        for word in self.draft.split(" "):
            yield event("token", {"text": f"{word} "})
        yield from beats(self.go_on)
        if self.end == "broken":
            raise Broken
        if self.end == "whole":
            timings = {"total": 2210.4, "first_token": 143.2}
            yield event("answer", self.answer)
            yield event("done", {"search_id": found["search_id"], "timings_ms": timings, "survey": self.survey})


def written(page: Page, api: Api, **values: Any) -> Writer:
    """Searches and waits until the first words are there."""
    api.script = writer = Writer(**values)
    page.goto("/?q=noise")
    expect(page.locator("#answer .draft")).to_contain_text("Cleanvoice")
    return writer


def test_results_come_at_once_and_the_answer_as_it_is_written(page: Page, api: Api) -> None:
    writer = written(page, api)
    answer = page.locator("#answer")
    expect(page.locator("article")).to_have_count(10)
    expect(answer).to_contain_text("not checked yet")
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(page.locator("#answer-news")).to_have_text("The answer is being written…")
    expect(answer.locator(".draft")).to_have_text(DRAFT)
    # Nothing that changes with each word is read out.
    expect(page.locator("#answer[aria-live], #answer [aria-live], #answer .draft[role]")).to_have_count(0)
    writer.go_on.set()
    expect(page.locator("#answer-news")).to_have_text("The answer is ready.")
    expect(answer).not_to_contain_text("bicycle")
    expect(answer).not_to_contain_text("not checked yet")
    expect(answer).to_contain_text("written by SmolLM2-135M from the passages it cites")
    expect(answer).not_to_have_attribute("aria-busy", "true")
    answer.locator(".cite").click()
    expect(page.locator("#passage-100")).to_be_focused()


def test_results_stay_where_they_are_while_the_answer_comes(page: Page, api: Api) -> None:
    watch = """() => new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) window.shifted = (window.shifted ?? 0) + shift.value;
    }).observe({ type: "layout-shift", buffered: false })"""
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        writer = written(page, api)
        page.wait_for_timeout(100)
        page.evaluate(watch)
        before = page.locator("article").first.bounding_box()
        writer.go_on.set()
        expect(page.locator(".about")).to_be_visible()
        page.wait_for_timeout(100)
        assert page.locator("article").first.bounding_box() == before
        assert page.evaluate("window.shifted ?? 0") < 0.01
    page.set_viewport_size({"width": 1280, "height": 720})


def test_how_an_answer_came_about_is_told_to_who_asks(page: Page, api: Api) -> None:
    writer = written(page, api)
    writer.go_on.set()
    facts = page.locator(".about dl")
    expect(facts).to_be_hidden()
    page.get_by_text("About this answer").click()
    shown = dict(zip(facts.locator("dt").all_inner_texts(), facts.locator("dd").all_inner_texts(), strict=True))
    assert shown == {
        "Source": "written by a language model",
        "Model": "SmolLM2-135M",
        "Group": "candidate",
        "Experiment": "exp-2",
        "Supported by its passages": "87%",
        "Sentences taken out as unsupported": "1",
        "First words after": "143 ms",
        "Whole answer after": "2,210 ms",
        "Search": "s-noise-0",
    }


def test_why_the_pages_are_quoted_is_told_in_both_languages(page: Page, api: Api) -> None:
    writer = written(page, api, answer=QUOTED | {"reason": "ungrounded"})
    writer.go_on.set()
    expect(page.locator(".about")).to_contain_text("its passages did not support what the model wrote")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator(".about")).to_contain_text("모델이 쓴 내용을 구절이 뒷받침하지 않았습니다")


def test_a_stream_that_breaks_keeps_the_results_and_is_asked_for_again(page: Page, api: Api) -> None:
    for end in ("broken", "ended too soon"):
        writer = written(page, api, end=end)
        writer.go_on.set()
        answer = page.locator("#answer")
        expect(answer).to_contain_text("The answer was cut off.")
        expect(page.locator("#answer-news")).to_have_text("The answer was cut off.")
        expect(answer).to_contain_text("not checked yet")
        expect(page.locator("article")).to_have_count(10)
        expect(page.locator("#problem")).to_be_empty()
        api.script = again = Writer()
        again.go_on.set()
        answer.get_by_role("button", name="Try again").click()
        expect(page.locator(".about")).to_be_visible()
        expect(answer).to_be_focused()
        expect(page.locator("article")).to_have_count(10)
        expect(page.locator("#answer-news")).to_have_text("The answer is ready.")


def test_a_stream_that_stalls_is_given_up_but_a_slow_one_is_not(timed: Page, api: Api) -> None:
    page = timed
    silent = threading.Event()

    def stalls(found: dict[str, Any]) -> Iterator[bytes]:
        found.pop("answer")
        yield event("results", found) + event("token", {"text": DRAFT})
        silent.wait(10)

    writer = written(page, api)
    for _ in range(6):
        page.clock.run_for(10_000)
        time.sleep(0.5)  # its heartbeats come meanwhile, also on a busy machine
    expect(page.locator("#answer")).to_contain_text("The answer is being written…")
    writer.go_on.set()
    expect(page.locator(".about")).to_be_visible()
    api.script = stalls
    page.goto("/?q=other")
    expect(page.locator("#answer .draft")).to_have_text(DRAFT)
    page.clock.run_for(19_000)
    expect(page.locator("#answer")).to_contain_text("The answer is being written…")
    page.clock.run_for(2_000)
    expect(page.locator("#answer")).to_contain_text("The answer was cut off.")
    silent.set()


def test_a_new_search_makes_the_server_stop_writing(page: Page, api: Api) -> None:
    written(page, api)
    api.script = api.whole
    page.locator("#q").fill("other")
    page.locator("#q").press("Enter")
    assert api.left.wait(20)
    expect(page.locator("#answer")).to_contain_text("in the pages' own words")
    expect(page.locator("#answer")).not_to_contain_text("bicycle")


def test_more_results_come_while_the_answer_is_written(page: Page, api: Api) -> None:
    writer = written(page, api)
    page.get_by_role("button", name="More results").click()
    expect(page.locator("article")).to_have_count(15)
    expect(page.locator("#answer .draft")).to_have_text(DRAFT)
    writer.go_on.set()
    expect(page.locator(".about")).to_be_visible()
    assert not api.left.is_set()


def test_what_a_model_writes_stays_text_and_the_language_may_change_meanwhile(page: Page, api: Api) -> None:
    evil = "Cleanvoice <img src=x onerror='window.hurt=1'> [1]"
    writer = written(page, api, draft=evil, answer=WRITTEN | {"text": evil})
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("#answer")).to_contain_text("답변을 작성하는 중…")
    expect(page.locator("#answer .draft")).to_have_text(evil)
    writer.go_on.set()
    expect(page.locator("#answer .line")).to_have_text(evil)
    expect(page.locator("main img")).to_have_count(0)
    assert page.evaluate("window.hurt") is None


def test_a_stream_without_results_is_a_problem(page: Page, api: Api) -> None:
    api.script = lambda found: iter([event("results", found)[:20]])
    page.goto("/?q=noise")
    expect(page.locator("#problem")).to_contain_text("The server's answer cannot be read.")
    api.script = api.whole
    page.locator("#problem").get_by_role("button", name="Try again").click()
    expect(page.locator("article")).to_have_count(10)


def test_events_are_read_however_the_bytes_are_cut(page: Page) -> None:
    page.goto("/")
    source = '\ufeff: alive\r\nevent: token\r\ndata: {"text":\r\ndata: "회의록 😀"}\r\n\r\n:\n\n'
    source += "data:x\n\nevent: 끝\rdata: 1\r\r\nevent: lost\ndata: no blank line follows"
    read = """async (source) => {
      const { readEvents } = await import("/static/sse.js");
      const bytes = new TextEncoder().encode(source);
      const found = new Set();
      for (let size = 1; size <= bytes.length; size++) {
        const cut = [];
        for (let at = 0; at < bytes.length; at += size) cut.push(bytes.slice(at, at + size));
        const stream = new ReadableStream({ start(to) { cut.forEach((part) => to.enqueue(part)); to.close(); } });
        const events = [];
        for await (const event of readEvents(stream, 1000)) events.push(event);
        found.add(JSON.stringify(events));
      }
      return [...found].map(JSON.parse);
    }"""
    token = {"name": "token", "data": '{"text":\n"회의록 😀"}'}
    assert page.evaluate(read, source) == [[token, {"name": "message", "data": "x"}, {"name": "끝", "data": "1"}]]


def test_the_survey_is_asked_once_answered_by_keys_and_sent(page: Page, api: Api) -> None:
    written(page, api, survey=True).go_on.set()
    survey = page.get_by_role("region", name="One question")
    expect(survey.get_by_role("group", name="Did this find what you needed?")).to_be_visible()
    expect(survey.get_by_role("radio", name="1 – Not at all")).to_be_attached()
    survey.get_by_role("radio", name="5 – Completely").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    expect(survey.get_by_role("radio", name="4", exact=True)).to_be_checked()
    assert api.bodies("/api/v1/survey") == []
    page.get_by_role("button", name="한국어").click()
    expect(page.get_by_role("group", name="필요한 것을 찾으셨나요?").get_by_role("radio", name="4")).to_be_checked()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="보내기").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#survey")).to_have_text("의견을 저장했습니다.")
    assert api.bodies("/api/v1/survey") == [{"search_id": "s-noise-0", "score": 4}]
    expect(page.locator("#survey")).to_be_hidden()
    expect(page.locator("#results")).to_be_focused()


def test_the_survey_can_be_sent_away_and_a_new_search_ends_it(page: Page, api: Api) -> None:
    written(page, api, survey=True).go_on.set()
    api.failing.add("/api/v1/survey")
    survey = page.locator("#survey")
    survey.get_by_role("radio", name="2").check()
    survey.get_by_role("button", name="Send").click()
    expect(survey).to_contain_text("That was not stored · Too many requests")
    api.failing.clear()
    with page.expect_response("**/api/v1/survey"):
        survey.get_by_role("button", name="No, thanks").click()
    expect(survey).to_be_hidden()
    assert api.bodies("/api/v1/survey")[-1] == {"search_id": "s-noise-0", "score": None}
    written(page, api, survey=True).go_on.set()
    expect(survey).to_be_visible()
    api.script = api.whole
    page.locator("#q").fill("other")
    page.locator("#q").press("Enter")
    expect(survey).to_be_hidden()
    assert len(api.bodies("/api/v1/survey")) == 2


def test_korean_on_a_phone_fits_while_it_is_written_and_after(phone: Page, api: Api) -> None:
    text = "도우미는 회의록을 한국어로 정리합니다. [1]"
    cited = [{"n": 1, "chunk_id": 300, "tool_id": 3}]
    api.script = writer = Writer(draft=text, survey=True, answer=WRITTEN | {"text": text, "citations": cited})
    phone.goto("/?q=회의록")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    expect(phone.locator("#answer .draft")).to_have_text(text)
    expect(phone.locator("#answer")).to_contain_text("아직 확인 전")
    assert phone.evaluate(wide) == 0
    writer.go_on.set()
    expect(phone.locator("#survey")).to_contain_text("필요한 것을 찾으셨나요?")
    phone.get_by_text("이 답변에 대하여").click()
    expect(phone.locator(".about")).to_contain_text("언어 모델이 작성")
    assert phone.evaluate(wide) == 0
