"""The raw page store: each body once, whole or not at all, readable by anybody's WARC tools."""

import gzip
import time
from pathlib import Path

import pytest
from toolscout.errors import NotFound
from toolscout.pages import PageStore, digest_of
from warcio.archiveiterator import ArchiveIterator

URL = "https://a.example/%ED%95%9C?q=1"
BODY = "<p>한글 안내</p>".encode("euc-kr") + bytes(range(256))
HEADERS = {"content-type": "text/html; charset=euc-kr", "content-encoding": "gzip", "transfer-encoding": "chunked"}


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    return PageStore(tmp_path / "raw_html_storage")


def put(store: PageStore, body: bytes = BODY) -> str:
    return store.put(URL, body, HEADERS, 1_700_000_000.0)


def files(store: PageStore) -> list[Path]:
    return [path for path in store.directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "body", [BODY, b"x" * 3_000_000, b"\r\n\r\nWARC/1.0\r\n", b" "], ids=["bytes", "big", "warc", "1"]
)
def test_a_body_comes_back_byte_for_byte(store: PageStore, body: bytes) -> None:
    digest = put(store, body)
    store.sync()
    assert digest == digest_of(body)
    assert store.get(digest)[0] == body


def test_headers_come_back_but_say_nothing_of_the_wire(store: PageStore) -> None:
    headers = store.get(put(store))[1]
    assert headers == {"content-type": "text/html; charset=euc-kr", "content-length": str(len(BODY))}


def test_warcio_reads_what_we_keep(store: PageStore) -> None:
    with store.path(put(store)).open("rb") as file:
        (record,) = [
            (r.rec_type, dict(r.rec_headers.headers), r.content_stream().read()) for r in ArchiveIterator(file)
        ]
    assert record[0] == "response"
    assert record[1]["WARC-Target-URI"] == URL
    assert record[1]["WARC-Date"] == "2023-11-14T22:13:20Z"
    assert record[2] == BODY


def test_the_same_body_is_stored_once(store: PageStore) -> None:
    path = store.path(put(store))
    before = path.stat()
    assert store.put("https://other.example/", BODY, {}, time.time()) == digest_of(BODY)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert files(store) == [path]


def test_a_failed_write_leaves_nothing_behind(store: PageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        put(store)
    assert files(store) == []


def test_a_missing_body_is_not_found(store: PageStore) -> None:
    with pytest.raises(NotFound) as error:
        store.get("0" * 64)
    assert error.value.reason == "raw_page_missing"


def test_wherever_a_file_is_damaged_it_is_not_found(store: PageStore) -> None:
    path = store.path(put(store))
    whole = path.read_bytes()
    cuts = [whole[:n] for n in range(0, len(whole) - 20, 7)]
    flips = [whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1 :] for n in range(0, len(whole), 5)]
    for damaged in [*cuts, *flips, b"<html>", gzip.compress(b""), gzip.compress(b"WARC/1.0\r\n\r\n")]:
        path.write_bytes(damaged)
        try:
            assert store.get(digest_of(BODY))[0] == BODY  # a flipped bit in gzip's own header harms nothing
        except NotFound as error:
            assert error.reason in ("raw_page_missing", "raw_page_damaged")


def test_another_body_under_the_name_is_not_found(store: PageStore) -> None:
    one, two = put(store), put(store, b"two")
    store.path(one).write_bytes(store.path(two).read_bytes())
    with pytest.raises(NotFound) as error:
        store.get(one)
    assert error.value.reason == "raw_page_damaged"


def test_a_damaged_file_is_replaced_by_the_next_put(store: PageStore) -> None:
    path = store.path(put(store))
    path.write_bytes(b"")
    assert store.get(put(store))[0] == BODY


def test_dropping_twice_and_syncing_what_was_dropped_are_harmless(store: PageStore) -> None:
    digest = put(store)
    store.drop([digest])
    store.drop([digest])
    store.sync()
    assert files(store) == []
