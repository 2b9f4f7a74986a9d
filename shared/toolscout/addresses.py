"""Addresses: one spelling for every URL, and the guard that keeps us away from private ones. No I/O here.

A host is spelt in many ways that all reach one machine (`2130706433`, `0x7f.1`, `127。0。0。1`, `[::ffff:7f00:1]`).
So every URL passes through `_split`, which writes the host in its one canonical form, and everything else
(normalising, politeness keys, the guard) looks at that form only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from w3lib.url import safe_url_string

from toolscout.errors import AddressForbidden, ConfigError, InvalidUrl

MAX_URL = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_FORBIDDEN_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BARE_DOMAIN = re.compile(r"(//)?[\w-]+(\.[\w-]+)*\.[^\W\d]{2,}(:\d+)?([/?#].*)?")
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PERCENT = re.compile(r"%([0-9a-fA-F]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# Parameters that say where a visitor came from and never which page is meant.
_TRACKING = frozenset(
    [
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "fbclid",
        "msclkid",
        "yclid",
        "ysclid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "_hsenc",
        "_hsmi",
        "mkt_tok",
        "vero_id",
        "vero_conv",
        "oly_anon_id",
        "oly_enc_id",
        "_ga",
        "_gl",
        "wickedid",
        "rb_clickid",
        "s_kwcid",
    ]
)

# Names that mean something inside one network only (RFC 6761, 6762, 8375, ICANN's .internal).
_LOCAL_SUFFIXES = (
    "localhost",
    "local",
    "internal",
    "localdomain",
    "home.arpa",
    "lan",
    "intranet",
    "corp",
    "home",
)

# Written out, as `ipaddress.is_global` differs between Python versions and lets several of these through.
_PRIVATE_V4 = tuple(
    map(
        IPv4Network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "168.63.129.16/32",
        ],  # the last: Azure's metadata host, a public address reached from inside only
    )
)
# Public IPv6 is what lies in 2000::/3 and not in these: IETF protocols with Teredo, documentation (2), 6to4.
_GLOBAL_V6 = IPv6Network("2000::/3")
_PRIVATE_V6 = tuple(map(IPv6Network, ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]))


class _Address(NamedTuple):
    """A URL taken apart, its host canonical; `port` is explicit even where it is the default."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def normalise_url(url: str, *, keep_tracking: bool = False) -> str:
    """The one spelling of `url`: scheme, host, port, path and query canonical, no fragment, no tracking parameters.

    The order of the query is kept, as servers may read it. Normalising twice changes nothing.
    Raises InvalidUrl, whose detail says what is wrong.
    """
    address = _split(url)
    origin = f"{address.scheme}://{address.authority}"
    safe = urlsplit(safe_url_string(f"{origin}{address.path or '/'}?{address.query}"))
    query = _PERCENT.sub(_canonical_escape, safe.query)
    query = query if keep_tracking else _without_tracking(query)
    path = _without_dots(_PERCENT.sub(_canonical_escape, safe.path))
    normal = f"{origin}{path}" + (f"?{query}" if query else "")
    if len(normal) > MAX_URL:
        raise InvalidUrl(f"The URL has more than {MAX_URL} characters once encoded.")
    return normal


def host_key(url: str) -> str:
    """What politeness counts by: host, with its port where that isn't the scheme's own. Raises InvalidUrl."""
    return _split(url).authority


def is_public(ip: str | IPAddress) -> bool:
    """Whether `ip` is a plain address of the public internet; what isn't an address at all is not."""
    try:
        address = _unmapped(ip_address(ip))
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _PRIVATE_V4)
    # 2000::/3 leaves out NAT64, mapped, compatible, site-local, ULA, link-local, multicast and what is not assigned.
    return address.is_global and address in _GLOBAL_V6 and not any(address in network for network in _PRIVATE_V6)


class AddressGuard:
    """Says which addresses may be asked: the public ones, and those that the operator lists in `allow`.

    `allow`: `host:port`, `ip:port`, `[ipv6]:port`, CIDR, or CIDR with port (`127.0.0.0/8:8899`). A listed host name is
    trusted whatever it resolves to. Raises ConfigError for an entry of another form.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._hosts: set[tuple[str, int]] = set()
        self._networks: list[tuple[IPNetwork, int | None]] = []
        for entry in allow:
            self._add(entry.strip())

    def check_url(self, url: str) -> None:
        """Refuses what is visibly private, before any name is resolved. Raises AddressForbidden, InvalidUrl."""
        address = _split(url)
        ip = _as_ip(address.host)
        allowed = self.permits(address.host, address.port, ip) if ip else self._may_resolve(address)
        if not allowed:
            raise AddressForbidden(f"{address.host} is a private, local or reserved address.")

    def permits(self, host: str, port: int, ip: str | IPAddress) -> bool:
        """Whether a connection for `host` to `ip`:`port` may be made; asked for every address that a name has."""
        return (_plain(host), port) in self._hosts or self._lists(ip, port) or is_public(ip)

    def _add(self, entry: str) -> None:
        network = _network(entry)
        if network:
            self._networks.append((network, None))
            return
        head, _, port = entry.rpartition(":")
        if not (head and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ConfigError(f"{entry!r} is neither host:port nor CIDR.", remedy="Correct TOOLSCOUT_ALLOW_HOSTS.")
        network = _network(head.strip("[]"))
        if network:
            self._networks.append((network, int(port)))
        else:
            self._hosts.add((_plain(head), int(port)))

    def _lists(self, ip: str | IPAddress, port: int) -> bool:
        try:
            address = _unmapped(ip_address(ip))
        except ValueError:
            return False
        return any(address in network for network, only in self._networks if only in (None, port))

    def _may_resolve(self, address: _Address) -> bool:
        """A local name is worth resolving only where an address that it could have is allowed; `permits` decides."""
        if not _is_local_name(address.host) or (address.host, address.port) in self._hosts:
            return True
        return any(only in (None, address.port) for _, only in self._networks)


def _split(url: str) -> _Address:
    text = url.strip()
    _check_text(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidUrl(f"The URL cannot be read: {error}.") from None
    if parts.scheme not in DEFAULT_PORTS or not text[len(parts.scheme) :].startswith("://"):
        raise _no_scheme(text)
    if "@" in parts.netloc:
        raise InvalidUrl("A URL with a user name or password is not fetched.")
    if port == 0:
        raise InvalidUrl("Port 0 does not exist.")
    host = _canonical_host(parts.hostname or "")
    return _Address(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], parts.path, parts.query)


def _check_text(text: str) -> None:
    if not text:
        raise InvalidUrl("The URL is empty.")
    if len(text) > MAX_URL:
        raise InvalidUrl(f"The URL has more than {MAX_URL} characters.")
    if _FORBIDDEN_CHARACTERS.search(text):
        raise InvalidUrl("The URL contains control characters.")


def _no_scheme(text: str) -> InvalidUrl:
    if _BARE_DOMAIN.fullmatch(text):
        remedy = f"Write https:// in front: https://{text.lstrip('/')}"
        return InvalidUrl("The URL does not say http:// or https://.", remedy=remedy)
    return InvalidUrl("Only http:// and https:// URLs are fetched.")


def _canonical_host(raw: str) -> str:
    """A host as everyone reads it: ASCII, lower case, no final dot, addresses in their usual notation."""
    host = unquote(raw)
    if ":" in host:
        return _canonical_ipv6(host)
    try:
        host = host.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        raise InvalidUrl(f"{raw[:80]!r} is not a host name.") from None
    if not _HOST_NAME.fullmatch(host) or len(host) > 253:
        raise InvalidUrl(f"{raw[:80]!r} is not a host name." if raw else "The URL names no host.")
    return _canonical_ipv4(host) if _NUMBER.fullmatch(host.rpartition(".")[2]) else host


def _canonical_ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise InvalidUrl(f"{host[:80]!r} is not an IPv6 address.") from None
    if address.scope_id:
        raise InvalidUrl("An address with a zone means something on one machine only.")
    return str(address)


def _canonical_ipv4(host: str) -> str:
    """Reads one to four numbers, decimal, octal (0…) or hexadecimal (0x…), as inet_aton(3) and browsers do."""
    try:
        *first, last = map(_number, host.split("."))
        if len(first) > 3 or any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
            raise ValueError
    except ValueError:
        raise InvalidUrl(f"{host[:80]!r} is not an IPv4 address.") from None
    return str(IPv4Address(sum(number << (24 - 8 * i) for i, number in enumerate(first)) + last))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _as_ip(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _unmapped(address: IPAddress) -> IPAddress:
    """::ffff:1.2.3.4 leads to 1.2.3.4, so it is judged as that."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _network(text: str) -> IPNetwork | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _plain(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")


def _is_local_name(host: str) -> bool:
    """A name without a dot, or under a suffix that the public DNS does not serve."""
    return "." not in host or any(host == suffix or host.endswith(f".{suffix}") for suffix in _LOCAL_SUFFIXES)


def _canonical_escape(match: re.Match[str]) -> str:
    """RFC 3986, 6.2.2: escapes in upper case, none for unreserved characters; a stray % is itself escaped."""
    if not match[1]:
        return "%25"
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _without_tracking(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if not _is_tracking(pair.partition("=")[0].lower()))


def _is_tracking(name: str) -> bool:
    return name.startswith("utm_") or name in _TRACKING


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4: `/a/./b/../c` is `/a/c`."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
