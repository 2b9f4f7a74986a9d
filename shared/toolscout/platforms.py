"""The words by which a text names the platforms that a tool runs on."""

from __future__ import annotations

import re

# Signs of a platform in a text in lower case, and the words one of which each sign has: those are cheap to look for.
_PLATFORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "windows": (("windows", "윈도우"), r"windows (?:app|10|11|pc)|for windows|(?:mac|linux)(?:,| and) windows|윈도우"),
    "macos": (("mac", "맥용"), r"\bmac ?os\b|\bfor mac\b|맥용"),
    "linux": (("linux", "리눅스"), r"\blinux\b|리눅스"),
    "ios": (("ios", "app store", "iphone", "아이폰"), r"\bios\b(?! device)|app store|iphone|아이폰"),
    "android": (("android", "google play", "안드로이드"), r"\bandroid\b|google play|안드로이드"),
    "browser_extension": (
        ("extension", "add-on", "plugin", "크롬"),
        r"(?:chrome|browser|firefox|edge) (?:extension|add-on|plugin)|크롬 확장",
    ),
    "api": (("api",), r"\b(?:rest|developer|our|the) api\b|\bapi (?:key|reference|docs)|api 키"),
    "cli": (
        ("command", "cli", "install", "명령줄"),
        r"command[- ]line|\bcli\b|pip install|npm install|brew install|명령줄",
    ),
    "self_hosted": (
        ("self", "premise", "docker", "자체", "온프레미스"),
        r"self[- ]host|on[- ]premise|docker (?:run|compose|image)|자체 호스팅|온프레미스",
    ),
    "web": (
        ("web app", "browser", "online tool", "no download", "에서"),
        r"web app|in your browser|online tool|no download|웹에서|브라우저에서",
    ),
}
PLATFORMS = tuple(_PLATFORMS)
_PLATFORM_RULES = {name: (needles, re.compile(rule)) for name, (needles, rule) in _PLATFORMS.items()}


def speaks_of_platform(platform: str, text: str) -> bool:
    """Whether a text in lower case names a platform."""
    needles, rule = _PLATFORM_RULES[platform]
    return any(needle in text for needle in needles) and bool(rule.search(text))
