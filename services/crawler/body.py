"""Reads a response's body within bounds: decompressed block by block, so that a bomb never inflates whole."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Iterator
from typing import Protocol

import brotli
from toolscout.errors import FetchError

BLOCK = 1 << 16  # bytes: what is read from the wire, or inflated, at one time
GZIP = b"\x1f\x8b"
MAGIC = (b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", GZIP, b"\x7fELF", b"MZ\x90")
CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))  # ESC belongs to ISO-2022-JP
# Before 1.2 brotli could not bound its output: br is then neither offered nor read.
HAS_BROTLI = hasattr(brotli.Decompressor, "can_accept_more_data")
CODINGS = "gzip, deflate, br" if HAS_BROTLI else "gzip, deflate"


class Decoder(Protocol):
    """A content coding: yields what `data` decodes to in bounded blocks; `complete` once the stream has ended."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    @property
    def complete(self) -> bool: ...


class Identity:
    """No coding; whether all came is for HTTP's own framing to say."""

    complete = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class Inflate:
    """gzip (also of several members), zlib, and the bare deflate that some servers call `deflate`."""

    def __init__(self) -> None:
        self._head = b""
        self._stream: zlib._Decompress | None = None

    @property
    def complete(self) -> bool:
        return self._stream.eof if self._stream else not self._head

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._stream = zlib.decompressobj(_window(data))
        yield from self._inflate(data)

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        block = b""
        while data or len(block) == BLOCK:  # a full block may have more behind it, with no input left
            if self._stream is None or self._stream.eof:
                if not data.startswith(GZIP):
                    return  # padding after the end, as browsers ignore it
                self._stream = zlib.decompressobj(31)
            block = self._stream.decompress(data, BLOCK)
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            yield block


class Brotli:
    """br."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._fed = False

    @property
    def complete(self) -> bool:
        return not self._fed or self._stream.is_finished()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._fed = True
        if self._stream.is_finished():
            return
        yield self._stream.process(data, output_buffer_limit=BLOCK)
        while not (self._stream.is_finished() or self._stream.can_accept_more_data()):
            yield self._stream.process(b"", output_buffer_limit=BLOCK)


async def read_body(
    wire: AsyncIterable[bytes], coding: str, *, limit: int, truncate: bool = False
) -> tuple[bytes, int]:
    """The decoded body and the bytes that came over the wire; past `limit` decoded bytes it is cut or refused.

    Raises FetchError: too_large, incomplete_body, bad_encoding, unsupported_encoding.
    """
    decoder, body, received = _decoder(coding), bytearray(), 0
    async for data in wire:
        received += len(data)
        for block in _decoded(decoder, data):
            body += block
            if len(body) > limit:
                return bytes(_cut(body, limit, truncate)), received
        if received > limit + BLOCK:  # empty blocks without end: much comes in, nothing comes out
            raise too_large(limit)
    if not decoder.complete:
        raise FetchError("The compressed body ends early.", reason="incomplete_body", permanent=False)
    return bytes(body), received


def check_text(body: bytes, content_type: str) -> None:
    """Refuses a page that is empty or not text, whatever its header says: empty_body, binary_content.

    One without a Content-Type is unsupported_type instead.
    """
    if not body.strip():
        raise FetchError("The page is empty.", reason="empty_body")
    if _is_binary(body[:4096], content_type.lower()):
        raise FetchError("It is not text.", reason="binary_content" if content_type else "unsupported_type")


def too_large(limit: int) -> FetchError:
    return FetchError(f"It is larger than {limit} bytes.", reason="too_large")


def _decoder(coding: str) -> Decoder:
    name = coding.strip().lower()
    if name in ("", "identity", "none"):
        return Identity()
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflate()
    if name == "br" and HAS_BROTLI:
        return Brotli()
    raise FetchError(f"It is encoded as {name[:40]!r}, which was not offered.", reason="unsupported_encoding")


def _decoded(decoder: Decoder, data: bytes) -> Iterator[bytes]:
    try:
        yield from decoder.feed(data)
    except (zlib.error, brotli.error) as error:
        raise FetchError(f"The compressed body is broken: {error}", reason="bad_encoding") from error


def _cut(body: bytearray, limit: int, truncate: bool) -> bytearray:
    if not truncate:
        raise too_large(limit)
    return body[:limit]


def _window(head: bytes) -> int:
    """zlib's wbits: gzip or zlib by their headers (RFC 1950, 2.2; RFC 1952, 2.3.1), else bare deflate."""
    is_zlib = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return 47 if is_zlib or head.startswith(GZIP) else -15


def _is_binary(head: bytes, content_type: str) -> bool:
    if head.startswith(MAGIC):
        return True
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or "charset=utf-16" in content_type:
        return False
    controls = len(head) - len(head.translate(None, CONTROL_BYTES))
    return b"\x00" in head or controls > len(head) / 10
