"""Questions in Korean: of Korean pages in their own words, of English ones about what their fields verifiably are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolscout.domain import Pricing
from toolscout.text import HANGUL
from toolscout.words import query_words

from services.trainer.synthetic_english import feature, small_words
from services.trainer.synthetic_points import Point, backing, distinct, platformed, priced, telling, with_more, within
from services.trainer.synthetic_tools import Passage, Tool

# How a phrase is asked for, by its form: what a tool does (ends in an adnominal verb), is, has, is for. A pair of
# particles in braces stands for the one that the phrase's last sound takes.
WORDINGS = {
    "does": (
        "{p} AI 도구가 있나요?",
        "{p} 도구를 추천해 주세요.",
        "{p} 도구를 찾고 있습니다.",
        "{p} 도구로 무엇이 좋을까요?",
    ),
    "is": ("{p}{을/를} 찾고 있습니다.", "쓸 만한 {p}{이/가} 있나요?", "{p}{을/를} 추천해 주세요."),
    "has": ("{p} 기능이 있는 도구가 있나요?", "{p} 기능을 제공하는 AI 도구를 알려 주세요.", "{p} 기능이 있는 AI 도구"),
    "for": (
        "{p}에 쓸 만한 AI 도구를 추천해 주세요.",
        "{p}에 좋은 도구가 있나요?",
        "{p} 용도의 AI 도구를 찾고 있습니다.",
    ),
    "whom": ("{p} AI 도구를 추천해 주세요.", "{p} 도구가 있나요?"),
    "generic": ("{p}{이/가} 있나요?", "{p}{을/를} 찾고 있습니다.", "{p}{을/를} 추천해 주세요."),
}
TOPICS = {
    "writing": "글쓰기 도구",
    "image": "이미지 도구",
    "video": "영상 도구",
    "audio": "음성 도구",
    "code": "코딩 도구",
    "chat": "챗봇",
    "search": "검색 도구",
    "data": "데이터 분석 도구",
    "productivity": "생산성 도구",
    "marketing": "마케팅 도구",
    "business": "업무 도구",
    "education": "학습 도구",
    "design": "디자인 도구",
    "developer": "개발 도구",
    "research": "연구 도구",
}
PRICES = {
    Pricing.FREE: "무료로 쓸 수 있는",
    Pricing.FREEMIUM: "무료 요금제가 있는",
    Pricing.FREE_TRIAL: "무료로 체험할 수 있는",
    Pricing.OPEN_SOURCE: "오픈 소스로 공개된",
}
PLATFORMS = {
    "windows": "Windows에서 쓸 수 있는",
    "macos": "맥에서 쓸 수 있는",
    "linux": "Linux에서 쓸 수 있는",
    "ios": "아이폰에서 쓸 수 있는",
    "android": "Android에서 쓸 수 있는",
    "browser_extension": "브라우저 확장 프로그램으로 쓸 수 있는",
    "api": "API로 쓸 수 있는",
    "cli": "명령줄에서 쓸 수 있는",
    "self_hosted": "직접 설치해서 쓸 수 있는",
    "web": "웹에서 쓸 수 있는",
}
# Finals of a syllable in Unicode's order (The Unicode Standard, 3.12): none, ㄴ, ㅂ and ㅆ.
_OPEN, _N, _B, _SS = 0, 4, 17, 20
_PARTICLES = re.compile(r"\{(\w)/(\w)\}")
# Adjectives take another ending than verbs.
_ADJECTIVES = re.compile(
    r"(?:좋|쉽|많|높|낮|적|작|크|빠르|간단하|편리하|다양하|필요하|가능하|완벽하|훌륭하|저렴하|안전하)$"
)
_IS = re.compile(r"^(.{4,60}?)(?:입니다|이다|이에요|예요)[.]?$")
_SUBJECT = re.compile(r"^(?:이|저희|우리|본)\s*(?:도구|앱|서비스|제품|플랫폼)?(?:은|는|이|가)\s+")
_WHOM = re.compile(r"위한$")
_OURS = re.compile(r"저희|우리|여기|이것|그것|아래|위의|당신|여러분|고객님")
# Words, and the characters of a phrase.
WORDS, CHARS = range(2, 13), range(5, 61)


def points(tool: Tool) -> list[Point]:
    """What a Korean page says; its stated fields first."""
    return [*distinct([*_fields(tool), *_sentences(tool)]), *_generic(tool, told_in_korean=False)]


def points_abroad(tool: Tool) -> list[Point]:
    """What can be asked, and answered, in Korean of an English page: what of its fields names and numbers bear out."""
    return [*_features_abroad(tool), *_generic(tool, told_in_korean=True)]


def asked(point: Point, wording: int) -> str:
    wordings = WORDINGS[point.form]
    text = wordings[wording % len(wordings)].replace("{p}", point.phrase)
    return _PARTICLES.sub(lambda pair: pair[1] if _final(point.phrase) != _OPEN else pair[2], text)


def _fields(tool: Tool) -> Iterator[Point]:
    for form, phrase in [
        *(_named(one, "has") for one in tool.features),
        *(_named(one, "for") for one in tool.use_cases),
        *filter(None, [_read(tool.summary, tool.name)]),
    ]:
        found = backing(tool, phrase) if form and HANGUL.search(phrase) and not _OURS.search(phrase) else None
        if found:
            yield Point(form, phrase, found[0], with_more(*found, phrase))


def _sentences(tool: Tool) -> Iterator[Point]:
    for passage in tool.passages:
        found = [(read, s) for s in telling(passage) if HANGUL.search(s) and (read := _read(s, tool.name))]
        for (form, phrase), sentence in found[:2]:
            yield Point(form, phrase, passage, with_more(passage, sentence, phrase))


def _named(text: str, form: str) -> tuple[str, str]:
    """A field's phrase: a noun as it is, a clause by its verb; ("", "") for neither."""
    text = text.strip(" .")
    if verb := adnominal(text):
        return "does", verb
    if text.endswith(("다", "요", "세요", "기")) or len(text) not in range(3, CHARS.stop):
        return "", ""
    return ("whom" if _WHOM.search(text) else form), text


def _read(sentence: str, name: str) -> tuple[str, str] | None:
    """(form, phrase) of what a sentence says of its tool; None where no question can be made of it."""
    sentence = re.split(r"(?<=[.!?])\s", sentence)[0]
    named = re.match(rf"{re.escape(name)}\s*(?:\([^)]*\))?(?:은|는|이|가|으로|로)\s+", sentence, re.I)
    rest = _SUBJECT.sub("", sentence[named.end() :] if named else sentence).strip()
    if is_a := _IS.match(rest):
        found = ("is", is_a[1]) if named else None
    else:
        verb = adnominal(rest.rstrip("."))
        found = ("does", verb) if verb else None
    if found is None or len(found[1]) not in CHARS or len(found[1].split()) not in WORDS:
        return None
    telling_enough = len(query_words(found[1])) >= 3 and not _OURS.search(found[1])
    return found if telling_enough and not within(name, found[1]) else None


def adnominal(clause: str) -> str:
    """A clause that ends in a statement's verb, as it stands before a noun; "" where it does not end so.

    >>> adnominal("영상을 글로 바꿉니다"), adnominal("만들 수 있습니다"), adnominal("요약한다"), adnominal("쉽습니다")
    ('영상을 글로 바꾸는', '만들 수 있는', '요약하는', '')
    """
    if clause.endswith("습니다"):
        stem = clause[:-3]
    elif clause.endswith("니다") and not clause.endswith(("입니다", "아닙니다")) and _final(clause[:-2]) == _B:
        stem = clause[:-3] + chr(ord(clause[-3]) - _B)
    elif clause.endswith("는다"):
        stem = clause[:-2]
    elif clause.endswith("다") and _final(clause[:-1]) == _N:
        stem = clause[:-2] + chr(ord(clause[-2]) - _N)
    else:
        return ""
    # What was done is told with another ending.
    past = _final(stem) == _SS and not stem.endswith("있")
    return "" if not stem or past or _ADJECTIVES.search(stem) else f"{stem}는"


def _final(text: str) -> int:
    """The final of a text's last syllable; of letters and figures as they are mostly read: none."""
    last = text[-1:]
    return (ord(last) - 0xAC00) % 28 if "가" <= last <= "힣" else _OPEN


def _features_abroad(tool: Tool) -> Iterator[Point]:
    """Features that are nouns, in the page's English, as Koreans write them."""
    lower = small_words(tool)
    for form, phrase in (feature(one, lower) for one in tool.features):
        words = phrase.split()
        # A verb or a whole thought would not stand before "기능".
        if form != "has" or not 1 < len(words) <= 4 or words[0].endswith("ing") or not words[-1].isalpha():
            continue
        found = backing(tool, phrase)
        if found:
            yield Point("has", phrase, found[0], (f"{tool.name}: {phrase} 기능이 있습니다.",), (found[1],))


def _generic(tool: Tool, told_in_korean: bool) -> Iterator[Point]:
    topic = TOPICS.get(tool.category)
    if topic is None:
        return
    found: list[tuple[str, Passage, str]] = []
    if tool.pricing in PRICES:
        found += [(PRICES[Pricing(tool.pricing)], *one) for one in priced(tool)]
    for platform in tool.platforms:
        found += [(PLATFORMS[platform], *one) for one in platformed(tool, platform)]
    for what, passage, sentence in found:
        told = f"{tool.name}: {what} {topic}입니다." if told_in_korean else sentence
        yield Point("generic", f"{what} {topic}", passage, (told,), (sentence,), generic=True)
