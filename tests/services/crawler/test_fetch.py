"""What servers do by mistake or by malice, and how it ends."""

import asyncio
import gzip
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import brotli
import pytest
from aiohttp import web
from toolscout.errors import FetchError

from services.crawler.fetch import Fetcher, GuardedResolver

pytestmark = pytest.mark.anyio
MB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def answer(status: int = 200, body: bytes = b"<p>text", **headers: str) -> Callable:
    named = {"Content-Type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=named)

    return handler


async def failure(fetcher: Fetcher, url: str, **options: Any) -> FetchError:
    with pytest.raises(FetchError) as error:
        await fetcher.get(url, **options)
    return error.value


async def test_a_page_arrives_with_its_useful_headers(site, fetcher) -> None:
    body = "<p>한글 안내".encode("euc-kr")
    headers = {"Content-Type": "text/html; charset=euc-kr", "ETag": '"v1"', "Set-Cookie": "a=b", "X-Powered-By": "x"}
    site["/p"] = answer(body=body, **headers)
    fetched = await fetcher.get(site.url("/p#part"))
    assert (fetched.status, fetched.body, fetched.redirects) == (200, body, [])
    assert fetched.headers == {"content-type": "text/html; charset=euc-kr", "etag": '"v1"'}
    assert fetched.final_url == site.url("/p")


async def test_the_crawler_says_who_it_is_and_sends_no_cookie_back(site, fetcher) -> None:
    site["/p"] = answer(Set_Cookie="a=b")
    await fetcher.get(site.url("/p"))
    await fetcher.get(site.url("/p"))
    assert all(request.headers["User-Agent"].startswith("Toolscout/") for request in site.seen)
    assert not any("Cookie" in request.headers for request in site.seen)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"<p>text" * 999)),
        ("gzip", gzip.compress(b"<p>text" * 500) + gzip.compress(b"<p>text" * 499)),
        ("deflate", zlib.compress(b"<p>text" * 999)),
        ("deflate", zlib.compress(b"<p>text" * 999)[2:-4]),
        ("br", brotli.compress(b"<p>text" * 999)),
        ("identity", b"<p>text" * 999),
    ],
    ids=["gzip", "gzip of two", "zlib", "bare deflate", "brotli", "none"],
)
async def test_every_coding_that_is_offered_is_read(raw, fetcher_of, coding: str, packed: bytes) -> None:
    url = await raw(OK, f"Content-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode(), packed)
    fetched = await (await fetcher_of("127.0.0.0/8")).get(url)
    assert fetched.body == b"<p>text" * 999
    assert fetched.wire_bytes == len(packed)


@pytest.mark.parametrize("where", ["same host", "0x7f.1", "169.254.169.254", "[::ffff:127.0.0.1]", "localhost"])
async def test_a_redirect_to_a_private_address_is_refused(site, elsewhere, fetcher, where: str) -> None:
    host = where if where != "same host" else "127.0.0.1"
    site["/go"] = answer(302, Location=elsewhere.url(host=host))
    error = await failure(fetcher, site.url("/go"))
    assert (error.reason, error.permanent) == ("address_forbidden", True)
    assert elsewhere.seen == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/", "http://[::1", "data:text/html,x"])
async def test_a_redirect_to_what_is_no_web_address_is_refused(site, fetcher, location: str) -> None:
    site["/go"] = answer(302, Location=location)
    assert (await failure(fetcher, site.url("/go"))).reason in ("bad_redirect", "invalid_url")


async def test_a_redirect_is_followed_and_told(site, fetcher) -> None:
    site["/go"] = answer(301, Location="/new?utm_source=x#part")
    site["/new"] = answer()
    fetched = await fetcher.get(site.url("/go"))
    assert fetched.redirects == [site.url("/new?utm_source=x")]
    assert fetched.final_url == site.url("/new")


@pytest.mark.parametrize("kind", ["itself", "in a circle", "further and further"])
async def test_endless_redirects_end(site, fetcher, kind: str) -> None:
    async def further(request: web.Request) -> web.Response:
        n = len(site.seen)
        path = {"itself": "/go", "in a circle": f"/go?{n % 2}", "further and further": f"/go?{n}"}[kind]
        return web.Response(status=302, headers={"Location": path})

    site["/go"] = further
    error = await failure(fetcher, site.url("/go"))
    assert (error.reason, error.permanent) == ("too_many_redirects", True)
    assert len(site.seen) <= 6


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """At the network's edge: `tool.example` has other addresses at each look-up. Returns the look-ups."""
    real, asked = socket.getaddrinfo, []

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list:
        if host != "tool.example":
            return real(host, port, *args, **kwargs)
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_that_leads_to_a_private_address_is_refused(site, fetcher_of, monkeypatch) -> None:
    names(monkeypatch, ["127.0.0.1"])
    error = await failure(await fetcher_of(), site.url(host="tool.example"))
    assert error.reason == "address_forbidden"
    assert site.seen == []


async def test_a_name_that_is_public_first_and_private_then_is_refused_then(site, fetcher, monkeypatch) -> None:
    # 127.0.0.1 is on the allow list and stands for the public address, 127.0.0.2 for the private one.
    asked = names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    site["/p"] = answer(Connection="close")
    assert (await fetcher.get(site.url("/p", host="tool.example"))).status == 200
    assert len(asked) == 1  # what was checked is what was asked
    error = await failure(fetcher, site.url("/p", host="tool.example"))
    assert error.reason == "address_forbidden"
    assert len(site.seen) == 1


async def test_who_is_connected_is_looked_at_again_before_anything_is_sent(elsewhere, fetcher, monkeypatch) -> None:
    async def lie(*_: Any, **__: Any) -> list:
        return [{"hostname": "x", "host": "127.0.0.1", "port": elsewhere.port, "family": 2, "proto": 6, "flags": 0}]

    monkeypatch.setattr(GuardedResolver, "resolve", lie)
    error = await failure(fetcher, elsewhere.url(host="tool.example"))
    assert error.reason == "address_forbidden"
    assert elsewhere.seen == []


async def test_of_several_addresses_only_permitted_ones_are_asked(site, fetcher, monkeypatch) -> None:
    names(monkeypatch, ["127.0.0.2", "10.0.0.1", "127.0.0.1"])
    assert (await fetcher.get(site.url(host="tool.example"))).status == 200


async def test_a_name_without_address_may_be_tried_again(fetcher, monkeypatch) -> None:
    def fails(*_: Any, **__: Any) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    error = await failure(fetcher, "http://tool.example/")
    assert (error.reason, error.permanent) == ("dns_failure", False)


async def test_a_gibibyte_is_cut_off_early(site, fetcher_of) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        block = b"x" * 65536
        while sent < 1024 * MB:
            await response.write(block)
            sent += len(block)
        return response

    site["/big"] = endless
    fetcher = await fetcher_of(f"127.0.0.1:{site.port}", max_bytes=MB)
    tracemalloc.start()
    error = await failure(fetcher, site.url("/big"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.reason, error.permanent) == ("too_large", True)
    assert sent < 64 * MB
    assert peak < 16 * MB


async def test_an_announced_gibibyte_is_not_even_begun(raw, fetcher_of) -> None:
    url = await raw(OK + f"Content-Length: {1024 * MB}\r\n\r\n".encode(), b"x" * 100, pause=5)
    started = time.monotonic()
    assert (await failure(await fetcher_of("127.0.0.0/8"), url)).reason == "too_large"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [("gzip", gzip.compress(bytes(64 * MB), 1)), ("gzip", gzip.compress(bytes(MB)) * 512), ("br", None)],
    ids=["one member", "many members", "brotli"],
)
async def test_a_bomb_never_inflates_whole(site, fetcher_of, coding: str, bomb: bytes | None) -> None:
    site["/bomb"] = answer(body=bomb or brotli.compress(bytes(64 * MB), quality=1), Content_Encoding=coding)
    fetcher = await fetcher_of(f"127.0.0.1:{site.port}", max_bytes=MB)
    tracemalloc.start()
    error = await failure(fetcher, site.url("/bomb"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.reason == "too_large"
    assert peak < 8 * MB


@pytest.mark.parametrize(
    "body", [b"\x89PNG\r\n\x1a\n" + bytes(99), b"%PDF-1.7 text", b"<p>" + bytes(9), bytes(range(32)) * 9]
)
async def test_what_only_says_that_it_is_html_is_refused(site, fetcher, body: bytes) -> None:
    site["/p"] = answer(body=body)
    assert (await failure(fetcher, site.url("/p"))).reason == "binary_content"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("application/pdf", "unsupported_type"),
        ("image/png", "unsupported_type"),
        ("application/json", "unsupported_type"),
    ],
)
async def test_other_types_are_refused(site, fetcher, kind: str, reason: str) -> None:
    site["/p"] = answer(Content_Type=kind)
    assert (await failure(fetcher, site.url("/p"))).reason == reason


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
async def test_an_empty_page_is_refused(site, fetcher, body: bytes) -> None:
    site["/p"] = answer(body=body)
    assert (await failure(fetcher, site.url("/p"))).reason == "empty_body"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le"])
async def test_text_of_two_bytes_a_letter_is_text(site, fetcher, charset: str) -> None:
    site["/p"] = answer(body="<p>Text".encode(charset), Content_Type=f"text/html; charset={charset}")
    assert (await fetcher.get(site.url("/p"))).body


HALF = gzip.compress(bytes(range(256)) * 40)[:-20]


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 1000\r\n\r\n<p>only the beginning",
        OK + b"Transfer-Encoding: chunked\r\n\r\n10\r\n<p>only",
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(HALF), HALF),
    ],
    ids=["length", "chunks", "gzip"],
)
async def test_a_body_cut_short_is_no_page_and_may_be_tried_again(raw, fetcher_of, answer: bytes) -> None:
    error = await failure(await fetcher_of("127.0.0.0/8"), await raw(answer))
    assert (error.reason, error.permanent) == ("incomplete_body", False)


@pytest.mark.parametrize(
    ("status", "retry_after", "reason", "permanent", "wait"),
    [
        (500, "", "server_error", False, None),
        (500, "5", "server_error", False, 5),
        (502, "soon", "server_error", False, None),
        (503, "120", "unavailable", False, 120),
        (429, "7", "rate_limited", False, 7),
        (429, "-7", "rate_limited", False, None),
        (429, "9" * 12, "rate_limited", False, 86_400),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", "rate_limited", False, 0),
        (403, "5", "access_denied", True, None),
        (404, "", "gone", True, None),
        (410, "", "gone", True, None),
        (418, "", "http_error", True, None),
        (304, "", "http_error", True, None),
    ],
)
async def test_a_status_says_whether_and_when_to_ask_again(
    site, fetcher, status: int, retry_after: str, reason: str, permanent: bool, wait: float | None
) -> None:
    site["/p"] = answer(status, **({"Retry_After": retry_after} if retry_after else {}))
    error = await failure(fetcher, site.url("/p"))
    assert (error.reason, error.permanent, error.http_status) == (reason, permanent, status)
    assert error.retry_after == wait


async def test_retry_after_may_name_a_date(site, fetcher) -> None:
    site["/p"] = answer(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert (await failure(fetcher, site.url("/p"))).retry_after == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("head", [OK + b"X-Slow: ", OK + b"\r\n"], ids=["slow header", "slow body"])
async def test_a_slow_server_is_given_up(raw, fetcher_of, head: bytes) -> None:
    url = await raw(head, *[b"x"] * 100, pause=0.05)
    started = time.monotonic()
    error = await failure(await fetcher_of("127.0.0.0/8", timeout_s=0.3), url)
    assert (error.reason, error.permanent) == ("timeout", False)
    assert time.monotonic() - started < 1.5


async def test_the_time_is_for_all_redirects_together(site, fetcher_of) -> None:
    async def slowly(_: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": f"/go?{len(site.seen)}"})

    site["/go"] = slowly
    fetcher = await fetcher_of(f"127.0.0.1:{site.port}", timeout_s=0.5)
    assert (await failure(fetcher, site.url("/go"))).reason == "timeout"


async def test_nobody_there_may_be_tried_again(fetcher_of, elsewhere) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        error = await failure(await fetcher_of("127.0.0.0/8"), url)
    assert (error.reason, error.permanent) == ("connect_failed", False)


async def test_a_page_not_modified_is_not_sent_again(site, fetcher) -> None:
    async def conditional(request: web.Request) -> web.Response:
        same = request.headers.get("If-None-Match") == '"v1"'
        return web.Response(
            status=304 if same else 200, text="<p>x", content_type="text/html", headers={"ETag": '"v1"'}
        )

    site["/p"] = conditional
    first = await fetcher.get(site.url("/p"))
    assert (first.not_modified, first.headers["etag"]) == (False, '"v1"')
    second = await fetcher.get(site.url("/p"), etag='"v1"', last_modified="Thu, 01 Jan 1970 00:00:00 GMT")
    assert (second.not_modified, second.status, second.body) == (True, 304, b"")
    assert site.seen[-1].headers["If-Modified-Since"] == "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 99999 what\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\nx",
        OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nx",
        OK + b"X: " + b"y" * 100_000 + b"\r\n\r\nx",
        OK + b"Content-Encoding: gzip\r\n\r\nno gzip",
        OK + b"Content-Encoding: zstd\r\n\r\nx",
        b"HTTP/1.1 302 Found\r\nLocation: http://%ff%00/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_whatever_a_server_writes_is_a_failure_with_a_reason(raw, fetcher_of, answer: bytes) -> None:
    error = await failure(await fetcher_of("127.0.0.0/8", timeout_s=5.0), await raw(answer))
    assert error.reason not in ("", "fetch_failed", "timeout")
    assert error.detail


async def test_headers_of_any_bytes_can_be_stored(raw, fetcher_of) -> None:
    url = await raw(OK + b"ETag: \xff\xfe\r\nX-Robots-Tag: \xed\xa0\x80 noindex\r\nContent-Length: 4\r\n\r\n<p>x")
    fetched = await (await fetcher_of("127.0.0.0/8")).get(url)
    assert all(value.encode() is not None for value in fetched.headers.values())
    assert "noindex" in fetched.headers["x-robots-tag"]


async def test_https_to_a_server_without_it_fails_with_a_reason(site, fetcher) -> None:
    error = await failure(fetcher, site.url().replace("http:", "https:"))
    assert error.reason == "tls_error"


async def test_past_the_limit_a_request_may_be_cut(site, fetcher) -> None:
    site["/list"] = answer(body=b"a" * 5000, Content_Type="application/xml")
    assert (await fetcher.request(site.url("/list"), limit=1000, truncate=True)).body == b"a" * 1000
    with pytest.raises(FetchError) as error:
        await fetcher.request(site.url("/list"), limit=1000)
    assert error.value.reason == "too_large"


async def test_a_host_is_asked_one_request_at_a_time(site, fetcher) -> None:
    running, most = 0, 0

    async def slowly(_: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.Response(text="<p>x", content_type="text/html")

    site["/p"] = slowly
    await asyncio.gather(*(fetcher.get(site.url("/p")) for _ in range(5)))
    assert most == 1
