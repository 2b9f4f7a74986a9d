import json

import pytest

from services.processor.extract import extract


def price(body, head="", url="https://brushwork.example/"):
    fact = extract(f"<html><head>{head}</head><body>{body}</body></html>", url).facts.get("pricing")
    return fact.value if fact else None


def offers(stated):
    thing = {"@type": "SoftwareApplication", "name": "Brushwork", "offers": stated}
    return f"<script type='application/ld+json'>{json.dumps(thing)}</script>"


STATED = [
    ({"price": "0"}, "free"),
    ({"price": 12.5}, "paid"),
    ([{"price": "0"}, {"price": "1,200"}], "freemium"),
    ({"@type": "AggregateOffer", "lowPrice": "0", "highPrice": "49"}, "freemium"),
    ({"@type": "AggregateOffer", "lowPrice": "9"}, "paid"),
    ({"price": "ask us"}, None),
]


@pytest.mark.parametrize(("stated", "expected"), STATED)
def test_offers_are_read_from_json_ld(stated, expected):
    assert price("<p>Paints what you say.</p>", offers(stated)) == expected


def test_what_the_page_says_corrects_an_offer():
    assert price("<p>Pro costs $12 per month.</p>", offers({"price": 0})) == "freemium"
    assert price("<p>Start your free trial today.</p>", offers({"price": 12})) == "free_trial"
    assert price("<p>It is open source.</p>", offers({"price": 0})) == "free"


WRITTEN = [
    ("Basic: free plan. Pro: $12 / user / month.", "freemium"),
    ("Sign up for free and upgrade later.", "freemium"),
    ("무료로 시작하고 나중에 결제하세요.", "freemium"),
    ("Start free trial. Then $12 per month.", "free_trial"),
    ("Try Brushwork free for 14 days.", "free_trial"),
    ("Try it free.", "free_trial"),
    ("14일 무료 체험을 신청하세요.", "free_trial"),
    ("Plans from $25, billed each year.", "paid"),
    ("프로 요금제는 월 9,900원입니다.", "paid"),
    ("Contact sales. Book a demo.", "contact"),
    ("Request a free quote today.", "contact"),
    ("도입 문의를 남겨 주세요.", "contact"),
    ("Brushwork is completely free.", "free"),
    ("누구나 무료로 이용할 수 있습니다.", "free"),
    ("Released under the Apache 2.0 license.", "open_source"),
    ("브러시는 오픈소스입니다.", "open_source"),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_the_words_of_an_offer_say_how_a_tool_is_paid_for(text, expected):
    assert price(f"<p>{text}</p>") == expected


NO_OFFERS = [
    "Free shipping on orders over $40, and a toll-free number.",
    "Frees up your team, free from clutter and stress-free.",
    "We saved $2 million for a customer who raised $20M.",
    "Get a free consultation with our painters.",
    "We train open source models and open-source projects love us.",
    "Hop in when you're free.",
    "스트레스 없는 그림, 자유롭게 그리세요.",
]


@pytest.mark.parametrize("text", NO_OFFERS)
def test_a_price_that_is_none_is_not_given(text):
    assert price(f"<p>{text}</p>") is None


def test_buttons_make_offers_too():
    assert price("<nav><a href='/try'>Start free trial</a></nav><p>Paints what you say.</p>") == "free_trial"


def test_what_buttons_offer_is_the_way_in():
    text = "<p>Unlike us, another painter has a free plan.</p>"
    assert price(f"<a href='/try'>Start free trial</a>{text}") == "free_trial"
    assert price(f"<a href='/plans'>See the free plan</a><a href='/try'>Start free trial</a>{text}") == "freemium"


def test_an_open_source_title_outweighs_a_trial_of_the_hosted_edition():
    assert price("<p>Start free trial</p>", "<title>Brushwork - open source software to paint</title>") == "open_source"


def test_far_below_only_plain_offers_are_believed():
    filler = "<p>" + "Long words about painting and its history. " * 100 + "</p>"
    assert price(filler + "<p>The Pro plan is $12 per month.</p>") == "paid"
    assert price(filler + "<p>A customer said: contact sales, they are kind.</p>") is None
