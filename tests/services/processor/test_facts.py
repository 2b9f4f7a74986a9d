import json

import pytest

from services.processor.extract import extract
from services.processor.facts import judge


def facts(html, url="https://brushwork.example/"):
    return {name: (fact.value, fact.source) for name, fact in extract(html, url).facts.items()}


def with_jsonld(thing, rest=""):
    script = f"<script type='application/ld+json'>{json.dumps(thing)}</script>"
    return f"<html><head>{script}{rest}</head><body><p>Some text.</p></body></html>"


def test_json_ld_outranks_everything():
    thing = {
        "@graph": [
            {"@type": "WebSite", "name": "no"},
            {
                "@type": ["SoftwareApplication"],
                "name": "Brushwork",
                "description": "Paints.",
                "offers": [{"price": "0"}],
                "operatingSystem": "Windows 11, macOS",
            },
        ]
    }
    found = facts(with_jsonld(thing, "<meta property='og:site_name' content='Other'><title>Third</title>"))
    assert found["name"] == ("Brushwork", "json-ld")
    assert found["summary"] == ("Paints.", "json-ld")
    assert found["pricing"] == ("free", "json-ld")
    assert found["platforms"] == (["windows", "macos"], "json-ld")


def test_open_graph_then_the_title_give_the_name():
    og = "<meta property='og:site_name' content='Brushwork'><meta property='og:description' content='Paints by words.'>"
    found = facts(f"<html><head><title>Home | whatever</title>{og}</head><body><p>x</p></body></html>")
    assert found["name"] == ("Brushwork", "opengraph")
    assert found["summary"] == ("Paints by words.", "opengraph")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Brushwork – the AI painter for your team", "Brushwork"),
        ("The best way to paint | Brushwork", "Brushwork"),
        ("Home - Brushwork", "Brushwork"),
        ("소리글 - 회의 녹음을 글로 옮기는 가장 빠른 방법", "소리글"),
        ("Brushwork", "Brushwork"),
    ],
)
def test_a_title_loses_its_slogan(title, name):
    assert facts(f"<html><head><title>{title}</title></head><body><p>x</p></body></html>")["name"] == (name, "title")


def test_a_slogan_gives_way_to_the_domain_as_the_page_spells_it():
    html = "<title>Turn every word into a painting in seconds</title><main><p>BrushWork paints for you.</p></main>"
    assert facts(html)["name"] == ("BrushWork", "text")


def test_microdata_is_read_too():
    html = """<div itemscope itemtype="https://schema.org/SoftwareApplication"><span itemprop="name">Brushwork</span>
    <meta itemprop="price" content="9.00"></div>"""
    found = facts(html)
    assert found["name"] == ("Brushwork", "microdata")
    assert found["pricing"] == ("paid", "microdata")


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("Start with our free plan, upgrade at any time.", "freemium"),
        ("Only $12 per month for each painter.", "paid"),
        ("월 9,900원으로 시작하세요.", "paid"),
        ("무료 체험 후 결정하세요.", "free_trial"),
        ("It is open source under the MIT license.", "open_source"),
    ],
)
def test_prices_are_read_from_the_text(text, price):
    assert facts(f"<html><body><main><p>{text}</p></main></body></html>")["pricing"] == (price, "text")


def test_what_the_page_is_about_decides_the_category():
    html = "<title>Image generator: turn text into pictures</title><p>Make images and photos from words.</p>"
    assert facts(html)["category"][0] == "image"
    assert "category" not in facts("<title>Hello</title><p>Nothing in particular.</p>")


JUDGED = [
    (
        "https://a.example/",
        "<title>Brushwork</title><p>Paints portraits from words, in seconds, for every one of you.</p>",
        "",
    ),
    ("https://a.example/blog/how-we-paint", "<title>How we paint</title><p>" + "A long story. " * 20, "article"),
    ("https://a.example/", "<title>Top 10 AI tools of the year</title><p>" + "One after another. " * 20, "directory"),
    ("https://a.example/", "<meta name=robots content=noindex><title>Brushwork</title><p>Paints.</p>", "noindex"),
    ("https://a.example/", "<title>x</title><p>y</p>", "not_tool"),
    ("https://a.example/blog/x", with_jsonld({"@type": "SoftwareApplication", "name": "B"}), ""),
]


@pytest.mark.parametrize(("url", "html", "reason"), JUDGED)
def test_pages_are_judged_by_what_they_are(url, html, reason):
    assert judge(url, extract(html, url)) == (not reason, reason)
