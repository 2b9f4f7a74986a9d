"""Who is the operator: the admin key as a header, or the cookie that a browser gets for it."""

from __future__ import annotations

import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from fastapi import Request
from itsdangerous import BadSignature, TimestampSigner
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from toolscout.catalogue import Catalogue, meta
from toolscout.errors import AdminKeyNeeded, RateLimited

if TYPE_CHECKING:
    from services.gateway.state import Gateway

COOKIE = "toolscout_admin"
COOKIE_SECONDS = 12 * 3600
FAILURES = parse("10/minute")
WORD = "operator"


class Admin:
    """Knows the operator by the catalogue's key, and slows down who guesses."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._failures = FixedWindowRateLimiter(MemoryStorage())

    def knows(self, headers: Headers) -> bool:
        """Whether a request carries the key or the cookie. Looks into the catalogue: blocks."""
        key, cookie = _bearer(headers.get("authorization", "")), _cookie(headers.get("cookie", ""))
        if not key and not cookie:
            return False
        with self._catalogue.read() as conn:
            if key and meta.is_admin_key(conn, key):
                return True
            signer = _signer(meta.get(conn, "session_secret"), meta.get(conn, "admin_key_sha256"))
        try:
            return bool(cookie) and signer.unsign(cookie, max_age=COOKIE_SECONDS).decode() == WORD
        except BadSignature:
            return False

    def log_in(self, key: str, client: str) -> str:
        """The cookie's value for the right key. Raises AdminKeyNeeded, or RateLimited after ten wrong ones a minute."""
        if not self._failures.test(FAILURES, client):
            wait = self._failures.get_window_stats(FAILURES, client).reset_time - time.time()
            raise RateLimited("Too many wrong keys.", retry_after=max(1.0, wait))
        with self._catalogue.read() as conn:
            right = meta.is_admin_key(conn, key)
            signer = _signer(meta.get(conn, "session_secret"), meta.get(conn, "admin_key_sha256"))
        if not right:
            self._failures.hit(FAILURES, client)
            raise AdminKeyNeeded(
                "That is not the admin key.",
                reason="wrong_admin_key",
                remedy="The first start printed it; `toolscout admin-key --reset` makes another.",
            )
        return signer.sign(WORD).decode()


def _signer(secret: str | None, key_hash: str | None) -> TimestampSigner:
    # Bound to the key: a reset ends every log-in.
    return TimestampSigner(f"{secret}:{key_hash}", salt=COOKIE)


def _bearer(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


async def is_admin(request: Request) -> bool:
    """Whether the request carries the admin key or the operator's cookie."""
    headers = request.headers
    if "authorization" not in headers and COOKIE not in headers.get("cookie", ""):
        return False
    gateway: Gateway = request.app.state.gateway
    return await gateway.in_thread(gateway.admin.knows, headers)


async def need_admin(request: Request) -> None:
    """For routes that only the operator may use."""
    if not await is_admin(request):
        raise AdminKeyNeeded()


async def need_local_or_admin(request: Request) -> None:
    """Off loopback, what shows the inside of the system needs the key."""
    if not request.state.local and not await is_admin(request):
        raise AdminKeyNeeded()
