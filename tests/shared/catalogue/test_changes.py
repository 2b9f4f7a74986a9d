import threading
import time

import sqlalchemy as sa
from toolscout.catalogue import changes, hosts, searches, tools
from toolscout.catalogue.tables import chunks, feedback, pages
from toolscout.domain import State


def add_tool(conn, site="a.example", **values):
    base = {"url": f"https://{site}/", "name": site, "platforms": [], "languages": [], "sources": {}}
    return tools.upsert(conn, site, base | values, 1.0)


def add_page(conn, tool_id, url):
    row = {"url": url, "host": "h", "site": "s", "state": State.INDEXED, "created_at": 0, "updated_at": 0}
    return conn.execute(sa.insert(pages).values(**row, tool_id=tool_id).returning(pages.c.id)).scalar_one()


def add_chunks(conn, page_id, tool_id, count):
    version = changes.draw(conn)
    common = {"page_id": page_id, "tool_id": tool_id, "title": "t", "text": "x", "digest": "d", "encoder": "e"}
    rows = [common | {"ordinal": n, "vector": b"\0" * 768, "version": version} for n in range(count)]
    conn.execute(sa.insert(chunks), rows)
    return version


def test_changes_come_in_whole_versions_with_deletions(catalogue):
    with catalogue.write() as conn:
        tool_id = add_tool(conn)
        page_id = add_page(conn, tool_id, "https://a.example/")
        first = add_chunks(conn, page_id, tool_id, 3)
    with catalogue.write() as conn:
        second = add_chunks(conn, page_id, tool_id, 4)
    with catalogue.read() as conn:
        everything = changes.since(conn, 0)
        limited = changes.since(conn, 0, limit=2)
    assert (everything.version, len(everything.added)) == (second, 7)
    assert (limited.version, len(limited.added)) == (first, 3)
    with catalogue.write() as conn:
        gone = [row.id for row in everything.added[:2]]
        changes.delete(conn, gone, changes.draw(conn))
    with catalogue.read() as conn:
        later = changes.since(conn, second)
        assert (len(later.added), sorted(later.deleted)) == (0, sorted(gone))
        assert changes.since(conn, later.version).version == later.version


def test_no_version_appears_below_one_that_a_reader_has_seen(catalogue):
    with catalogue.write() as conn:
        tool_id = add_tool(conn)
        page_id = add_page(conn, tool_id, "https://a.example/")
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        version = 0
        while not stop.is_set() or version < changes_total:
            with catalogue.read() as conn:
                found = changes.since(conn, version)
            seen.extend(row.id for row in found.added)
            version = found.version
            time.sleep(0.001)

    def write() -> None:
        for _ in range(15):
            with catalogue.write() as conn:
                add_chunks(conn, page_id, tool_id, 2)

    changes_total = 45
    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    with catalogue.read() as conn:
        every = list(conn.execute(sa.select(chunks.c.id)).scalars())
    assert sorted(seen) == sorted(every)
    assert len(seen) == 90


def test_one_turn_a_host_and_a_delay_between_two(catalogue):
    with catalogue.write() as conn:
        assert hosts.take_turn(conn, "h", "one", 100.0, 30) == 0
        assert 0 < hosts.take_turn(conn, "h", "two", 100.0, 30) <= 30
        assert hosts.take_turn(conn, "other", "two", 100.0, 30) == 0
        hosts.end_turn(conn, "h", "one", 105.0)
        assert hosts.take_turn(conn, "h", "two", 103.0, 30) == 2.0
        hosts.postpone(conn, "h", 120.0)
        hosts.postpone(conn, "h", 110.0)
        assert hosts.take_turn(conn, "h", "two", 105.0, 30) == 15.0
        assert hosts.take_turn(conn, "h", "two", 121.0, 30) == 0
        assert hosts.take_turn(conn, "h", "three", 152.0, 30) == 0  # its holder died


def test_only_one_of_many_gets_the_turn(catalogue, together):
    def take(owner: str) -> float:
        with catalogue.write() as conn:
            return hosts.take_turn(conn, "h", owner, 100.0, 30)

    assert together(*[lambda o=o: take(o) for o in "abcdef"]).count(0.0) == 1


def test_robots_records_are_kept_by_host(catalogue):
    with catalogue.write() as conn:
        assert hosts.robots(conn, "h") is None
        for status in ("unreachable", "ok"):
            hosts.put_robots(conn, "h", status=status, text="x", fetched_at=1.0, expires_at=2.0)
        assert hosts.robots(conn, "h").robots_status == "ok"


def test_a_sites_tool_keeps_its_id(catalogue):
    with catalogue.write() as conn:
        first = add_tool(conn, name="Old")
        assert add_tool(conn, name="New") == first
        assert tools.get(conn, first).name == "New"


def test_filters_narrow_by_every_field(catalogue):
    with catalogue.write() as conn:
        a = add_tool(conn, "a.example", category="image", pricing="free", platforms=["web", "ios"], languages=["en"])
        b = add_tool(conn, "b.example", category="image", pricing="paid", platforms=["windows"], languages=["ko", "en"])
        c = add_tool(conn, "c.example", category="audio", platforms=["web"], languages=["ko"], hidden=True)
        assert tools.ids_matching(conn, {}) == {a, b}
        assert tools.ids_matching(conn, {"category": ["image"], "pricing": ["free", "paid"]}) == {a, b}
        assert tools.ids_matching(conn, {"platform": ["web"]}) == {a}
        assert tools.ids_matching(conn, {"language": ["ko"]}) == {b}
        assert tools.ids_matching(conn, {"platform": ["we"]}) == set()
        total, rows, facets = tools.page(conn, {}, "A.EXA", 0, 10)
        assert (total, [row.id for row in rows]) == (1, [a])
        assert facets == {"category": {"image": 1}, "pricing": {"free": 1}}
        assert c not in tools.many(conn, [a, b, c])


def test_the_last_rating_of_a_session_wins(catalogue):
    search = {
        "id": "s1",
        "session_id": "me",
        "created_at": 1.0,
        "ab_group": "stable",
        "query": "q",
        "filters": {},
        "results": [{"tool_id": 1}],
        "no_match": False,
        "index_version": 1,
        "encoder": "e",
        "timings": {},
    }
    rating = {"search_id": "s1", "session_id": "me", "tool_id": 0, "score": None, "comment": None, "created_at": 2.0}
    with catalogue.write() as conn:
        searches.add(conn, search)
        searches.rate(conn, rating | {"rating": "up"})
        searches.rate(conn, rating | {"rating": "down"})
        assert conn.execute(sa.select(feedback.c.rating)).scalars().all() == ["down"]
        assert searches.get(conn, "s1").results == [{"tool_id": 1}]
        assert searches.get(conn, "s2") is None
