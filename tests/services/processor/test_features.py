import json

from services.processor.extract import extract


def facts(body, head=""):
    page = extract(f"<html><head>{head}</head><body>{body}</body></html>", "https://brushwork.example/")
    return {name: fact.value for name, fact in page.facts.items()}


def listed(*items):
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def test_the_items_below_a_heading_that_promises_features():
    html = "<h1>Brushwork</h1><h2>Key features</h2>" + listed("✓ Paints portraits", "Mixes colours", "Mixes colours")
    assert facts(html)["features"] == ["Paints portraits", "Mixes colours"]
    assert facts("<h2>주요 기능</h2>" + listed("회의 녹음", "자동 요약"))["features"] == ["회의 녹음", "자동 요약"]


def test_sub_headings_come_before_lists():
    html = "<h2>What you get</h2><h3>Fast brushes</h3><ul><li>one</li></ul><h3>Deep colours</h3>"
    html += "<h2>FAQ</h2><h3>Is it?</h3>"
    assert facts(html)["features"] == ["Fast brushes", "Deep colours"]


def test_a_section_ends_at_the_next_heading_of_its_rank():
    html = "<h2>Features</h2>" + listed("Paints", "Draws") + "<h2>Team</h2>" + listed("Ann Painter", "Bob Painter")
    assert facts(html)["features"] == ["Paints", "Draws"]


def test_menus_paragraphs_and_offers_are_no_features():
    menu = "<nav><h2>Features</h2>" + listed("Brushes", "Colours") + "</nav>"
    assert "features" not in facts(menu + "<h1>Brushwork</h1><p>Paints.</p>")
    html = "<h2>Features</h2>" + listed("Learn more", "Sign up", "many words " * 20, "Is it free?")
    assert "features" not in facts(html)


def test_eight_features_and_six_use_cases_are_enough():
    items = listed(*[f"Kind of brush {n}" for n in range(11)])
    found = facts("<h1>B</h1><h2>Features</h2>" + items + "<h2>Use cases</h2>" + items)
    assert (len(found["features"]), len(found["use_cases"])) == (8, 6)


def test_a_feature_list_of_json_ld_is_surest():
    thing = {"@type": "SoftwareApplication", "name": "B", "featureList": "Paints portraits, Mixes colours"}
    html = "<h2>Features</h2>" + listed("Other thing", "Another thing")
    script = f"<script type='application/ld+json'>{json.dumps(thing)}</script>"
    assert facts(html, script)["features"] == ["Paints portraits", "Mixes colours"]


def test_a_row_of_sub_headings_may_pass_for_features_but_not_in_a_manual():
    row = "<h1>B</h1><h2>Paint</h2><h3>Paint any portrait</h3><h3>Mix your colours</h3><h3>Share with friends</h3>"
    page = extract(f"<html><body>{row}</body></html>", "https://brushwork.example/")
    assert page.facts["features"].confidence < 0.5
    assert len(page.facts["features"].value) == 3
    assert "features" not in facts(row, "<title>Brushwork documentation</title>")


def test_use_cases_stand_below_their_heading_or_in_headings_for_someone():
    html = "<h2>Use cases</h2>" + listed("Album covers", "Book pages")
    assert facts(html)["use_cases"] == ["Album covers", "Book pages"]
    assert facts("<h2>이런 분께 추천해요</h2>" + listed("대학생", "기획자"))["use_cases"] == ["대학생", "기획자"]
    assert facts("<h3>For teachers</h3><p>x</p><h3>For small shops</h3>")["use_cases"] == [
        "For teachers",
        "For small shops",
    ]
    assert "use_cases" not in facts("<h3>For free</h3><h3>For more colours</h3>")
