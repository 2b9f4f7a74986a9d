import pytest

from services.processor.extract import extract


def name(html, url="https://brushwork.example/"):
    return extract(f"<html>{html}</html>", url).facts["name"].value


def head(title, *metas):
    return f"<head><title>{title}</title>{''.join(metas)}</head>"


def og(site):
    return f'<meta property="og:site_name" content="{site}">'


SPEAKS_FOR_THE_NAME = [
    ("the domain", head("Paint faster today | Brushwork")),
    ("the domain, in two words", head("Paint faster") + "<p>Brush Work paints what you say.</p>"),
    ("og:site_name without its slogan", head("Paint", og("Brushwork - paint in seconds")) + "<p>x</p>"),
    ("application-name", head("Paint", '<meta name="application-name" content="Brushwork™">') + "<p>x</p>"),
    ("the company's legal form left out", head("Paint", og("Brushwork, Inc.")) + "<p>x</p>"),
    ("the alt text of the logo", "<img class=logo alt='Brushwork logo'><h1>Paint</h1><p>What you say, it paints.</p>"),
    ("the copyright notice", head("Paint") + "<p>Words.</p><footer>© 2019–2026 Brushwork Inc. All rights</footer>"),
    ("a notice that is in no footer", head("Paint") + "<p>Words.</p><div>Copyright © 2026 Brushwork</div>"),
    ("the link to the home page", "<a href='/' aria-label='Brushwork home'></a><h1>Paint</h1><p>Words.</p>"),
    ("the only short heading", "<h1>Brushwork</h1><p>Words.</p>"),
]


@pytest.mark.parametrize(("place", "html"), SPEAKS_FOR_THE_NAME, ids=[place for place, _ in SPEAKS_FOR_THE_NAME])
def test_many_places_speak_for_a_name(place, html):
    assert name(html).replace(" W", "w") == "Brushwork"


def test_what_agrees_with_the_domain_outweighs_a_slogan_in_og_site_name():
    page = head("Portrait painting | Brushwork", og("Portrait Painting Services"))
    assert name(page + "<p>x</p>") == "Brushwork"
    assert name(page + "<p>x</p>", "https://other.example/") == "Portrait Painting Services"


def test_initials_agree_with_a_short_domain():
    page = head("Painting | Brush and Paint") + "<p>x</p><footer>© 2026 Brush and Paint</footer>"
    assert name(page, "https://bap.example/") == "Brush and Paint"


def test_an_address_of_many_projects_is_read_by_its_path():
    page = head("Palette: a library of colours", og("GitHub")) + "<p>x</p>"
    assert name(page, "https://github.com/painters/palette") == "Palette"
    assert name(head("Guide to Palette | Palette") + "<p>x</p>", "https://painters.github.io/palette/") == "Palette"


@pytest.mark.parametrize(
    "title",
    ["Install — Brushwork 2.33.0.dev1 documentation", "Install | Brushwork Docs", "install [Brushwork Documentation]"],
)
def test_a_manual_is_named_by_what_it_describes(title):
    assert name(head(title) + "<p>x</p>") == "Brushwork"


def test_words_of_menus_are_no_names():
    assert name(head("Colours | Docs", og("Docs")) + "<p>Brushwork knows its colours.</p>") == "Brushwork"


def test_a_name_with_a_domain_ending_is_spoken_as_the_page_speaks_it():
    without = head("Brushwork.io", og("Brushwork.io")) + "<p>Brushwork paints. Try Brushwork today.</p>"
    assert name(without, "https://brushwork.io/") == "Brushwork"
    with_it = head("brushwork.io", og("brushwork.io")) + "<p>brushwork.io paints.</p>"
    assert name(with_it, "https://brushwork.io/") == "brushwork.io"


def test_json_ld_names_the_site_and_its_customers_come_later():
    graph = """<script type="application/ld+json">[{"@type": "Organization", "name": "Brushwork &amp; Co"},
    {"@type": "Organization", "name": "A Customer"}]</script>"""
    assert name(graph + head("Paint") + "<p>x</p>", "https://p.example/") == "Brushwork & Co"


def test_of_several_sources_the_domain_decides_also_in_korean():
    page = head("회의를 글로 옮기는 가장 빠른 방법 | 소리글") + "<p>소리글은 회의를 글로 옮깁니다.</p>"
    assert name(page, "https://sorigul.example/") == "소리글"


def test_a_page_without_any_name_has_none():
    assert "name" not in extract("<html><body><p>Only words, and none of them a name.</p></body></html>", "").facts
