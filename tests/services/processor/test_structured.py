import lxml.html

from services.processor.extract import extract
from services.processor.structured import PageData


def read(html, url="https://docs.brushwork.co.kr/a"):
    return PageData.read(lxml.html.document_fromstring(html), url)


def test_a_meta_tag_may_have_several_names():
    data = read('<meta property="dc:description og:description" content="Paints what you say."><p>x</p>')
    assert data.metas["og:description"] == data.metas["dc:description"] == data.description == "Paints what you say."


def test_what_describes_comes_before_what_sells():
    metas = """<meta property="og:description" content="Everyone can paint with us today!">
    <meta name="description" content="Brushwork paints portraits from words."><p>x</p>"""
    page = extract(f"<html>{metas}</html>", "https://brushwork.example/")
    assert page.facts["summary"].value == "Brushwork paints portraits from words."
    assert page.facts["summary"].source == "meta"


def test_a_description_too_short_to_be_one_gives_way():
    assert read(
        '<meta name="description" content="wf"><meta property="og:description" content="Paints words as portraits."><p>'
    ).description == ("Paints words as portraits.")


def test_json_ld_describes_where_no_meta_tag_does():
    thing = '{"@type": "WebSite", "description": "Paints portraits from words."}'
    script = f'<script type="application/ld+json">{thing}</script>'
    summary = extract(f"<html>{script}<p>x</p></html>", "https://brushwork.example/").facts["summary"]
    assert (summary.value, summary.source) == ("Paints portraits from words.", "json-ld")


def test_the_first_real_sentence_describes_where_nothing_is_stated():
    line = "Brushes Colours Canvas Easels Frames Varnish Palettes Knives Paper Ink and more"
    sentence = "Brushwork paints portraits from the words that you say to it, in seconds."
    page = extract(f"<html><body><p>{line}</p><p>{sentence}</p></body></html>", "https://brushwork.example/")
    assert page.facts["summary"].value == sentence


def test_an_items_own_properties_come_before_those_of_the_items_in_it():
    html = """<div itemscope itemtype="https://schema.org/Product"><span itemprop="name">Easel</span>
    <div itemprop="offers" itemscope itemtype="https://schema.org/Offer"><meta itemprop="price" content="12">
    <span itemprop="seller" itemscope><b itemprop="name">Shop of Easels</b></span></div></div>"""
    assert read(html).tool == {"@type": "Product", "name": "Easel", "price": "12"}


def test_an_address_yields_the_labels_that_may_spell_a_name():
    assert read("<p>").labels == ["brushwork", "brushworkcokr"]
    assert read("<p>", "https://studio.brushwork.co.kr/").labels[-1] == "studio"
    hosted = read("<p>", "https://github.com/Painters/Palette/issues")
    assert (hosted.labels, hosted.shared_host) == (["palette", "painters"], {"githubcom", "github"})
    assert read("<p>", "https://painters.github.io/palette/").labels == ["palette", "painters"]


def test_the_outline_leaves_menus_out_and_ends_long_lists():
    items = "".join(f"<li>item {n}</li>" for n in range(30))
    data = read(
        f"<nav><h2>Menu</h2><ul>{items}</ul></nav><h1>B</h1><ul>{items}</ul><h2>C</h2><footer><h3>D</h3></footer>"
    )
    assert [line for level, line in data.outline if level] == ["B", "C"]
    assert len(data.outline) == 2 + 12
