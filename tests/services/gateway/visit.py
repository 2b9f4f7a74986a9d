"""How the operator comes to a page, and whether it fits."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.services.gateway.operator_double import KEY

# How much wider the page is than its window.
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def enter(page: Page, path: str) -> None:
    page.goto(path)
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#logout")).to_be_visible()
