"""What a page says of its tool: name, summary, category, price, platforms; and whether it is a tool's page at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from toolscout.domain import Extracted, Fact, Pricing

from services.processor.structured import ARTICLES, TOOLS, PageData

SUMMARY_CHARS = 300
# Characters of visible text that name what a page is about.
LEAD_CHARS = 3000
# So far into a page a price is looked for.
PRICE_CHARS = 20_000
# A longer title is no name.
MAX_NAME_WORDS = 4

_SEPARATORS = re.compile(r"\s+[|–—·•»:-]\s+|\s*[|–—·•»]\s*|:\s+")
_GENERIC = frozenset(["home", "homepage", "welcome", "index", "overview", "docs", "documentation", "blog", "pricing"])
_AD = re.compile(r"\b(the|best|free|your|for|with|and|to|of|using|ai tool)\b", re.I)

# Words that speak for a category; the title and the description count more than the text.
_CATEGORIES = {
    "image": "image|images|photo|photos|pictures?|art generator|text-to-image|background remov|upscal|이미지|사진|그림",
    "video": "video|videos|animation|film|clips|text-to-video|subtitle|영상|비디오|동영상",
    "audio": "audio|voice|voices|music|speech|podcast|sound|song|text-to-speech|transcri|음성|음악|오디오|노래",
    "code": "code|coding|programming|developer assistant|pull request|copilot|ide|코드|코딩|프로그래밍",
    "writing": "writing|writer|copywriting|essay|grammar|paraphras|blog post|rewrite|글쓰기|작문|문장|교정",
    "chat": "chatbot|chatbots|chat with|conversational|assistant|companion|챗봇|대화|비서",
    "search": "search engine|answer engine|semantic search|research assistant|검색",
    "data": "data|analytics|spreadsheet|sql|dashboard|dataset|database|데이터|분석",
    "productivity": "productivity|meeting|meetings|notes|calendar|email|workflow|automation|task|생산성|회의|일정|업무",
    "marketing": "marketing|seo|ads|advertising|social media|campaign|마케팅|광고",
    "business": "sales|crm|customer support|finance|legal|hr|recruit|invoice|비즈니스|영업|고객|재무",
    "education": "learn|learning|education|students|teacher|course|tutor|quiz|교육|학습|공부|학생",
    "design": "design|designer|logo|ui|ux|presentation|slides|website builder|디자인|로고|발표",
    "developer": "api|sdk|llm|framework|open-source model|inference|deploy|machine learning|vector|개발자|프레임워크",
    "research": "research|paper|papers|science|scientific|academic|literature|연구|논문",
}
_PRICES = (
    (Pricing.OPEN_SOURCE, r"open[- ]source|apache license|mit license|오픈 ?소스"),
    (Pricing.FREE_TRIAL, r"free trial|try (?:it |now )?(?:for )?free\b|\d+[- ]day trial|무료 체험"),
    (
        Pricing.FREEMIUM,
        r"freemium|free (?:plan|tier|forever|version)|무료 (?:플랜|요금제|버전)|무료로 시작"
        r"|(?:start|started|sign up) (?:for )?free\b",
    ),
    (Pricing.CONTACT, r"contact (?:us|sales) for (?:pricing|a quote)|request a quote|book a demo|견적 문의|도입 문의"),
    (
        Pricing.PAID,
        r"(?:[$€£₩]\s?\d[\d,.]*|\d[\d,]*\s?원)\s*(?:/|per|a)?\s*(?:mo\b|month|user|year|seat|월)|월\s?\d[\d,]*\s?원",
    ),
    (
        Pricing.FREE,
        r"\b(?:100% |completely |totally )?free(?: to use| of charge|!|,? no sign|,? no login)|무료로|완전 무료",
    ),
)
_PLATFORMS = {
    "windows": r"windows (?:app|10|11|pc)|for windows|윈도우",
    "macos": r"\bmac ?os\b|for mac\b|맥용",
    "linux": r"\blinux\b|리눅스",
    "ios": r"\bios\b(?! device)|app store|iphone|아이폰",
    "android": r"\bandroid\b|google play|안드로이드",
    "browser_extension": r"(?:chrome|browser|firefox|edge) (?:extension|add-on|plugin)|크롬 확장",
    "api": r"\b(?:rest|developer|our|the) api\b|api (?:key|reference|docs)|api 키",
    "cli": r"command[- ]line|\bcli\b|pip install|npm install|brew install|명령줄",
    "self_hosted": r"self[- ]host|on[- ]premise|docker (?:run|compose|image)|자체 호스팅|온프레미스",
    "web": r"web app|in your browser|online tool|no download|웹에서|브라우저에서",
}
_CATEGORY_RULES = {name: re.compile(rf"\b(?:{words})", re.I) for name, words in _CATEGORIES.items()}
_PRICE_RULES = [(price, re.compile(rule, re.I)) for price, rule in _PRICES]
_PLATFORM_RULES = {name: re.compile(rule, re.I) for name, rule in _PLATFORMS.items()}


def facts_of(data: PageData, text: str, language: str) -> dict[str, Fact]:
    """The facts of a page, each from the surest place that states it."""
    lead = text[:LEAD_CHARS]
    found = {
        "name": next(_names(data, lead), None),
        "summary": next(_summaries(data, text), None),
        "category": _category(data, lead),
        "pricing": _stated_price(data) or _written_price(lead, data.actions, text),
        "platforms": _platforms(data, lead),
        "languages": Fact([language], "text", 0.5) if language else None,
        "image": _image(data),
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def _names(data: PageData, lead: str) -> Iterator[Fact]:
    stated = data.tool.get("name")
    if isinstance(stated, str) and stated.strip():
        yield Fact(_brand(stated, ""), data.tool_source, 0.95)
    for meta, sure in (("og:site_name", 0.85), ("application-name", 0.8), ("apple-mobile-web-app-title", 0.75)):
        if meta in data.metas:
            yield Fact(data.metas[meta], "opengraph" if meta.startswith("og:") else "meta", sure)
    if data.title:
        name = _brand(data.title, data.heading)
        spelt = _as_written(data.domain, f"{data.title} {data.description} {lead}")
        # A whole sentence is a slogan: the page's own domain, as the page spells it, is the better name.
        if len(name.split()) > MAX_NAME_WORDS and spelt:
            yield Fact(spelt, "text", 0.5)
        yield Fact(name, "title", 0.6)
    if data.heading:
        yield Fact(data.heading, "heading", 0.4)


def _as_written(domain: str, text: str) -> str:
    """A domain's label as a text spells it; "" where it is not a word of the text."""
    found = re.search(rf"(?<!\w){re.escape(domain)}(?!\w)", text, re.I) if len(domain) > 2 else None
    return found[0] if found else ""


def _brand(title: str, heading: str) -> str:
    """The part of a title that is a name: short, no slogan; the first such, or the last where the first is a phrase."""
    parts = [part.strip() for part in _SEPARATORS.split(title) if part and part.strip()]
    parts = [part for part in parts if part.lower() not in _GENERIC] or parts
    if len(parts) < 2:
        return parts[0] if parts else title.strip()
    return min(
        parts, key=lambda part: (len(_AD.findall(part)) + len(part.split()) + (part == heading), parts.index(part))
    )


def _summaries(data: PageData, text: str) -> Iterator[Fact]:
    stated = data.tool.get("description")
    if isinstance(stated, str) and stated.strip():
        yield Fact(_short(stated), data.tool_source, 0.9)
    if data.description:
        source = "opengraph" if "og:description" in data.metas else "meta"
        yield Fact(_short(data.description), source, 0.8)
    for line in text.splitlines()[:30]:
        if len(line) > 60:
            yield Fact(_short(line), "text", 0.4)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SUMMARY_CHARS else text[:SUMMARY_CHARS].rsplit(" ", 1)[0] + "…"


def _category(data: PageData, lead: str) -> Fact | None:
    heads = f"{data.title} {data.description} {data.heading} {data.metas.get('keywords', '')}"
    scores = {
        name: 3 * len(set(map(str.lower, rule.findall(heads)))) + min(3, len(rule.findall(lead)))
        for name, rule in _CATEGORY_RULES.items()
    }
    best = max(scores, key=lambda name: scores[name])
    return Fact(best, "text", min(0.7, 0.2 + scores[best] / 20)) if scores[best] >= 3 else None


def _stated_price(data: PageData) -> Fact | None:
    """The price of schema.org's offers (schema.org/Offer): 0 is free."""
    offers: Any = data.tool.get("offers", {})
    offer = offers[0] if isinstance(offers, list) and offers else offers
    stated = offer if isinstance(offer, dict) and offer else data.tool  # microdata is flat
    price = stated.get("price", stated.get("lowPrice"))
    try:
        amount = float(str(price).replace(",", "").strip("$€£₩ "))
    except ValueError:
        return None
    return Fact(Pricing.FREE.value if amount == 0 else Pricing.PAID.value, data.tool_source, 0.9)


def _written_price(lead: str, actions: str, text: str) -> Fact | None:
    for where, sure in ((lead, 0.5), (actions, 0.45), (text[LEAD_CHARS:PRICE_CHARS], 0.35)):
        for price, rule in _PRICE_RULES:
            if rule.search(where):
                return Fact(price.value, "text", sure)
    return None


def _platforms(data: PageData, lead: str) -> Fact | None:
    stated = str(data.tool.get("operatingSystem", ""))
    if stated:
        named = [name for name, rule in _PLATFORM_RULES.items() if name in stated.lower() or rule.search(stated)]
        if named:
            return Fact(named, data.tool_source, 0.9)
    written = [name for name, rule in _PLATFORM_RULES.items() if rule.search(lead)]
    return Fact(written, "text", 0.4) if written else None


def _image(data: PageData) -> Fact | None:
    url = data.metas.get("og:image") or data.metas.get("twitter:image", "")
    return Fact(url, "opengraph", 0.8) if url.startswith(("http://", "https://")) else None


_ARTICLE_PATH = re.compile(r"/(?:blog|news|articles?|posts?|stories|press|\d{4}/\d{2})(?:/|$)", re.I)
_LIST_TITLE = re.compile(
    r"\b(?:top|best|\d{1,3})\s+(?:\d{1,3}\s+)?(?:free |ai )*(?:tools|apps|alternatives|sites)"
    r"|alternatives to|추천 \d+|\d+가지",
    re.I,
)
_OUTWARD_LINKS, _OUTWARD_SITES = 40, 25


def judge(url: str, page: Extracted) -> tuple[bool, str]:
    """(True, "") for a page of a tool, else (False, noindex | article | directory | not_tool)."""
    if page.noindex:
        return False, "noindex"
    if TOOLS & set(page.schema_types):
        return True, ""
    path = urlsplit(url).path
    if _LIST_TITLE.search(page.title) or _is_directory(page):
        return False, "directory"
    if any(name.endswith(ARTICLES) for name in page.schema_types) or _ARTICLE_PATH.search(path):
        return False, "article"
    if len(page.text) < 80 and not page.facts.get("summary"):
        return False, "not_tool"
    return True, ""


def _is_directory(page: Extracted) -> bool:
    """Links to many other sites and little of its own to say about each."""
    outward = {target.split("/", 3)[2] for target, _ in page.links}
    return len(outward) >= _OUTWARD_SITES and len(page.links) >= _OUTWARD_LINKS and len(page.text) < 200 * len(outward)
