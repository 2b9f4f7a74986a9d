"""From what somebody typed to what is wanted: checked, normalised, with its host and site."""

from __future__ import annotations

import time

from toolscout.addresses import AddressGuard, host_key, normalise_url
from toolscout.catalogue.jobs import Wanted
from toolscout.errors import AddressForbidden, InvalidUrl
from toolscout.pages import PageStore
from toolscout.sites import site_of

MAX_ECHO = 4096


def wanted(submitted: str, guard: AddressGuard, *, strict: bool = False) -> Wanted:
    """One URL of a request. A bad one is marked as refused with its reason, or raised where it is the only one."""
    try:
        url = normalise_url(submitted)
        guard.check_url(url)
        return Wanted(submitted, url, host_key(url), site_of(url))
    except (InvalidUrl, AddressForbidden) as error:
        if strict:
            raise
        return Wanted(submitted[:MAX_ECHO], refused=error.reason, detail=error.detail)


def with_html(row: Wanted, html: str, store: PageStore) -> Wanted:
    """The same with its body at hand: stored, so that it need not be fetched."""
    headers = {"content-type": "text/html; charset=utf-8"}
    row.digest = store.put(row.url, html.encode("utf-8", "replace"), headers, time.time())
    row.content_type = headers["content-type"]
    store.sync()
    return row
