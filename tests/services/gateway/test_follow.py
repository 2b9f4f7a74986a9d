import sqlalchemy as sa
from toolscout.catalogue import changes, tools
from toolscout.catalogue.tables import chunks, counters, pages
from toolscout.domain import State

from services.gateway.follow import Follower


def add(catalogue, count):
    with catalogue.write() as conn:
        values = {"url": "https://a.example/", "name": "a", "platforms": [], "languages": [], "sources": {}}
        tool_id = tools.upsert(conn, "a.example", values, 1.0)
        page = {"url": f"https://a.example/{count}", "host": "h", "site": "s", "state": State.INDEXED, "created_at": 0}
        stmt = sa.insert(pages).values(**page, updated_at=0).returning(pages.c.id)
        row = {"page_id": conn.execute(stmt).scalar_one(), "tool_id": tool_id, "title": "t", "text": "x"}
        row |= {"digest": "d", "encoder": "e", "vector": b"\0" * 768, "version": changes.draw(conn)}
        conn.execute(sa.insert(chunks), [row | {"ordinal": n} for n in range(count)])


def test_a_follower_applies_what_was_committed_and_then_rests(sqlite_catalogue):
    follower = Follower(sqlite_catalogue, 1)
    assert not follower.step()
    add(sqlite_catalogue, 3)
    assert follower.step()
    assert not follower.step()
    assert follower.index.ntotal == 3


def test_an_older_copy_of_the_catalogue_is_read_anew(sqlite_catalogue):
    follower = Follower(sqlite_catalogue, 1)
    add(sqlite_catalogue, 3)
    add(sqlite_catalogue, 2)
    while follower.step():
        pass
    with sqlite_catalogue.write() as conn:  # as a backup from before the second commit would stand
        conn.execute(sa.delete(chunks).where(chunks.c.version == 2))
        conn.execute(sa.update(counters).values(value=1))
    while follower.step():
        pass
    assert (follower.index.version, follower.index.ntotal) == (1, 3)
