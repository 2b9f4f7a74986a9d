"""The page of the search in a real Chromium; only the API behind it is canned."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.services.gateway.double import EVIL, Api


def search(page: Page, query: str) -> None:
    page.goto("/")
    page.locator("#q").fill(query)
    page.locator("#q").press("Enter")
    expect(page.locator("#status")).to_have_text("10 results")


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_search_shows_results_and_stands_in_the_address(page: Page, api: Api) -> None:
    search(page, "remove noise")
    body = api.bodies("/api/v1/search")[0]
    no_filters: dict[str, list[str]] = {"category": [], "pricing": []}
    asked = {"query": "remove noise", "limit": 10, "offset": 0, "filters": no_filters}
    assert body == asked | {"answer": True, "stream": True}
    assert page.url.endswith("/?q=remove+noise")
    first = page.locator("article").first
    expect(first.locator("h3 a[rel='noopener noreferrer']")).to_have_attribute("href", "https://cleanvoice.example/")
    expect(first.locator(".badge")).to_have_text(["Audio", "Free plan"])
    assert first.locator("li").first.locator("mark").all_inner_texts() == ["removes", "noise"]
    page.locator("#q").fill("other")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/?q=other")
    page.go_back()
    expect(page.locator("#q")).to_have_value("remove noise")


def test_a_link_searches_at_once_and_filters_narrow_and_slash_leads_back(page: Page, api: Api) -> None:
    page.goto("/?q=noise")
    expect(page.locator("#q")).to_be_focused()
    page.get_by_label("Category").select_option("audio")
    page.wait_for_url("**/?q=noise&category=audio")
    expect(page.locator("article")).to_have_count(10)
    assert api.bodies("/api/v1/search")[-1]["filters"] == {"category": ["audio"], "pricing": []}
    page.locator("#language").focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("noise")


def test_more_results_go_on_where_the_first_ended(page: Page, api: Api) -> None:
    search(page, "noise")
    page.locator("article details summary").first.click()
    page.get_by_role("button", name="More results").click()
    expect(page.locator("article")).to_have_count(15)
    expect(page.locator("#more")).to_be_hidden()
    expect(page.locator("article details").first).to_have_attribute("open", "")
    body = api.bodies("/api/v1/search")[-1]
    assert (body["offset"], body["answer"], body["stream"]) == (10, False, False)
    with page.expect_response("**/api/v1/feedback"):
        page.locator("article").nth(12).get_by_role("button", name="Not helpful").click()
    assert api.bodies("/api/v1/feedback") == [{"search_id": "s-noise-10", "rating": "down", "tool_id": 13}]


def test_a_citation_opens_its_passage(page: Page) -> None:
    search(page, "noise")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("in the pages' own words")
    # A quoted [9] is no citation.
    expect(answer.locator(".cite")).to_have_text(["[1]", "[2]"])
    answer.locator(".cite").nth(1).click()
    passage = page.locator("#passage-101")
    expect(passage.locator("details")).to_have_attribute("open", "")
    expect(passage).to_be_focused()
    expect(passage).to_have_class("cited")
    expect(passage).to_be_in_viewport()


def test_thumbs_rate_the_answer_and_its_results(page: Page, api: Api) -> None:
    search(page, "noise")
    page.get_by_role("button", name="Helpful: Answer", exact=True).click()
    result = page.locator("article").first
    up, down = (result.locator(f".thumb.{rating}") for rating in ("up", "down"))
    up.click()
    expect(result.locator(".news")).to_have_text("Thank you, noted.")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(result.locator(".news")).to_have_text("Thank you, noted.")
    assert api.bodies("/api/v1/feedback") == [
        {"search_id": "s-noise-0", "rating": "up"},
        {"search_id": "s-noise-0", "rating": "up", "tool_id": 1},
        {"search_id": "s-noise-0", "rating": "down", "tool_id": 1},
    ]
    api.failing.add("/api/v1/feedback")
    up.click()
    expect(result.locator(".news")).to_contain_text("That was not stored · Too many requests")
    expect(down).to_have_attribute("aria-pressed", "true")


def test_opening_a_result_is_noted(page: Page, api: Api) -> None:
    search(page, "noise")
    with page.expect_response("**/api/v1/click"), page.expect_popup() as popup:
        page.locator("article").nth(2).locator("h3 a").click()
    popup.value.close()
    assert api.bodies("/api/v1/click") == [{"search_id": "s-noise-0", "tool_id": 3, "position": 2}]


def test_what_pages_say_stays_text(page: Page) -> None:
    search(page, "onerror img")
    evil = page.locator("article").nth(1)
    expect(evil.locator("h3, .summary")).to_have_text([EVIL, EVIL])
    expect(evil.locator("h3 a")).to_have_count(0)
    expect(page.locator("main img, main script, a[href^='javascript']")).to_have_count(0)
    assert page.evaluate("window.hurt") is None


def test_an_older_answer_never_covers_a_newer_one_that_nothing_fits(page: Page, api: Api) -> None:
    page.goto("/")
    page.locator("#q").fill("slow")
    page.locator("#q").press("Enter")
    page.locator("#q").fill("nothing")
    page.locator("#q").press("Enter")
    expect(page.locator("#answer")).to_contain_text("Nothing in the catalogue fits that.")
    api.slow.set()
    page.wait_for_timeout(300)
    expect(page.locator("#results h2")).to_have_text("Nearest results")


def test_errors_come_with_their_remedy(page: Page, api: Api) -> None:
    api.failing.add("/api/v1/search")
    page.goto("/?q=noise")
    box = page.locator("#problem")
    for text in ("Too many requests", "The limit is 120/minute.", "Wait a minute."):
        expect(box).to_contain_text(text)
    page.route("**/api/v1/search", lambda route: route.abort())
    box.get_by_role("button", name="Try again").click()
    expect(box).to_contain_text("The server does not answer.")
    page.unroute("**/api/v1/search")
    api.failing.clear()
    box.get_by_role("button", name="Try again").click()
    expect(page.locator("article")).to_have_count(10)
    expect(box).to_be_empty()


def test_an_empty_catalogue_says_what_to_do_and_pages_are_added(page: Page, api: Api) -> None:
    api.total = 0
    page.goto("/")
    expect(page.locator("#welcome")).to_contain_text("The catalogue is empty")
    page.locator("#welcome").get_by_role("button", name="Add pages").click()
    page.get_by_label("Addresses of tools' pages").fill("a.example\n\n  https://b.example \na.example")
    api.total = 14
    page.locator("#add-form button").click()
    expect(page.locator("#job-status")).to_have_text("0 of 2 pages done")
    expect(page.locator("#job-status")).to_have_text("Finished: 1 of 2 pages can be searched")
    assert api.bodies("/api/v1/process_url") == [{"urls": ["https://a.example", "https://b.example"]}]
    expect(page.locator("#job-urls .good")).to_have_text("https://a.examplesearchable")
    expect(page.locator("#job-urls .bad")).to_contain_text("failed – the site asks robots to stay away")
    page.keyboard.press("Escape")
    expect(page.locator("#welcome")).to_contain_text("14 tools")


def test_korean_on_a_phone_fits_its_width(phone: Page) -> None:
    phone.goto("/")
    expect(phone.locator("html")).to_have_attribute("lang", "ko")
    expect(phone.locator("#search button")).to_have_text("검색")
    phone.locator("#q").fill("회의록 정리")
    phone.locator("#q").press("Enter")
    expect(phone.locator("#status")).to_have_text("결과 10개")
    expect(phone.locator("#answer")).to_contain_text("페이지의 문장 그대로")
    assert phone.locator("article").nth(2).locator("mark").all_inner_texts() == ["회의록", "정리"]
    expect(phone.locator("article").nth(2).locator(".badge")).to_have_text(["데이터"])
    assert overflow(phone) == 0
    phone.locator("#open-add").click()
    expect(phone.locator("#add h2")).to_have_text("페이지 추가")
    assert overflow(phone) == 0
    phone.keyboard.press("Escape")
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("#status")).to_have_text("10 results")
    assert overflow(phone) == 0


def test_the_language_is_switched_and_remembered_and_both_say_the_same(page: Page) -> None:
    search(page, "noise")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("#status")).to_have_text("결과 10개")
    page.reload()
    expect(page.locator("#results h2")).to_have_text("검색 결과")
    expect(page.get_by_role("button", name="English")).to_be_visible()
    keys = """async () => {
      const flat = (words) => Object.entries(words).flatMap(([key, value]) =>
        value.constructor === Object && key !== "problems" ? Object.keys(value).map((k) => `${key}.${k}`) : [key]);
      const [en, ko] = await Promise.all(["en", "ko"].map((code) => import(`/static/lang/${code}.js`)));
      return [flat(en.default), flat(ko.default)];
    }"""
    english, korean = page.evaluate(keys)
    assert english == korean
