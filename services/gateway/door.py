"""The door of the gateway, one pure ASGI middleware: who asks, from where, how much, and one event for each request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from toolscout import context, events, logs
from toolscout.errors import ConfigError, Forbidden, InvalidInput, RateLimited, TooLarge, ToolscoutError
from toolscout.settings import Settings

from services.gateway.problems import problem, refuse

log = logging.getLogger(__name__)

COOKIE = "toolscout_session"
COOKIE_DAYS = 365
SESSION = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Bytes: a page's HTML may come with process_url, everything else is small.
BODY_LIMITS = {"/api/v1/process_url": 12_000_000}
BODY_LIMIT = 256_000
SEARCH = "/api/v1/search"
DEFAULT_RATE = "120/minute"
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class Door:
    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = LOCAL_NAMES | {_bracketed(settings.host)} | {h.lower() for h in settings.public_hosts}
        self.limits_loopback = bool(settings.rate_limit)
        try:
            self.rate = parse(settings.rate_limit or DEFAULT_RATE)
        except ValueError as error:
            raise ConfigError(f"TOOLSCOUT_RATE_LIMIT: {error}", remedy="Give it like 60/minute.") from error
        self.limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Visit(self, scope, receive, send).serve()

    def session(self, scope: Scope, headers: Headers) -> tuple[str, str]:
        """(session id, cookie to set or ""). API clients name their own session; theirs never meets a browser's."""
        named = headers.get("x-session-id")
        if named is not None:
            if not SESSION.fullmatch(named):
                raise InvalidInput("X-Session-ID takes 1 to 64 letters, digits and _ . : -", reason="invalid_session")
            return f"api:{named}", ""
        signer: Signer = scope["app"].state.gateway.signer
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            if morsel:
                return signer.unsign(morsel.value).decode(), ""
        except (CookieError, BadSignature, UnicodeDecodeError):
            pass
        session = secrets.token_urlsafe(18)
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        value = signer.sign(session).decode()
        attributes = f"; Path=/; Max-Age={COOKIE_DAYS * 86400}; HttpOnly; SameSite=Lax{secure}"
        return session, f"{COOKIE}={value}{attributes}"


class _Visit:
    """One request on its way through the door."""

    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        self.door = door
        self.scope = scope
        self.receive = receive
        self.send_on = send
        self.headers = Headers(scope=scope)
        self.path = scope["path"]
        self.start = time.perf_counter()
        self.status = 0
        self.cookie = ""
        self.limit = BODY_LIMITS.get(self.path, BODY_LIMIT)
        self.received = 0
        self.overflow: ToolscoutError | None = None
        found = TRACEPARENT.fullmatch(self.headers.get("traceparent", ""))
        self.trace_id = found.group(1) if found else context.new_trace_id()

    async def serve(self) -> None:
        local = _is_loopback(self.scope)
        self.scope.setdefault("state", {})["local"] = local
        session = ""
        refused: ToolscoutError | None = None
        try:
            session, self.cookie = self.door.session(self.scope, self.headers)
            self._check(local)
        except ToolscoutError as error:
            refused = error
        self.scope["state"]["session"] = session
        with context.bound(context.Context(self.trace_id, session)):
            try:
                if refused is None:
                    await self._join_group(session)
                    await self._pass_on()
                    refused = self.overflow
                if refused:
                    self.overflow = None
                    await refuse(refused)(self.scope, self.receive, self.send)
            finally:
                self._tell()

    async def _pass_on(self) -> None:
        """Lets the app answer; what it fails at becomes a problem, unless its answer has begun."""
        try:
            await self.door.app(self.scope, self._receive, self.send)
        except Exception:
            if self.overflow:
                return
            log.exception("request failed")
            if self.status:
                raise
            await problem(ToolscoutError())(self.scope, self.receive, self.send)

    async def _join_group(self, session: str) -> None:
        """Whatever a session does is logged under its group. A search decides for itself: it may be the first."""
        if self.path.startswith("/api/") and self.path != SEARCH:
            gateway = self.scope["app"].state.gateway
            exposure = gateway.arms.known(session) or await gateway.in_thread(gateway.arms.peek, session)
            context.join(exposure.group)

    def _check(self, local: bool) -> None:
        self._check_host()
        if "\0" in self.path:
            # PostgreSQL takes none, and no address has one.
            raise InvalidInput("The path holds a NUL character.", reason="invalid_path")
        length = self.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise InvalidInput("Content-Length is no number.")
        if int(length) > self.limit:
            raise self._too_large()
        if self.path.startswith("/api/") and (self.door.limits_loopback or not local):
            client = (self.scope.get("client") or ("unknown", 0))[0]
            if not self.door.limiter.hit(self.door.rate, client):
                reset = self.door.limiter.get_window_stats(self.door.rate, client).reset_time
                raise RateLimited(f"The limit is {self.door.rate}.", retry_after=max(1.0, reset - time.time()))

    def _check_host(self) -> None:
        """An unlisted Host is DNS rebinding; a foreign Origin is another site using our visitor's browser."""
        host = self.headers.get("host", "").lower()
        if _name(host) not in self.door.hosts:
            raise Forbidden(
                f"This server is not known as {host[:100]!r}.",
                reason="unknown_host",
                remedy="Use its own address, or have the operator list the name in TOOLSCOUT_PUBLIC_HOSTS.",
            )
        origin = self.headers.get("origin")
        if origin is not None and self.scope["method"] not in SAFE and urlsplit(origin).netloc.lower() != host:
            raise Forbidden(
                f"Requests from {origin[:100]!r} are not accepted.",
                reason="foreign_origin",
                remedy="Send the request from a page of this server, or without a browser.",
            )

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body may have {self.limit} bytes.", limit=self.limit)

    async def _receive(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if self.received > self.limit and not self.status:
                # The app sees its client go; its answer to that is dropped for ours.
                self.overflow = self._too_large()
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if self.overflow:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Trace-ID"] = self.trace_id
            if group := context.current().ab_group:
                headers["X-AB-Group"] = group
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            if self.cookie:
                headers.append("Set-Cookie", self.cookie)
        await self.send_on(message)

    def _tell(self) -> None:
        logs.emit(
            events.RequestServed(
                method=self.scope["method"],
                route=self.path[:500],
                status=self.status or 499,
                outcome="failure" if self.status >= 500 else "success",
                duration_ms=(time.perf_counter() - self.start) * 1000,
            )
        )


def _name(host: str) -> str:
    """A Host header without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def network_of(address: str, secret: str) -> str | None:
    """A keyed hash of the network (/24, or /48 of IPv6) that an address is in; None on loopback.

    It tells networks apart for as long as the secret lives, and says nothing of where they are.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback:
        return None
    network = ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False)
    return hmac.new(secret.encode(), str(network).encode(), hashlib.sha256).hexdigest()[:16]


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
