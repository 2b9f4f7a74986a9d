"""Questions in English: phrases of what a tool does, is, has and is for, each in several wordings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolscout.domain import Pricing
from toolscout.words import query_words

from services.trainer.synthetic_points import (
    IT,
    Point,
    backing,
    distinct,
    platformed,
    priced,
    telling,
    with_more,
    within,
)
from services.trainer.synthetic_tools import Tool

# How a phrase is asked for, by its form: a tool can (verb), does (verb of the third person), is (a noun), has, is for.
WORDINGS = {
    "can": (
        "Which tool can {p}?",
        "How can I {p}?",
        "I need a tool to {p}",
        "Is there an AI tool that can {p}?",
        "What can I use to {p}?",
        "tool to {p}",
    ),
    "does": ("Which tool {p}?", "Is there a tool that {p}?", "I want a tool that {p}", "Which AI tool {p}?"),
    "is": ("I am looking for {p}", "Can you recommend {p}?", "Is there {p}?", "Which tool is {p}?"),
    "has": (
        "Which tool offers {p}?",
        "Is there a tool with {p}?",
        "I am looking for a tool with {p}",
        "AI tool with {p}",
    ),
    "for": (
        "AI tool for {p}",
        "What is a good tool for {p}?",
        "I need something for {p}",
        "Which tool would you recommend for {p}?",
    ),
    "free": ("Is there a free tool to {p}?", "How can I {p} for free?", "free tool to {p}"),
    "price": ("Is there {p}?", "I am looking for {p}", "Do you know {p}?"),
    "platform": ("Is there {p}?", "Which one is {p}?", "I am looking for {p}"),
}
TOPICS = {
    "writing": "a writing tool",
    "image": "an image tool",
    "video": "a video tool",
    "audio": "an audio tool",
    "code": "a coding tool",
    "chat": "a chatbot",
    "search": "a search tool",
    "data": "a data analysis tool",
    "productivity": "a productivity tool",
    "marketing": "a marketing tool",
    "business": "a business tool",
    "education": "a learning tool",
    "design": "a design tool",
    "developer": "a developer tool",
    "research": "a research tool",
}
PRICES = {
    Pricing.FREE: "that is free",
    Pricing.FREEMIUM: "with a free plan",
    Pricing.FREE_TRIAL: "with a free trial",
    Pricing.OPEN_SOURCE: "that is open source",
}
PLATFORMS = {
    "windows": "that runs on Windows",
    "macos": "that runs on macOS",
    "linux": "that runs on Linux",
    "ios": "for iPhone",
    "android": "for Android",
    "browser_extension": "that works as a browser extension",
    "api": "that has an API",
    "cli": "for the command line",
    "self_hosted": "that I can host myself",
    "web": "that works in the browser",
}
_VERB_LIST = """add analyze analyse animate annotate apply ask assign author automate boost brainstorm browse build
    calculate capture categorize clean clone collaborate collect combine compare compose compress connect convert create
    crop customize debug deliver deploy detect develop discover discuss dub edit embed enhance enrich evaluate explain
    explore extract fetch find fine-tune forecast format generate get identify import improve inspect integrate launch
    learn manage measure merge migrate optimize organize organise paraphrase play practice predict prepare prioritize
    produce proofread protect provide publish pull push recommend recover reduce remove render replace rephrase resize
    retrieve rewrite save scan secure sell send simplify simulate solve speak split store stream streamline summarize
    summarise sync synthesize talk teach train transcribe transform translate trim turn understand upscale validate
    verify visualize visualise write"""
_VERBS = frozenset(_VERB_LIST.split())
# Nouns as well: verbs where an article or its like follows.
_EITHER_LIST = """access chat control design draft export fix host map model monitor plan preview process query record
    review run schedule search share sketch survey test track work"""
_EITHER = frozenset(_EITHER_LIST.split())
_AFTER_LIST = "a an the your any all every each with through across multiple to from in on it"
_AFTER_VERB = frozenset(_AFTER_LIST.split())
_THIRD = _VERBS | {"help", "allow", "let", "enable", "support", "offer", "return"}
# What a page calls its tool: of anything else a definition is somebody's knowledge, not an offer.
_KIND = re.compile(
    r"\b(?:tool|toolkit|app|apps|application|platform|software|library|framework|assistant|editor|generator|engine|"
    r"builder|model|api|plugin|extension|suite|chatbot|agent|bot|workspace|program|sdk|package|client|maker|creator|"
    r"converter|manager|tracker|analy[sz]er|dashboard|database|alternative|service|solution|system|copilot|recorder|"
    r"translator|search|planner|scheduler|checker|detector|summari[sz]er|designer|studio|server|crm)\b",
    re.I,
)
_OF_READER = r"(?:you|users|teams|anyone|everyone|people|developers|creators|businesses|companies|customers)"
_CAN = re.compile(
    rf"\b(?:you can|lets {_OF_READER}|(?:allows|enables) {_OF_READER} to|helps {_OF_READER}(?: to)?|"
    r"makes it easy to|can be used to|used to|designed to|built to|helps)\s+(?:\w+ly\s+)?(.+)",
    re.I,
)
_IS = re.compile(r"^(?:is|are)\s+((?:an?)\s+.+)", re.I)
_A = re.compile(r"^(An?\s+[\w-]+.*?\b(?:that|which|for|to|with)\b.+)")
_FINITE = re.compile(r"\b(?:is|are|was|were|can|will|would|should|has|have|not)\b")
# Where a phrase ends although its sentence goes on.
_STOP = re.compile(
    r"\s*(?:[;:(–—]|\s-\s|,\s*(?:so|while|without|plus|including|such|all|whether|no|but|then|making)\b"
    r"|,\s*and (?:it|you|we)\b|[.!?](?:\s|$)).*",
    re.I | re.S,
)
_UNASKED = re.compile(
    r"[\"“”!?*]|^(?:use|see|choose|set|view|read|start|take|make|keep|follow|how|why|what|when|you|go|more|about)\b",
    re.I,
)
_OURS = re.compile(r"\b(?:we|we're|our|ours|us|this|these|those|here|above|below|it|its|it's|they|their|them)\b", re.I)
_HANGING = re.compile(r"\s+(?:and|or|of|to|for|with|in|on|at|by|from|as|a|an|the|that|which|your|my|more|,)$", re.I)
# The reader is spoken to: as the object of a verb, or as who does something.
_OBJECT = re.compile(
    r"\b(help(?:s|ing)?|let(?:s|ting)?|allow(?:s|ing)?|enabl(?:es?|ing)|giv(?:es?|ing)|tell(?:s|ing)?|show(?:s|ing)?"
    r"|for|with|to|around|between)\s+you\b",
    re.I,
)
_SUBJECT = re.compile(
    r"\byou(?=(?:'re)? (?:can|need|want|have|already|use|like|love|care|build|create|work|write|are)\b)", re.I
)
_YOU = re.compile(r"\byou\b|\byou'", re.I)
WORDS = range(3, 15)


def points(tool: Tool) -> list[Point]:
    """What can be asked of a tool, its stated fields first."""
    specific = distinct([*_fields(tool), *_sentences(tool)])
    return [*specific, *_free(tool, specific), *_generic(tool)]


def asked(point: Point, wording: int) -> str:
    wordings = WORDINGS[point.form]
    return wordings[wording % len(wordings)].format(p=point.phrase)


def _fields(tool: Tool) -> Iterator[Point]:
    lower = small_words(tool)
    for form, phrase in [
        *(feature(one, lower) for one in tool.features),
        *(_use(one, lower) for one in tool.use_cases),
        *_summary(tool),
    ]:
        found = backing(tool, phrase) if _asks_enough(phrase, least=2) else None
        if found:
            yield Point(form, phrase, found[0], with_more(*found, phrase))


def _sentences(tool: Tool) -> Iterator[Point]:
    """Of at most three sentences of each passage. Beyond the landing page only those that speak of the tool itself."""
    for passage in tool.passages:
        own = passage in tool.leading
        found = [(read, s) for s in telling(passage) if (read := _read(s, tool.name, own))]
        for (form, phrase), sentence in found[:3]:
            yield Point(form, phrase, passage, with_more(passage, sentence, phrase))


def _free(tool: Tool, specific: list[Point]) -> Iterator[Point]:
    """What a tool does, asked of one that costs nothing, where one passage says both."""
    if tool.pricing not in (Pricing.FREE, Pricing.FREEMIUM):
        return
    offers = {passage.id: sentence for passage, sentence in priced(tool)}
    for point in specific:
        if point.form == "can" and point.passage.id in offers:
            told = tuple(dict.fromkeys([*point.told[:1], offers[point.passage.id]]))
            yield Point("free", point.phrase, point.passage, told)


def _generic(tool: Tool) -> Iterator[Point]:
    topic = TOPICS.get(tool.category)
    if topic is None:
        return
    if tool.pricing in PRICES:
        for passage, sentence in priced(tool):
            yield Point("price", f"{topic} {PRICES[Pricing(tool.pricing)]}", passage, (sentence,), generic=True)
    for platform in tool.platforms:
        for passage, sentence in platformed(tool, platform):
            yield Point("platform", f"{topic} {PLATFORMS[platform]}", passage, (sentence,), generic=True)


def feature(text: str, lower: set[str]) -> tuple[str, str]:
    """(can or has, phrase) of a stated feature; `lower` are words that its page writes small."""
    text = _lowered(_STOP.sub("", text), lower)
    # What keeps its capitals is a name.
    named = sum(word[:1].isupper() and word[1:].islower() for word in text.split()) > 1
    return ("can" if _is_verb(text) else "has"), ("" if named and not _is_verb(text) else _turned(text))


def _use(text: str, lower: set[str]) -> tuple[str, str]:
    text = re.sub(r"^for\s+", "", _lowered(_STOP.sub("", text), lower), flags=re.I)
    return ("can" if _is_verb(text) else "for"), _turned(text)


def _summary(tool: Tool) -> list[tuple[str, str]]:
    first = re.split(r"(?<=[.!?])\s", tool.summary)[0]
    found = _read(first, tool.name, own=True)
    return [found] if found else []


def _read(sentence: str, name: str, own: bool) -> tuple[str, str] | None:
    """(form, phrase) of what a sentence says of its tool; None where no question can be made of it.

    `own`: also a sentence without a subject speaks of the tool.
    """
    named = re.match(rf"(?:The )?{re.escape(name)}(?:\s*\([^)]*\))?\s+", sentence, re.I)
    rest = sentence[named.end() :] if named else IT.sub("", sentence)
    if not rest or (rest == sentence and not own):
        return None
    found = _form(sentence, rest)
    if found is None:
        return None
    phrase = _turned(_clause(found[1]))
    fits = _asks_enough(phrase) and not within(name, phrase)
    # A definition of anything but a tool, or a whole sentence.
    fits = fits and (found[0] != "is" or bool(_KIND.search(phrase) and not _FINITE.search(phrase.split(" that ")[0])))
    return (found[0], phrase) if fits else None


def _form(sentence: str, rest: str) -> tuple[str, str] | None:
    """(form, the rest of the sentence in it); `rest` is the sentence without the tool as its subject."""
    small = rest[0].lower() + rest[1:]
    if rest != sentence and (is_a := _IS.match(rest)):
        return "is", is_a[1]
    if (can := _CAN.search(sentence)) and _is_verb(can[1]):
        return "can", can[1]
    if _is_verb(rest):
        return "can", small
    if _is_third(rest):
        return "does", small
    return ("is", a[1][0].lower() + a[1][1:]) if (a := _A.match(sentence)) else None


def _asks_enough(phrase: str, least: int = WORDS.start) -> bool:
    fits = least <= len(phrase.split()) < WORDS.stop and len(query_words(phrase)) >= 2
    return fits and not _OURS.search(phrase) and not _UNASKED.search(phrase)


def _clause(text: str) -> str:
    """The beginning of a text that can end a question: up to where a new thought begins."""
    text = _STOP.sub("", text).strip(" ,.")
    while (shorter := _HANGING.sub("", text)) != text:
        text = shorter.rstrip(" ,")
    return text


def _turned(text: str) -> str:
    """From the page's view to the asker's: "your" is "my". "" where the reader is spoken to in another way."""
    text = _SUBJECT.sub("I", _OBJECT.sub(r"\1 me", text)).replace("I're", "I'm").replace("I are", "I am")
    for old, new in (("yours", "mine"), ("your", "my"), ("yourself", "myself")):
        text = re.sub(rf"\b{old}\b", new, text, flags=re.I)
    return "" if _YOU.search(text) else text


def _is_verb(text: str) -> bool:
    word, following = (*text.lower().split(" ", 2), "")[:2]
    return (word in _VERBS and following != "of") or (word in _EITHER and following in _AFTER_VERB)


def _is_third(text: str) -> bool:
    word, following = (*text.lower().split(" ", 2), "")[:2]
    if not word.endswith("s") or following in ("of", "are", "is", "were", "and", "in", "can"):
        return False
    stem = (
        f"{word[:-3]}y" if word.endswith("ies") else word[:-2] if word.endswith(("shes", "ches", "xes")) else word[:-1]
    )
    return stem in _THIRD


def small_words(tool: Tool) -> set[str]:
    return {word for passage in tool.passages for word in re.findall(r"\b[a-z][\w-]+", passage.text)}


def _lowered(text: str, lower: set[str]) -> str:
    """Without the capitals of a heading: of words that the page writes small elsewhere."""
    return " ".join(word.lower() if word[1:].islower() and word.lower() in lower else word for word in text.split())
