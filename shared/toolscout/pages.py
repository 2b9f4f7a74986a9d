"""Raw page store: each body once, under its digest, as a gzipped WARC record that warcio reads.

`raw_html_storage/ab/cd/<sha256>.warc.gz`. A file appears whole (temp + rename); `sync` makes a batch durable before the
catalogue refers to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from toolscout.errors import NotFound

# What warcio and zlib raise over a damaged record.
UNREADABLE = (
    OSError,
    StopIteration,
    ValueError,
    AttributeError,
    EOFError,
    zlib.error,
    ArchiveLoadFailed,
    StatusAndHeadersParserException,
)


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class PageStore:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._unsynced: set[Path] = set()

    def path(self, digest: str) -> Path:
        return self.directory / digest[:2] / digest[2:4] / f"{digest}.warc.gz"

    def put(self, url: str, body: bytes, headers: dict[str, str], fetched_at: float, status: int = 200) -> str:
        """Stores a body and returns its sha256; a body that is there already, undamaged, is left alone."""
        digest = digest_of(body)
        path = self.path(digest)
        if not self._has(digest):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, _record(url, body, headers, fetched_at, status))
            self._unsynced.add(path)
        return digest

    def _write(self, path: Path, record: bytes) -> None:
        handle, temp = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(record)
            Path(temp).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temp).unlink()
            raise

    def sync(self) -> None:
        """Forces what was put since the last call, and its folders' entries, to the disk."""
        paths, self._unsynced = self._unsynced, set()
        folders = {path.parent for path in paths}
        for path in [*paths, *folders, *{folder.parent for folder in folders}, self.directory]:
            # Pruned by another worker meanwhile: then nobody refers to it.
            with contextlib.suppress(FileNotFoundError):
                _fsync(path)

    def get(self, digest: str) -> tuple[bytes, dict[str, str]]:
        """(body, headers as served). NotFound when the file is gone or damaged."""
        try:
            with self.path(digest).open("rb") as file:
                record = next(iter(ArchiveIterator(file)))
                body = record.content_stream().read()
                headers = {name.lower(): value for name, value in record.http_headers.headers}
        except UNREADABLE as error:
            raise NotFound(f"raw page {digest[:12]} is missing", reason="raw_page_missing") from error
        if digest_of(body) != digest:
            raise NotFound(f"raw page {digest[:12]} is damaged", reason="raw_page_damaged")
        return body, headers

    def _has(self, digest: str) -> bool:
        try:
            self.get(digest)
        except NotFound:
            return False
        return True

    def drop(self, digests: Iterable[str]) -> None:
        for digest in digests:
            with contextlib.suppress(FileNotFoundError):
                self.path(digest).unlink()


def _record(url: str, body: bytes, headers: dict[str, str], fetched_at: float, status: int) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    # The body is kept as decoded, so the headers must not claim another coding or length.
    kept = [
        (k, v)
        for k, v in headers.items()
        if k.lower() not in {"content-encoding", "content-length", "transfer-encoding"}
    ]
    http = StatusAndHeaders(f"{status} OK", [*kept, ("Content-Length", str(len(body)))], protocol="HTTP/1.1")
    date = datetime.fromtimestamp(fetched_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = writer.create_warc_record(
        url, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict={"WARC-Date": date}
    )
    writer.write_record(record)
    return out.getvalue()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
