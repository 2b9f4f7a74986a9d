"""The operator's page on models in a real Chromium: what was trained, where it serves, and two of it side by side."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.services.gateway.double import Api
from tests.services.gateway.operator_double import problem
from tests.services.gateway.pipeline_double import AT
from tests.services.gateway.registry_double import DAY, adapter, comparing, several
from tests.services.gateway.visit import WIDE, enter

PATH = "/admin/models"
QUESTIONS = ("remove the background of a photo", "회의 녹음을 받아 적는 도구", "invoices into my accounts")
WORDS = """async () => {
  const names = (words, at = "") => Object.entries(words).flatMap(([name, value]) =>
    value && value.constructor === Object ? names(value, `${at}${name}.`) : [`${at}${name}`]);
  const read = async (name) => names((await import(`/static/lang/${name}.js`)).default);
  return [await read("en-registry"), await read("ko-registry")];
}"""


@pytest.fixture
def hall(page: Page, api: Api) -> Page:
    """The page with adapters of both kinds and three questions."""
    api.operator.registry.items = several()
    api.operator.registry.keep(*QUESTIONS)
    enter(page, PATH)
    expect(page.locator(".adapter")).to_have_count(6)
    return page


def kind(page: Page, name: str) -> Locator:
    return page.locator("section.kind").filter(has=page.get_by_role("heading", level=2, name=name, exact=True))


def card(page: Page, name: str) -> Locator:
    return page.locator(".adapter").filter(has=page.get_by_role("heading", level=3, name=name, exact=True))


def test_an_empty_page_says_what_makes_the_first(page: Page, api: Api) -> None:
    enter(page, PATH)
    expect(page.locator("h1")).to_have_text("Models")
    expect(page.get_by_role("link", name="Models")).to_have_attribute("aria-current", "page")
    for name in ("Language model", "Search"):
        expect(kind(page, name)).to_contain_text("There is no adapter yet.")
        expect(kind(page, name).get_by_role("link")).to_have_attribute("href", "/admin/pipeline")
    expect(page.get_by_text("No question is saved yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Compare")).to_have_count(0)


def test_each_adapter_says_where_it_serves_and_what_its_gate_said(hall: Page) -> None:
    expect(card(hall, "000000aaaaaa").locator(".badge")).to_have_text(["serves stable", "passed its gate"])
    expect(card(hall, "1a2b3c4d5e6f").locator(".badge")).to_have_text(["serves candidate", "passed its gate"])
    expect(card(hall, "9f8e7d6c5b4a").locator(".badge")).to_have_text(["not judged yet"])
    expect(card(hall, "half").locator(".badge")).to_have_text(["broken"])
    expect(card(hall, "first").locator(".badge")).to_have_text(["serves stable", "serves candidate", "passed its gate"])
    facts = card(hall, "1a2b3c4d5e6f").locator("summary .where").first
    expect(facts).to_contain_text("Nov 26, 2025")
    expect(facts).to_contain_text("score +0.268 (+0.214 to +0.32)")
    expect(facts).to_contain_text("661 rows")
    expect(facts).to_contain_text("HuggingFaceTB/SmolLM2-135M-Instruct")
    facts = card(hall, "77aa77aa77aa").locator("summary .where").first
    expect(facts).to_contain_text("nDCG@10 +0.004 (−0.011 to +0.018)")
    expect(facts).to_contain_text("on top of first")


def test_unfolded_by_keys_it_shows_its_report_its_card_and_its_files(hall: Page, api: Api) -> None:
    one = card(hall, "1a2b3c4d5e6f")
    one.locator("summary").first.focus()
    hall.keyboard.press("Enter")
    one.get_by_text("Report of its gate").click()
    table = one.get_by_role("group", name="Table").first.locator("table")
    expect(table.locator("thead th")).to_have_text(["rows", "without it", "with it", "gain", "95% interval"])
    expect(table.locator("tbody tr").first).to_contain_text("0.288 to 0.402")
    one.get_by_text("Card", exact=True).click()
    expect(one.get_by_role("heading", name="Adapter 1a2b3c4d5e6f")).to_be_visible()
    expect(one.locator(".points li")).to_have_text(
        ["Trained on 600 rows, seed 7.", '<b onclick="window.hurt=1">no markup</b>']
    )
    expect(one.locator("td", has_text="loss on 271 held-out rows")).to_be_visible()
    one.get_by_text("Files", exact=True).click()
    expect(one.locator(".files li").last).to_contain_text("1.1 kB")
    one.get_by_text("What it learnt from").click()
    expect(one.locator(".files li").first).to_contain_text("600 rows")
    assert api.asked[-1][0] == "/api/v1/adapters/lora/1a2b3c4d5e6f"


def test_what_is_broken_or_did_not_pass_says_why(hall: Page) -> None:
    card(hall, "half").locator("summary").first.click()
    expect(card(hall, "half")).to_contain_text("its weights are missing")
    expect(card(hall, "half")).to_contain_text("adapter.gguf is missing.")
    card(hall, "77aa77aa77aa").locator("summary").first.click()
    expect(card(hall, "77aa77aa77aa")).to_contain_text("the mean gain may be chance: its interval reaches zero")
    card(hall, "9f8e7d6c5b4a").locator("summary").first.click()
    expect(card(hall, "9f8e7d6c5b4a")).to_contain_text("No gate has judged it")


def test_what_a_pointer_names_and_is_not_there_is_said(page: Page, api: Api) -> None:
    gone = adapter("lost", "query", made_at=0, broken="gone", broken_detail="The pointer of stable names it.")
    api.operator.registry.items = [gone | {"gate": None, "base": None, "serves": ["stable"], "files": [], "data": {}}]
    enter(page, PATH)
    card(page, "lost").locator("summary").first.click()
    expect(card(page, "lost")).to_contain_text("a pointer names it, and it is not there")
    expect(page.get_by_role("button", name="Compare")).to_have_count(0)
    assert not any("adapters/query" in path for path, _ in api.asked)


def test_rankings_are_compared_at_one_click_with_the_moves_marked(hall: Page, api: Api) -> None:
    search = kind(hall, "Search")
    expect(search.get_by_role("combobox").first).to_have_value("")
    expect(search.get_by_role("combobox").last).to_have_value("77aa77aa77aa")
    search.get_by_role("button", name="Compare").click()
    expect(hall.locator("#news")).to_have_text("Both are compared.")
    body = {"kind": "query", "a": None, "b": "77aa77aa77aa"}
    assert api.operator.changes == [("POST", "adapters/compare", body)]
    expect(search).to_contain_text("The first five tools differ for 2 of 3 questions.")
    sides = search.locator(".asked").first.locator(".sides > section")
    expect(sides.first.locator("li").first).to_contain_text("Cleanvoice")
    expect(sides.first.locator("li").last).to_have_text("Ledgerly (opens in a new tab) ▼ drops out")
    expect(sides.last.locator(".move")).to_have_text(["▲ up 3", "▼ down 1", "▼ down 1", "▼ down 1", "✱ new"])
    expect(search.locator(".asked").nth(2)).to_be_hidden()
    search.get_by_text("The same five in the same order (1)").click()
    expect(search.locator(".asked").nth(2)).to_contain_text(QUESTIONS[1])


def test_stable_against_candidate_are_asked_and_followed_to_their_answers(timed: Page, api: Api) -> None:
    page, registry = timed, api.operator.registry
    registry.items = several()
    registry.keep(*QUESTIONS)
    enter(page, PATH)
    models = kind(page, "Language model")
    expect(models.get_by_role("combobox").first).to_have_value("000000aaaaaa")
    expect(models.get_by_role("combobox").last).to_have_value("1a2b3c4d5e6f")
    models.get_by_role("button", name="Compare").click()
    assert api.operator.changes[0][2] == {"kind": "lora", "a": "000000aaaaaa", "b": "1a2b3c4d5e6f"}
    expect(models.get_by_role("progressbar", name="loading base")).to_be_visible()
    expect(models).to_contain_text("A comparison is under way.")
    expect(models.get_by_role("heading", name="no adapter, the base alone → 1a2b3c4d5e6f")).to_be_visible()
    expect(models.locator(".run > p").first).to_have_text("seed 7")
    registry.pipeline.goes_on(doing="asking base", done=1, total=3)
    page.clock.run_for(2_000)
    expect(models.get_by_role("progressbar", name="asking base, 1 of 3")).to_be_visible()
    registry.ends()
    page.clock.run_for(2_000)
    expect(page.locator("#news")).to_have_text("The comparison is done.")
    expect(models.get_by_role("progressbar")).to_have_count(0)
    rows = models.locator("table.both tbody tr")
    expect(rows.first).to_have_text("Answers that hold0%50%")
    expect(rows.nth(1)).to_have_text("Support of their sentences, mean–94%")
    first, second = models.locator(".asked").first.locator(".sides > section").all()
    expect(first).to_contain_text("would not be shown: its passages do not support it")
    expect(first.locator("blockquote")).to_have_text("Photomagic paints seventeen castles on the moon.")
    expect(second.locator(".cited li")).to_have_text("[1] Snipper: It removes the background of a photo in one click.")
    expect(second).to_contain_text("support 0.94")
    nothing = models.locator(".asked").nth(1)
    expect(nothing).to_contain_text("Visitors are told that nothing fits this question.")
    expect(nothing.locator(".badge")).to_have_text(["no answer came", "says that nothing fits"])
    expect(models.get_by_role("button", name="Compare")).to_have_attribute("aria-disabled", "false")


def test_the_last_comparison_is_there_after_a_reload(hall: Page, api: Api) -> None:
    api.operator.pipeline.runs = [comparing()]
    api.operator.registry.ends()
    hall.reload()
    expect(kind(hall, "Language model").locator(".asked")).to_have_count(2)


def test_a_comparison_is_stopped_and_a_failure_says_what_to_do(hall: Page, api: Api) -> None:
    models = kind(hall, "Language model")
    models.get_by_role("button", name="Compare").click()
    models.get_by_role("button", name="Stop this run").click()
    hall.get_by_role("dialog").get_by_role("button", name="Stop this run").click()
    expect(models).to_contain_text("The run is being stopped.")
    why = {"reason": "served_elsewhere", "detail": "Unset LLM_API_BASE to compare adapters of the embedded model."}
    api.operator.pipeline.runs[0] = comparing("failed", **why)
    expect(models).to_contain_text("the language models are served elsewhere")
    expect(models).to_contain_text("Unset LLM_API_BASE")
    expect(models.get_by_role("button", name="Compare")).to_have_attribute("aria-disabled", "false")


def test_what_is_refused_is_shown_where_it_was_asked_for(hall: Page, api: Api) -> None:
    api.operator.refusal = problem(409, "run_open", "Run other has not ended yet.", "Wait for its end, or cancel it.")
    models = kind(hall, "Language model")
    models.get_by_role("button", name="Compare").click()
    expect(models.locator("form [role=alert]")).to_contain_text("Wait for its end, or cancel it.")
    expect(models.get_by_role("button", name="Compare")).to_have_attribute("aria-disabled", "false")


def test_two_others_are_chosen_but_never_the_same_or_a_broken_one(hall: Page, api: Api) -> None:
    models = kind(hall, "Language model")
    assert "half" not in models.get_by_role("combobox").first.inner_text()
    models.get_by_role("combobox").last.select_option("000000aaaaaa")
    expect(models).to_contain_text("Choose two different ones.")
    models.get_by_role("button", name="Compare").press("Enter")
    assert api.operator.changes == []
    models.get_by_role("combobox").first.select_option("no adapter, the base alone")
    hall.get_by_role("button", name="한국어").click()
    korean = kind(hall, "언어 모델")
    expect(korean.get_by_role("combobox").first).to_have_value("")
    expect(korean.get_by_role("combobox").last).to_have_value("000000aaaaaa")
    with hall.expect_request("**/compare"):
        korean.get_by_role("button", name="비교").click()
    expect(korean.get_by_role("button", name="비교")).to_be_visible()
    assert api.operator.changes[0][2] == {"kind": "lora", "a": None, "b": "000000aaaaaa"}


def test_questions_are_saved_and_removed(page: Page, api: Api) -> None:
    api.operator.registry.items = several()
    enter(page, PATH)
    expect(kind(page, "Search")).to_contain_text("There is no saved question to compare on.")
    text = page.get_by_label("Question")
    text.fill("  remove noise  ")
    text.press("Enter")
    expect(page.locator("#news")).to_have_text("Saved.")
    expect(text).to_have_value("")
    expect(text).to_be_focused()
    expect(kind(page, "Search").get_by_role("button", name="Compare")).to_have_attribute("aria-disabled", "false")
    text.fill("Remove noise")
    text.press("Enter")
    expect(page.locator("#news")).to_have_text("That question is saved already.")
    expect(page.locator(".kept li")).to_have_count(1)
    page.get_by_role("button", name="Remove: remove noise").click()
    expect(page.locator(".kept li")).to_have_count(0)
    expect(page.get_by_role("heading", name="Saved questions")).to_be_focused()
    assert [(method, path) for method, path, _ in api.operator.changes] == [
        ("POST", "questions"),
        ("POST", "questions"),
        ("DELETE", "questions/1"),
    ]
    api.operator.refusal = problem(409, "too_many_questions", "50 questions are kept already.", "Remove one.")
    text.fill("one more")
    text.press("Enter")
    expect(page.locator("form [role=alert]").last).to_contain_text("Remove one.")
    expect(text).to_have_value("one more")


def test_another_adapter_is_seen_while_what_is_open_stays(timed: Page, api: Api) -> None:
    page, registry = timed, api.operator.registry
    registry.items = several()
    enter(page, PATH)
    one = card(page, "1a2b3c4d5e6f")
    one.locator("summary").first.click()
    one.get_by_text("Card", exact=True).click()
    registry.items.insert(0, adapter("newest", "lora", made_at=AT + 20 * DAY))
    with page.expect_response("**/api/v1/adapters"):
        page.clock.run_for(20_000)
    expect(page.locator(".adapter")).to_have_count(7)
    expect(one.get_by_role("heading", name="Adapter 1a2b3c4d5e6f")).to_be_visible()
    expect(one.get_by_text("Card", exact=True)).to_be_focused()


def test_every_word_is_there_in_both_languages(page: Page, api: Api) -> None:
    enter(page, PATH)
    english, korean = page.evaluate(WORDS)
    own = ("figureNames.", "doing.")
    assert [name for name in english if not name.startswith(own) and name not in korean] == []
    assert [name for name in korean if not name.startswith(own) and name not in english] == []
    assert {name for name in english if name.startswith("figureNames.")} <= set(korean)


def test_the_page_fits_a_phone_in_korean(phone: Page, api: Api) -> None:
    api.operator.registry.items = several()
    api.operator.registry.keep("x" * 400, *QUESTIONS)
    api.operator.pipeline.runs = [comparing()]
    api.operator.registry.ends()
    enter(phone, PATH)
    expect(phone.locator("h1")).to_have_text("모델")
    for name in ("1a2b3c4d5e6f", "77aa77aa77aa"):
        card(phone, name).locator("summary").first.click()
        expect(card(phone, name).get_by_text("관문 보고서")).to_be_visible()
        for summary in card(phone, name).locator(".more summary").all():
            summary.click()
    kind(phone, "검색").get_by_role("button", name="비교").click()
    expect(phone.locator(".sides")).to_have_count(6)
    assert phone.evaluate(WIDE) == 0
    first, second = (one.bounding_box() for one in phone.locator(".sides").first.locator("section").all())
    assert first and second and first["x"] == second["x"] and first["y"] < second["y"]
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("h1")).to_have_text("Models")
    assert phone.evaluate(WIDE) == 0
