"""The operator's pages in a real Chromium: log-in, the running experiment, missed questions."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.services.gateway.double import PROBLEM, Api
from tests.services.gateway.operator_double import KEY, experiment, problem
from tests.services.gateway.visit import WIDE, enter


@pytest.fixture
def lab(page: Page) -> Page:
    """The page of the experiments, logged in."""
    enter(page, "/admin")
    expect(page.locator(".experiment table")).to_be_visible()
    return page


@pytest.fixture
def desk_of_questions(page: Page) -> Page:
    enter(page, "/admin/missed")
    expect(page.locator(".miss")).to_have_count(20)
    return page


def cells(page: Page, row: str) -> list[str]:
    """What stands in a row of the running experiment, for stable and for the candidate."""
    return (
        page.locator(".experiment tr")
        .filter(has=page.get_by_role("rowheader", name=row, exact=True))
        .locator("td")
        .all_inner_texts()
    )


def asked(page: Page, button: str) -> Locator:
    page.locator(".steer").get_by_role("button", name=button).click()
    return page.get_by_role("dialog")


def test_the_footer_leads_to_the_login_and_only_the_key_opens(page: Page, api: Api) -> None:
    page.goto("/")
    page.get_by_role("link", name="Operator").click()
    expect(page.get_by_label("Admin key")).to_be_focused()
    page.keyboard.type("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("That is not the admin key")
    expect(page.get_by_role("alert").first).to_contain_text("Look at the log.")
    expect(page.get_by_label("Admin key")).to_be_focused()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.locator(".experiment")).to_contain_text("exp-2")
    expect(page.locator("#problem")).to_be_empty()
    expect(page.get_by_role("link", name="Experiments")).to_have_attribute("aria-current", "page")
    page.reload()
    expect(page.locator(".experiment")).to_contain_text("exp-2")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#login")).to_contain_text("You are logged out.")
    expect(page.locator("#view")).to_be_empty()


def test_a_login_that_ended_leads_to_the_form_and_back(lab: Page, api: Api) -> None:
    api.operator.open = False
    lab.locator(".steer").get_by_role("button", name="Apply").click()
    expect(lab.locator("#login")).to_contain_text("You are no longer logged in.")
    expect(lab.locator("#view")).to_be_hidden()
    lab.get_by_label("Admin key").fill(KEY)
    lab.keyboard.press("Enter")
    expect(lab.locator(".experiment table")).to_be_visible()
    expect(lab.locator("#main")).to_be_focused()


def test_both_arms_stand_side_by_side_with_what_their_figures_rest_on(lab: Page) -> None:
    assert cells(lab, "Model") == ["SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct-toolscout-2026-11-24"]
    assert cells(lab, "Sessions") == ["1,804", "12"]
    assert [re.sub(r"\s+", " ", cell) for cell in cells(lab, "Satisfaction")] == [
        "61% 56% to 67% 310 sessions rated",
        "– 0 sessions rated",
    ]
    assert [re.sub(r"\s+", " ", cell) for cell in cells(lab, "Survey")] == ["3.9 of 5 n = 44", "– n = 0"]
    assert cells(lab, "First words, median") == ["143 ms", "–"]
    expect(lab.locator(".experiment")).to_contain_text("Searches counted for neither arm: 7")


def test_figures_go_on_while_what_is_typed_stays(timed: Page, api: Api) -> None:
    lab = timed
    enter(lab, "/admin")
    lab.get_by_label("Share in percent").fill("35")
    lab.get_by_label("Note").first.fill("after the weekend")
    api.operator.experiments[0]["live"]["candidate"]["exposures"] = 99
    lab.clock.run_for(3_000)
    expect(lab.locator(".experiment")).to_contain_text("99")
    expect(lab.get_by_label("Note").first).to_be_focused()
    expect(lab.get_by_label("Share in percent")).to_have_value("35")
    api.failing.add("/api/v1/experiments")
    lab.clock.run_for(3_000)
    expect(lab.locator("#view > [role=alert]")).to_contain_text("Too many requests")
    expect(lab.locator(".experiment table")).to_be_visible()
    api.failing.clear()
    lab.clock.run_for(3_000)
    expect(lab.locator("#view > [role=alert]")).to_be_empty()


def test_nobody_asks_while_nobody_looks(timed: Page, api: Api) -> None:
    enter(timed, "/admin")
    expect(timed.locator(".experiment table")).to_be_visible()
    with timed.expect_response("**/api/v1/experiments"):
        timed.clock.run_for(3_000)
    timed.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false })")
    timed.evaluate("window.away = true")
    before = len(api.bodies("/api/v1/experiments"))
    for _ in range(4):
        timed.clock.run_for(3_000)
    assert len(api.bodies("/api/v1/experiments")) == before
    with timed.expect_response("**/api/v1/experiments", timeout=1_000):
        timed.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_the_share_is_chosen_by_keys_and_applied_with_a_note(lab: Page, api: Api) -> None:
    slider, number = lab.get_by_role("slider"), lab.get_by_label("Share in percent")
    expect(slider).to_have_value("10")
    slider.focus()
    lab.keyboard.press("ArrowRight")
    lab.keyboard.press("ArrowRight")
    expect(number).to_have_value("12")
    number.fill("25")
    expect(slider).to_have_value("25")
    lab.get_by_label("Note").first.fill("it does well")
    assert api.operator.changes == []
    lab.get_by_role("button", name="Apply").click()
    expect(lab.locator("#news")).to_have_text("Done.")
    assert api.operator.changes == [("PUT", "experiments/exp-2", {"share": 0.25, "note": "it does well"})]
    expect(lab.locator(".experiment")).to_contain_text("candidate for 25% of the sessions")
    expect(lab.locator(".experiment .rows").last.locator("li").first).to_contain_text("share25%it does well")
    expect(lab.get_by_label("Note").first).to_have_value("")
    number.fill("101")
    lab.get_by_role("button", name="Apply").click()
    assert len(api.operator.changes) == 1


def test_each_turn_of_an_experiment_is_explained_before_it_is_taken(lab: Page, api: Api) -> None:
    dialog = asked(lab, "Pause")
    expect(dialog).to_contain_text("Everybody is served by stable until you resume")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    lab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(lab.get_by_role("button", name="Pause")).to_be_focused()
    assert api.operator.changes == []
    asked(lab, "Pause").get_by_role("button", name="Pause").click()
    expect(lab.locator(".experiment .badge").first).to_have_text("paused")
    expect(lab.get_by_role("button", name="Resume")).to_be_focused()
    asked(lab, "Resume").get_by_role("button", name="Resume").click()
    expect(lab.locator(".experiment .badge").first).to_have_text("running")
    api.operator.refusal = problem(409, "conflict", "That contradicts what is there", "Wait for the judge.")
    dialog = asked(lab, "Promote")
    expect(dialog).to_contain_text("Everybody is served by the candidate from now on")
    dialog.get_by_role("button", name="Promote").click()
    expect(lab.locator(".steer [role=alert]")).to_contain_text("Wait for the judge.")
    asked(lab, "Promote").get_by_role("button", name="Promote").click()
    expect(lab.locator(".experiment .badge").first).to_have_text("promoted")
    expect(lab.locator(".steer button:visible")).to_have_text(["Roll back"])
    expect(lab.get_by_text("The candidate is promoted: everybody is served by it.")).to_be_focused()
    dialog = asked(lab, "Roll back")
    expect(dialog).to_contain_text("Everybody is served by stable from now on")
    dialog.get_by_role("button", name="Roll back").click()
    expect(lab.locator(".steer")).to_contain_text("This experiment has ended.")
    expect(lab.locator(".steer button:visible, .steer input:visible")).to_have_count(0)
    taken = ["pause", "resume", "promote", "promote", "rollback"]
    assert [body["action"] for _, _, body in api.operator.changes] == taken


def test_without_an_experiment_the_page_says_how_to_begin_one_and_shows_earlier_ones(page: Page, api: Api) -> None:
    api.operator.experiments[0] |= {"current": False}  # its candidate is gone, and it still says "running"
    enter(page, "/admin")
    expect(page.locator("#view")).to_contain_text("No experiment is under way")
    expect(page.locator("#view")).to_contain_text("LLM_API_BASE_NEW_MODEL")
    expect(page.locator(".steer")).to_have_count(0)
    expect(page.locator(".earlier")).to_have_count(2)
    expect(page.locator(".earlier table").first).to_be_hidden()
    page.locator(".earlier summary").first.click()
    expect(page.locator(".earlier table").first).to_be_visible()
    page.get_by_role("button", name="한국어").click()
    expect(page.get_by_role("heading", name="지난 실험")).to_be_visible()


def test_testers_get_a_link_or_are_named_and_can_be_removed(lab: Page, api: Api) -> None:
    testers = lab.locator(".testers")
    testers.get_by_text("Testers (0)").click()
    testers.get_by_label("Note").fill("Jimin")
    testers.get_by_role("button", name="Add tester").click()
    link = testers.get_by_label("Link for the tester")
    expect(link).to_have_value(re.compile(r"^http://127\.0\.0\.1:\d+/\?tester=signed\.token$"))
    testers.get_by_label("Arm").select_option("stable")
    testers.get_by_label("Session").fill("api:load-test")
    testers.get_by_role("button", name="Add tester").click()
    expect(testers.locator("li")).to_have_count(2)
    expect(link).to_have_count(0)
    testers.get_by_role("button", name="Remove tester api:load-test").click()
    expect(testers.locator("li")).to_have_count(1)
    expect(testers.locator("summary")).to_be_focused()
    assert api.operator.changes == [
        ("POST", "experiments/exp-2/testers", {"arm": "candidate", "note": "Jimin"}),
        ("POST", "experiments/exp-2/testers", {"arm": "stable", "session": "api:load-test"}),
        ("DELETE", "experiments/exp-2/testers/api%3Aload-test", None),
    ]


def test_missed_questions_show_what_was_asked_and_shown_and_come_in_pages(desk_of_questions: Page) -> None:
    page = desk_of_questions
    expect(page.locator("#view > .status")).to_have_text("23 questions")
    first = page.locator(".miss").first
    expect(first.locator(".badge")).to_have_text(["nothing fitted 3", "rated down 1"])
    first.get_by_text("What was asked and shown (1)").click()
    expect(first.locator("blockquote")).to_have_text("Nothing here fits that question.")
    expect(first.get_by_role("link", name="Cleanvoice")).to_have_attribute("href", "https://cleanvoice.example/")
    page.get_by_role("button", name="More questions").click()
    expect(page.locator(".miss")).to_have_count(23)
    expect(page.locator(".miss").nth(20)).to_be_focused()
    expect(page.get_by_role("button", name="More questions")).to_be_hidden()


def test_a_question_is_marked_with_a_tool_found_by_its_name(desk_of_questions: Page, api: Api) -> None:
    page, card = desk_of_questions, desk_of_questions.locator(".miss").nth(1)
    card.get_by_text("Mark", exact=True).click()
    card.get_by_label("There is a tool for it").check()
    card.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Choose a tool from the list, or give the address of a page.")
    box = card.get_by_role("combobox", name="Name of the tool")
    expect(box).to_be_focused()
    page.keyboard.type("tool")
    expect(card.get_by_role("option")).to_have_count(8)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = card.get_by_role("option", selected=True)
    expect(active).to_contain_text("Tool 5")
    expect(box).to_have_attribute("aria-activedescendant", active.get_attribute("id") or "")
    page.keyboard.press("Enter")
    expect(card.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("Tool 5")
    card.get_by_label("Note").fill("on its features page")
    card.get_by_role("button", name="Save").click()
    body = {"verdict": "should_find", "tool_id": 5, "note": "on its features page"}
    expect(card.locator(".mark")).to_contain_text("There is a tool for it")
    expect(card.locator(".mark").get_by_role("link", name="Tool 5")).to_be_visible()
    expect(page.locator("#view > .status")).to_have_text("22 questions")
    card.get_by_role("button", name="Take back").click()
    expect(page.locator("#view > .status")).to_have_text("23 questions")
    expect(card.get_by_text("Mark", exact=True)).to_be_focused()
    assert api.operator.changes == [("PUT", "missed/s2", body), ("DELETE", "missed/s2", None)]


def test_a_tool_typed_over_is_not_the_chosen_one_any_more(desk_of_questions: Page, api: Api) -> None:
    page, card = desk_of_questions, desk_of_questions.locator(".miss").nth(1)
    card.get_by_text("Mark", exact=True).click()
    card.get_by_label("There is a tool for it").check()
    box = card.get_by_role("combobox")
    box.press_sequentially("Clean")
    card.get_by_role("option", name="Cleanvoice").click()
    expect(box).to_have_value("Cleanvoice")
    box.fill("nothing of that name")
    expect(card.get_by_text("No tool of that name")).to_be_visible()
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Choose a tool from the list")
    card.get_by_label("or the address of a page").fill("https://new.example/tool")
    api.operator.refusal = (429, PROBLEM)
    card.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Wait a minute.")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("link", name="new.example/tool")).to_be_visible()
    assert api.operator.changes[-1][2] == {"verdict": "should_find", "url": "https://new.example/tool"}


def test_marked_questions_have_their_own_list_and_pages_go_on_after_marking(desk_of_questions: Page, api: Api) -> None:
    page = desk_of_questions
    for n, verdict in enumerate(("There is no such tool", "The answer was wrong")):
        card = page.locator(".miss").nth(n)
        card.get_by_text("Mark", exact=True).click()
        card.get_by_label(verdict).check()
        card.get_by_role("button", name="Save").click()
        expect(card.locator(".mark")).to_contain_text(verdict)
    page.get_by_role("button", name="More questions").click()
    expect(page.locator(".miss")).to_have_count(23)
    page.get_by_role("link", name="Marked").click()
    expect(page.locator(".miss")).to_have_count(2)
    expect(page.get_by_role("link", name="Marked")).to_have_attribute("aria-current", "page")
    page.locator(".miss").first.get_by_role("button", name="Take back").click()
    expect(page.locator("#view > .status")).to_have_text("1 question")
    api.operator.groups = []
    page.reload()
    expect(page.locator("#view")).to_contain_text("No question is marked yet.")


def test_the_operators_pages_fit_a_phone_in_korean(phone: Page, api: Api) -> None:
    api.operator.experiments[0]["current"] = False
    long = experiment("exp-with-a-name-that-does-not-end-so-soon-2026-11-25", "paused", 0.5, current=True)
    api.operator.experiments.insert(0, long)
    enter(phone, "/admin")
    expect(phone.locator("h1")).to_have_text("실험")
    expect(phone.locator(".experiment")).to_contain_text("일시 중지됨")
    phone.locator(".testers summary").click()
    phone.locator(".testers form button").click()
    expect(phone.get_by_label("테스터에게 보낼 링크")).to_be_visible()
    phone.locator(".earlier summary").first.click()
    assert phone.evaluate(WIDE) == 0
    asked(phone, "승격")
    assert phone.evaluate(WIDE) == 0
    phone.get_by_role("button", name="취소").click()
    phone.goto("/admin/missed")
    card = phone.locator(".miss").first
    expect(card.locator("h2")).to_contain_text("화자별로 나눈 다음")
    card.locator("summary").nth(0).click()
    card.get_by_text("표시하기").click()
    card.get_by_label("맞는 도구가 있음").check()
    assert phone.evaluate(WIDE) == 0
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("h1")).to_have_text("Missed questions")
    expect(phone.locator(".miss")).to_have_count(20)
    assert phone.evaluate(WIDE) == 0
