"""The page looks right in a real browser: on a desk and on a phone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.document import cleaned
from harness.report.html import as_html
from tests.harness.report import browser, examples
from tests.harness.report.browser import Scheme

DESK, PHONE = 1280, 390
FEWEST_TEXTS = 150
"""Texts on the shortest of the example pages; fewer were judged only if the page did not open."""
PLAIN = '<!doctype html><body style="margin: 0; background: white; color: black">'
WRONG = {
    '<div style="width: 1300px; height: 9px"></div>': "the page is 1300 px wide, the window ",
    '<p style="width: 9px; overflow: hidden; white-space: nowrap">cut off</p>': "does not fit into its box",
    '<p style="width: 9px; white-space: nowrap">spilled</p>': "does not fit into its box",
    '<p style="color: #999">pale</p>': "has a contrast of 2.",
    '<p style="opacity: 0.4">faint</p>': "has a contrast of 2.",
    '<div style="background: #222"><p>black on black</p></div>': "has a contrast of 1.",
    '<details><summary>more</summary><p style="color: #eee">folded</p></details>': '"folded" in <p',
    '<img src="http://192.0.2.1/pixel.png">': "it asks for http://192.0.2.1/pixel.png",
}
"""What stands in a page, and what is said of it."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        browser.PROGRAM is None,
        reason="there is no browser to look at the report with: apt-get install chromium",
    ),
]


@pytest.mark.parametrize("scheme", list(browser.SCHEMES))
def test_every_page_looks_right(scheme: Scheme, tmp_path: Path) -> None:
    """Nothing is wider than the window or its box, all can be read, and nobody is asked for anything."""
    pages = {name: as_html(cleaned(make())) for name, make in examples.EXAMPLES.items()}
    looks = browser.look(pages, (DESK, PHONE), scheme, tmp_path)
    assert [(one.page, one.width) for one in looks] == [(name, width) for name in pages for width in (DESK, PHONE)]
    assert {one.dark for one in looks} == {scheme == "dark"}
    assert [one for one in looks if (one.brightness < 0.1) != one.dark or (one.brightness > 0.9) == one.dark] == []
    assert [one for one in looks if one.texts < FEWEST_TEXTS] == []
    assert {f"{one.page}, {one.width} px": one.wrong for one in looks if one.wrong} == {}


def test_what_looks_wrong_is_found(tmp_path: Path) -> None:
    """Otherwise the test above would praise any page."""
    looks = browser.look({body: f"{PLAIN}{body}" for body in WRONG}, (DESK, PHONE), "light", tmp_path)
    assert len(looks) == 2 * len(WRONG)
    assert [one for one in looks if not any(WRONG[one.page] in said for said in one.wrong)] == []


def test_what_looks_right_is_not_complained_about(tmp_path: Path) -> None:
    """What is long may be scrolled, what is large may be paler, and what is hidden is read by nobody."""
    page = (
        f'{PLAIN}<h1 style="color: #888">NO-GO</h1><pre style="overflow: auto">{"line " * 900}</pre>'
        f'<p>{"word " * 90}</p><p hidden style="color: white">no</p>'
    )
    looks = browser.look({"page": page}, (DESK, PHONE), "light", tmp_path)
    assert [(one.texts, one.wrong) for one in looks] == [(3, ()), (3, ())]
