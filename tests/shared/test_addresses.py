"""One spelling for every URL, and none of them for a private address."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toolscout.addresses import AddressGuard, host_key, is_public, normalise_url
from toolscout.errors import AddressForbidden, ConfigError, InvalidUrl

# By what each of them is: ways to write an address that is private, or leads to one.
PRIVATE = {
    "plain": "http://127.0.0.1/",
    "decimal": "http://2130706433/",
    "hexadecimal": "http://0x7f000001/",
    "hexadecimal parts": "http://0x7f.0.0.0x1/",
    "octal": "http://0177.0.0.01/",
    "octal whole": "http://017700000001/",
    "short": "http://127.1/",
    "shorter": "http://0/",
    "mixed": "http://0x7f.1/",
    "trailing dot": "http://127.0.0.1./",
    "fullwidth digits": "http://１２７.０.０.１/",
    "fullwidth dots": "http://127。0。0．1/",
    "circled digits": "http://①②⑦.⓪.⓪.①/",
    "percent-encoded": "http://%31%32%37.0.0.1/",
    "private 10": "http://10.1.2.3/",
    "private 172": "http://172.31.255.255/",
    "private 192": "http://192.168.0.1/",
    "shared address space": "http://100.64.0.1/",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "azure's host": "http://168.63.129.16/",
    "multicast": "http://224.0.0.1/",
    "broadcast": "http://255.255.255.255/",
    "documentation": "http://192.0.2.1/",
    "ipv6 loopback": "http://[::1]/",
    "ipv6 unspecified": "http://[::]/",
    "ipv6 written out": "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "ipv4-mapped": "http://[::ffff:127.0.0.1]/",
    "ipv4-mapped hex": "http://[::ffff:7f00:1]/",
    "ipv4-compatible": "http://[::127.0.0.1]/",
    "nat64": "http://[64:ff9b::7f00:1]/",
    "nat64 local": "http://[64:ff9b:1::7f00:1]/",
    "6to4": "http://[2002:7f00:1::]/",
    "teredo": "http://[2001:0:7f00:1::]/",
    "unique local": "http://[fd00::1]/",
    "link local": "http://[fe80::1]/",
    "zone": "http://[fe80::1%25eth0]/",
    "localhost": "http://localhost/",
    "localhost upper case": "http://LOCALHOST./",
    "below localhost": "http://a.localhost/",
    "fullwidth localhost": "http://ｌｏｃａｌｈｏｓｔ/",
    "soft hyphen": "http://local\u00adhost/",
    "bare name": "http://redis:6379/",
    "mdns": "http://printer.local/",
    "internal": "http://metadata.google.internal/",
    "router": "http://router.home.arpa/",
    "credentials": "http://example.org@127.0.0.1/",
    "credentials the other way": "http://127.0.0.1@example.org/",
    "backslash": "http://example.org\\@127.0.0.1/",
    "tab": "http://127.0.0\t.1/",
    "other scheme": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
}


@pytest.mark.parametrize("url", PRIVATE.values(), ids=PRIVATE.keys())
def test_a_private_address_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises((AddressForbidden, InvalidUrl)):
        AddressGuard().check_url(url)


@pytest.mark.parametrize("url", PRIVATE.values(), ids=PRIVATE.keys())
def test_normalising_does_not_make_it_pass(url: str) -> None:
    with pytest.raises((AddressForbidden, InvalidUrl)):
        AddressGuard().check_url(normalise_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "http://8.8.8.8:8080/",
        "http://[2606:4700::1111]/",
        "https://한국.kr/",
        "http://127.example/",
    ],
)
def test_public_addresses_pass(url: str) -> None:
    AddressGuard().check_url(url)


@pytest.mark.parametrize(
    "ip", ["", "a", "1.2.3", "::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "fec0::1", "4000::"]
)
def test_what_is_not_plainly_public_is_not(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1:8899", "http://127.0.0.1:8899/"),
        ("127.0.0.1:8899", "http://0x7f.1:8899/"),
        ("[::1]:8899", "http://[::1]:8899/"),
        ("10.0.0.0/8", "http://10.9.8.7/"),
        ("10.0.0.0/8", "http://[::ffff:10.9.8.7]:81/"),
        ("127.0.0.0/8:8899", "http://127.9.9.9:8899/"),
        ("fd00::/8", "http://[fd12::1]/"),
        ("10.1.2.3", "https://10.1.2.3/"),
        ("wiki.internal:443", "https://WIKI.internal./"),
        (" redis:80 ", "http://redis/"),
    ],
)
def test_what_the_operator_lists_passes(allow: str, url: str) -> None:
    AddressGuard([allow]).check_url(url)


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1:8899", "http://127.0.0.1:8898/"),
        ("127.0.0.1:8899", "http://127.0.0.2:8899/"),
        ("127.0.0.0/8:8899", "http://127.0.0.1/"),
        ("10.0.0.0/8", "http://192.168.0.1/"),
        ("wiki.internal:443", "http://wiki.internal/"),
        ("wiki.internal:443", "https://not.wiki.internal/"),
    ],
)
def test_nothing_else_passes_with_it(allow: str, url: str) -> None:
    with pytest.raises(AddressForbidden):
        AddressGuard([allow]).check_url(url)


def test_a_listed_name_is_trusted_wherever_it_leads_and_others_are_not() -> None:
    guard = AddressGuard(["wiki.internal:80"])
    assert guard.permits("wiki.internal", 80, "10.0.0.1")
    assert not guard.permits("wiki.internal", 81, "10.0.0.1")
    assert not guard.permits("example.org", 80, "10.0.0.1")


@pytest.mark.parametrize("entry", ["", "name", "name:", ":80", "a:0", "a:65536", "a:８０", "10.0.0.0/33", "a:b"])
def test_an_entry_of_another_form_is_refused_with_its_remedy(entry: str) -> None:
    with pytest.raises(ConfigError) as error:
        AddressGuard([entry])
    assert "TOOLSCOUT_ALLOW_HOSTS" in error.value.remedy


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (" HTTP://Example.ORG ", "http://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:443/a", "http://example.org:443/a"),
        ("https://example.org./a#part", "https://example.org/a"),
        ("https://example.org/a/./b/../c/", "https://example.org/a/c/"),
        ("https://example.org/../../a", "https://example.org/a"),
        ("https://example.org/%7euser/%e2%82%ac", "https://example.org/~user/%E2%82%AC"),
        ("https://example.org/a b?c=d e", "https://example.org/a%20b?c=d%20e"),
        ("https://example.org/?utm_source=x&b=2&a=1&gclid=z", "https://example.org/?b=2&a=1"),
        ("https://example.org/?", "https://example.org/"),
        ("https://도구.한국/길", "https://xn--2e0b83j.xn--3e0b707e/%EA%B8%B8"),
        ("http://[2606:4700:0:0::1111]:80/", "http://[2606:4700::1111]/"),
        ("https://example.org/100%", "https://example.org/100%25"),
    ],
)
def test_one_spelling(url: str, expected: str) -> None:
    assert normalise_url(url) == expected


NO_URLS = [
    *("", "example.org", "//example.org", "mailto:a@b.c", "javascript:alert(1)"),
    *("http://", "http:///a", "https:/a", "http://a:0/", "http://a:x/", "http://[::1"),
    *("http://exa mple.org/", "http://a..b/", "http://a/?\x00", f"http://{'a' * 3000}"),
]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(InvalidUrl) as error:
        normalise_url(url)
    assert error.value.detail
    assert error.value.reason == "invalid_url"


HOSTS = st.sampled_from(
    ["example.org", "EXAMPLE.org.", "한글.kr", "127.1", "[::1]", "%65xample.org", "a.b-c.de", "１.1.1.1"]
)
PARTS = st.text(alphabet="abAB./%2eE5c~?&=+#é한\u00a0 \"'<>[]{}|\\^`:;@!$()*,-_0", max_size=25)
SCHEMES = st.sampled_from(["http", "HTTPS"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scheme=SCHEMES, host=HOSTS, port=st.sampled_from(["", ":80", ":443", ":8080", ":"]), path=PARTS, query=PARTS)
@example(scheme="http", host="a.b", port="", path="/%25%32%65", query="%2")
def test_normalising_twice_changes_nothing(scheme: str, host: str, port: str, path: str, query: str) -> None:
    url = f"{scheme}://{host}{port}/{path}?{query}"
    try:
        once = normalise_url(url)
    except InvalidUrl:
        return
    assert normalise_url(once) == once
    assert normalise_url(once, keep_tracking=True) == once
    assert host_key(once) == host_key(url)
    assert once.isascii()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"http://{text}"))
def test_any_text_is_a_url_or_is_refused(text: str) -> None:
    try:
        url = normalise_url(text)
        AddressGuard().check_url(url)
    except (InvalidUrl, AddressForbidden):
        return
    assert url.startswith(("http://", "https://"))


@settings(max_examples=150, deadline=None)
@given(st.ip_addresses())
def test_only_addresses_that_python_too_calls_global_are_public(ip: object) -> None:
    if is_public(ip):  # type: ignore[arg-type]
        assert ip.is_global  # type: ignore[attr-defined]
