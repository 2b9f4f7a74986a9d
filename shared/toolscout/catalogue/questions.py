"""Questions that an operator keeps, to compare models on."""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa

from toolscout.catalogue.engine import lock, plain
from toolscout.catalogue.tables import questions
from toolscout.errors import Conflict, NotFound

MOST = 50


def every(conn: sa.Connection) -> list[dict[str, Any]]:
    """{id, text, created_at} of each, the oldest first."""
    return list(map(plain, conn.execute(sa.select(questions).order_by(questions.c.id))))


def add(conn: sa.Connection, text: str, now: float) -> tuple[dict[str, Any], bool]:
    """(the question, whether it is new). Raises Conflict where there are MOST already."""
    lock(conn, ["questions"])
    kept = every(conn)
    same = next((one for one in kept if _folded(one["text"]) == _folded(text)), None)
    if same is not None:
        return same, False
    if len(kept) >= MOST:
        raise Conflict(
            f"{MOST} questions are kept already.", reason="too_many_questions", remedy="Remove one that says little."
        )
    stmt = sa.insert(questions).values(text=text, created_at=now).returning(*questions.c)
    return plain(conn.execute(stmt).one()), True


def remove(conn: sa.Connection, question_id: int) -> None:
    """Raises NotFound."""
    if not conn.execute(sa.delete(questions).where(questions.c.id == question_id)).rowcount:
        raise NotFound(f"There is no question {question_id}.", remedy="GET /api/v1/questions lists them.")


def _folded(text: str) -> str:
    """The same for questions that differ in case, spaces, or in how their letters are put together."""
    return unicodedata.normalize("NFKC", " ".join(text.split())).casefold()
