"""robots.txt: what it forbids is not visited, and a server that can't say has not allowed anything."""

import asyncio
import time

import pytest
from aiohttp import web
from toolscout.errors import FetchError

from services.crawler.robots import KEEP_S, RETRY_S, MemoryStore, Robots, RobotsRecord

pytestmark = pytest.mark.anyio
AGENT = "Toolscout/0.1 (+https://example.org/bot)"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def robots(fetcher, store: MemoryStore) -> Robots:
    return Robots(fetcher, store, AGENT)


def status(code: int, **headers: str):
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=code, headers=headers)

    return handler


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ("User-agent: *\nDisallow: /private", False),
        ("User-agent: toolscout\nDisallow: /", False),
        ("User-agent: TOOLSCOUT\nDisallow: /private\n\nUser-agent: *\nAllow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Toolscout\nAllow: /", True),
        ("User-agent: *\nDisallow: /private\nAllow: /private/page", True),
        ("User-agent: *\nDisallow: /*page$", False),
        ("User-agent: other\nDisallow: /", True),
        ("User-agent: *\nDisallow:", True),
        ("\ufeffUser-agent: *\r\nDisallow: /private\r\n", False),
        ("<html>not found</html>", True),
        ("", True),
    ],
)
async def test_rules(site, robots: Robots, rules: str, allowed: bool) -> None:
    site["/robots.txt"] = rules
    assert await robots.allows(site.url("/private/page")) == allowed


async def test_a_forbidden_page_is_never_asked(site, fetcher, robots: Robots) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /"
    with pytest.raises(FetchError) as error:
        await fetcher.get(site.url(), robots=robots)
    assert (error.value.reason, error.value.permanent) == ("robots_disallowed", True)
    assert site.paths() == ["/robots.txt"]


async def test_a_redirect_to_a_forbidden_page_is_not_followed(site, fetcher, robots: Robots) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /private"
    site["/go"] = status(302, Location="/private")
    with pytest.raises(FetchError) as error:
        await fetcher.get(site.url("/go"), robots=robots)
    assert error.value.reason == "robots_disallowed"
    assert site.paths() == ["/robots.txt", "/go"]


@pytest.mark.parametrize("code", [401, 403, 404, 410])
async def test_a_site_without_rules_may_be_visited(site, robots: Robots, store: MemoryStore, code: int) -> None:
    site["/robots.txt"] = status(code)
    assert await robots.allows(site.url())
    record = store.get(f"127.0.0.1:{site.port}")
    assert record
    assert (record.status, record.expires_at - record.fetched_at) == ("missing", KEEP_S)


@pytest.mark.parametrize("code", [500, 503, 429])
async def test_a_server_that_fails_gives_no_permission(site, robots: Robots, store: MemoryStore, code: int) -> None:
    site["/robots.txt"] = status(code)
    with pytest.raises(FetchError) as error:
        await robots.allows(site.url())
    assert (error.value.reason, error.value.permanent) == ("robots_unreachable", False)
    assert error.value.retry_after == pytest.approx(RETRY_S, abs=5)
    site["/robots.txt"] = "User-agent: *\nAllow: /"
    with pytest.raises(FetchError):
        await robots.allows(site.url())  # remembered, and not asked again at once
    assert len(site.seen) == 1


async def test_an_unreachable_server_is_asked_again_later(site, robots: Robots, store: MemoryStore) -> None:
    now = time.time()
    store.put(f"127.0.0.1:{site.port}", RobotsRecord(None, "unreachable", now - RETRY_S - 1, now - 1))
    site["/robots.txt"] = "User-agent: *\nAllow: /"
    assert await robots.allows(site.url())


async def test_what_is_remembered_is_kept_until_it_expires(site, robots: Robots, store: MemoryStore) -> None:
    now, rules = time.time(), "User-agent: *\nDisallow: /"
    store.put(f"127.0.0.1:{site.port}", RobotsRecord(rules, "ok", now, now + 60))
    assert not await robots.allows(site.url())
    assert site.seen == []
    store.put(f"127.0.0.1:{site.port}", RobotsRecord(rules, "ok", now - KEEP_S, now - 1))
    assert await robots.allows(site.url())
    assert site.paths() == ["/robots.txt"]


async def test_redirected_rules_hold(site, robots: Robots) -> None:
    site["/robots.txt"] = status(301, Location="/real.txt")
    site["/real.txt"] = "User-agent: *\nDisallow: /"
    assert not await robots.allows(site.url())


async def test_rules_that_lead_in_a_circle_are_none(site, robots: Robots) -> None:
    site["/robots.txt"] = status(302, Location="/robots.txt")
    assert await robots.allows(site.url())


async def test_rules_at_a_private_address_are_not_fetched(site, elsewhere, robots: Robots) -> None:
    site["/robots.txt"] = status(302, Location=elsewhere.url("/robots.txt"))
    with pytest.raises(FetchError) as error:
        await robots.allows(site.url())
    assert error.value.reason == "address_forbidden"
    assert elsewhere.seen == []


async def test_many_who_ask_at_the_same_time_fetch_it_once(site, fetcher, robots: Robots) -> None:
    site["/robots.txt"] = "User-agent: *\nAllow: /"
    assert await asyncio.gather(*(robots.allows(site.url(f"/{n}")) for n in range(10))) == [True] * 10
    await asyncio.gather(*(fetcher.get(site.url(), robots=robots) for _ in range(3)))
    assert site.paths() == ["/robots.txt", "/", "/", "/"]


async def test_of_endless_rules_the_first_500_kib_count(site, robots: Robots) -> None:
    filler = "".join(f"Disallow: /never/{n:050}\n" for n in range(12_000))
    site["/robots.txt"] = f"User-agent: *\nDisallow: /early\n{filler}Disallow: /late\n"
    assert not await robots.allows(site.url("/early"))
    assert await robots.allows(site.url("/late"))


async def test_odd_bytes_in_rules_can_be_stored_and_do_not_open_the_site(
    site, robots: Robots, store: MemoryStore
) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(body=b"# \xff\xfe\x00\xed\xa0\x80\nUser-agent: *\nDisallow: /\n\x00")

    site["/robots.txt"] = odd
    assert not await robots.allows(site.url())
    record = store.get(f"127.0.0.1:{site.port}")
    assert record
    assert record.text
    assert "\x00" not in record.text
    record.text.encode()


@pytest.mark.parametrize(
    ("text", "delay"), [("Crawl-delay: 7", 7), ("Crawl-delay: soon", None), ("Crawl-delay: -1", None)]
)
async def test_the_delay_that_a_site_asks_for(site, robots: Robots, text: str, delay: float | None) -> None:
    site["/robots.txt"] = f"User-agent: *\n{text}\n"
    assert await robots.crawl_delay(site.url()) is None
    assert site.seen == []
    await robots.allows(site.url())
    assert await robots.crawl_delay(site.url()) == delay
