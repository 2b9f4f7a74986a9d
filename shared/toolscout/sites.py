"""One tool = one site: a registrable domain, or owner/project on a site that hosts many."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

import tldextract

# Hosts where the first path segments name the project: how many of them.
HOSTING = {
    "github.com": 2,
    "gitlab.com": 2,
    "bitbucket.org": 2,
    "codeberg.org": 2,
    "huggingface.co": 2,
    "sourceforge.net": 2,
    "pypi.org": 2,
    "npmjs.com": 2,
    "replicate.com": 2,
    "producthunt.com": 2,
    "apps.apple.com": 4,
    "play.google.com": 3,
    "chromewebstore.google.com": 3,
    "marketplace.visualstudio.com": 2,
}
# On these the project comes after a marker: huggingface.co/spaces/owner/name.
MARKERS = {"spaces", "datasets", "projects", "project", "package", "products", "detail", "items"}


@lru_cache(maxsize=1)
def _domains() -> tldextract.TLDExtract:
    # The bundled list: no download, no cache on the disk.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def site_of(url: str) -> str:
    """The site that a normalised URL belongs to.

    >>> site_of("https://docs.example.co.kr/a"), site_of("https://github.com/Owner/Name/issues")
    ('example.co.kr', 'github.com/owner/name')
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    depth = HOSTING.get(host)
    if depth:
        return _project(host, parts.path, depth)
    found = _domains()(host)
    if found.top_domain_under_public_suffix:
        return found.top_domain_under_public_suffix
    # An address or a bare name: the port tells its sites apart.
    return f"{host}:{parts.port}" if parts.port else host


def _project(host: str, path: str, depth: int) -> str:
    segments = [part for part in path.lower().split("/") if part]
    if segments and segments[0] in MARKERS:
        depth += 1
    return "/".join([host, *segments[:depth]])
