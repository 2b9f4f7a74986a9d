"""The change log: versions in the order of commits, so that a replica never misses one."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from toolscout.catalogue import Catalogue, changes, tools
from toolscout.catalogue.tables import chunks

AddPages = Callable[..., list[int]]
AddChunks = Callable[[int], list[int]]


@pytest.fixture
def add_chunks(catalogue: Catalogue, add_pages: AddPages) -> AddChunks:
    """Adds n passages in one transaction, which draws one version; returns their ids."""
    (page_id,) = add_pages(catalogue)
    with catalogue.write() as conn:
        values = {"url": "https://a.example/", "name": "A", "platforms": [], "languages": [], "sources": {}}
        tool_id = tools.upsert(conn, "a.example", values, time.time())

    def add(n: int) -> list[int]:
        row = {"page_id": page_id, "tool_id": tool_id, "ordinal": 0, "title": "t", "text": "x", "digest": "d"}
        row |= {"vector": b"v", "encoder": "e"}
        with catalogue.write() as conn:
            version = changes.draw(conn)
            rows = [row | {"version": version}] * n
            return list(conn.execute(sa.insert(chunks).returning(chunks.c.id), rows).scalars())

    return add


def since(catalogue: Catalogue, version: int, limit: int | None = None) -> changes.Changes:
    with catalogue.read() as conn:
        return changes.since(conn, version, limit)


def delete(catalogue: Catalogue, ids: list[int]) -> None:
    with catalogue.write() as conn:
        changes.delete(conn, ids, changes.draw(conn))


def test_a_new_catalogue_is_at_version_0(catalogue: Catalogue) -> None:
    found = since(catalogue, 0)
    assert (found.version, list(found.added), found.deleted) == (0, [], [])


def test_what_was_added_is_seen_once(catalogue: Catalogue, add_chunks: AddChunks) -> None:
    ids = add_chunks(3)
    found = since(catalogue, 0)
    assert (found.version, sorted(r.id for r in found.added)) == (1, sorted(ids))
    assert bytes(found.added[0].vector) == b"v"
    assert list(since(catalogue, 1).added) == []


def test_a_version_rolled_back_is_drawn_again(catalogue: Catalogue) -> None:
    with pytest.raises(RuntimeError), catalogue.write() as conn:
        assert changes.draw(conn) == 1
        raise RuntimeError
    with catalogue.write() as conn:
        assert changes.draw(conn) == 1


def test_deletions_are_told(catalogue: Catalogue, add_chunks: AddChunks) -> None:
    ids = add_chunks(3)
    delete(catalogue, ids[:2])
    assert [(r.id) for r in since(catalogue, 0).added] == ids[2:]
    late = since(catalogue, 1)
    assert (late.version, list(late.added), sorted(late.deleted)) == (2, [], sorted(ids[:2]))


def test_a_number_of_a_gone_chunk_never_comes_back(catalogue: Catalogue, add_chunks: AddChunks) -> None:
    ids = add_chunks(2)
    delete(catalogue, ids)
    assert min(add_chunks(1)) > max(ids)


def test_a_limit_keeps_versions_whole_and_skips_nothing(catalogue: Catalogue, add_chunks: AddChunks) -> None:
    versions = [sorted(add_chunks(n)) for n in (3, 1, 4, 2)]
    delete(catalogue, versions[0][:1])
    seen, gone, at, steps = [], [], 0, 0
    while (found := since(catalogue, at, limit=2)).version != at:
        ids = sorted(r.id for r in found.added)
        assert all(set(v) <= set(ids) | set(versions[0][:1]) for v in versions if set(v) & set(ids))
        seen, gone, at, steps = seen + ids, gone + found.deleted, found.version, steps + 1
    assert (at, seen, gone) == (5, [i for v in versions for i in v][1:], versions[0][:1])
    assert steps > 1


def test_a_follower_of_concurrent_writers_misses_nothing(catalogue: Catalogue, add_chunks: AddChunks) -> None:
    """Were versions drawn in another order than they commit, the follower would pass a version not yet visible."""
    done, seen = threading.Event(), []

    def follow() -> None:
        at = 0
        while True:
            last = done.is_set()
            found = since(catalogue, at, limit=5)
            seen.extend(r.id for r in found.added)
            if last and found.version == at:
                return
            at = found.version

    with ThreadPoolExecutor(5) as pool:
        follower = pool.submit(follow)
        written = [i for ids in pool.map(lambda _: [add_chunks(2) for _ in range(8)], range(4)) for g in ids for i in g]
        done.set()
        follower.result(timeout=30)
    assert sorted(seen) == sorted(written)
    assert since(catalogue, 0).version == 32
