"""The words that speak for each category of tools."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolscout.text import HANGUL

# Single words and pairs of words, in lower case and without a plural's s; "*" after a stem that goes on.
_WORDS = {
    "image": "image photo picture illustration art|generator text-to-image background|remover upscale*"
    " 이미지 사진 그림",
    "video": "video animation film clip text-to-video subtitle screen|recorder 영상 비디오 동영상",
    "audio": "audio voice music speech podcast song sound|effect text-to-speech transcri* 음성 음악 오디오 노래",
    "code": "code|editor coding programming copilot ide pull|request developer|assistant source|code compiler"
    " programming|language version|control code|review 코드 코딩 프로그래밍",
    "writing": "writing writer copywriting essay grammar paraphras* blog|post rewrite resume proofread*"
    " 글쓰기 작문 문장 교정",
    "chat": "chatbot chat conversational companion messenger voice|chat ai|assistant 챗봇 대화 비서",
    "search": "search|engine answer|engine semantic|search site|search enterprise|search 검색",
    "data": "analytics spreadsheet sql dashboard dataset database data|analytics data|analysis business|intelligence"
    " data|warehouse data|science 데이터 분석",
    "productivity": "productivity meeting to-do note|taking task project|management work|management workflow kanban"
    " checklist automation calendar todo task|manager task|management project workspace 생산성 회의 일정 업무",
    "marketing": "marketing seo ad advertising social|media email|marketing campaign newsletter 마케팅 광고",
    "business": "sale crm customer|service customer|support finance legal hr hris payroll recruit* invoice accounting"
    " bookkeeping staffing hiring consulting helpdesk retirement|calculator workforce 비즈니스 영업 고객 재무 회계",
    "education": "education student teacher course tutor tutoring quiz lesson classroom math training|course"
    " learning|platform certification 교육 학습 공부 학생",
    "design": "design designer logo ui ux presentation wireframe prototyp* website|builder branding css figma"
    " 디자인 로고 발표",
    "developer": "api sdk llm framework inference deploy deployment serverless library infrastructure kubernetes"
    " open-source|model machine|learning vector|database app|development software|development developer|tool"
    " documentation quickstart web|development cloud cdn firewall python javascript command-line package container"
    " multi-agent 개발자 프레임워크",
    "research": "research|paper paper academic scientific science literature citation bibliograph* arxiv"
    " neural|radiance 연구 논문",
}
_TOKEN = re.compile(r"[\w-]+")


def _lookup() -> tuple[dict[str, str], list[tuple[str, str]]]:
    exact: dict[str, str] = {}
    stems: list[tuple[str, str]] = []
    for category, words in _WORDS.items():
        for word in words.split():
            if word.endswith("*"):
                stems.append((word[:-1], category))
            else:
                exact[word.replace("|", " ")] = category
    return exact, stems


_EXACT, _STEMS = _lookup()
_STARTS = tuple(stem for stem, _ in _STEMS)


def lower_words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _TOKEN.findall(text.lower())


def categories_in(words: list[str]) -> Iterator[str]:
    """The category of each word that has one, and of each pair of words."""
    singular = [word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words]
    for place, word in enumerate(singular):
        pair = f"{word} {singular[place + 1]}" if place + 1 < len(singular) else ""
        category = _EXACT.get(pair) or _EXACT.get(word) or _by_start(word)
        if category:
            yield category


def _by_start(word: str) -> str | None:
    if word.startswith(_STARTS):
        return next(category for stem, category in _STEMS if word.startswith(stem))
    if HANGUL.match(word):  # particles stick to Korean words
        return next((found for end in range(len(word), 1, -1) if (found := _EXACT.get(word[:end]))), None)
    return None


def speaks_of_category(category: str, text: str) -> bool:
    """Whether any word of a text speaks for a category."""
    return category in set(categories_in(lower_words(text)))
