"""Look at pages in a real browser: Debian's Chromium, without a driver."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Scheme = Literal["light", "dark"]
SCHEMES: Mapping[Scheme, str] = {"dark": "0", "light": "1"}
"""Chromium's numbers for the schemes that a reader may prefer."""
PROGRAM = shutil.which("chromium")
"""Path of the browser, None if it is not installed."""
FLAGS = (
    "--headless",
    "--no-sandbox",  # with it, root cannot start the browser
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",  # a phone shows none
    # Nobody listens there: what the browser asks for by itself leads nowhere either.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
LIMIT = 120
"""Seconds for one start of the browser with all of its pages."""
MEASURE = Path(__file__).with_name("measure.js")
HEAD = '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'


@dataclass(frozen=True)
class Look:
    """A page as a reader sees it.

    width: of its window, in pixels. dark: whether the page was told that the reader prefers it so. texts: how many
    were judged. brightness: of its background, from 0 to 1. wrong: a sentence for each defect.
    """

    page: str
    width: int
    dark: bool
    texts: int
    brightness: float
    wrong: tuple[str, ...]


def look(pages: Mapping[str, str], widths: Sequence[int], scheme: Scheme, folder: Path) -> list[Look]:
    """Show HTML pages, by name, at each width, all of their details open; return how they look.

    Each page is in a frame as wide as a window would be, for the browser's own windows have at least 500 pixels. A
    frame that holds its page in an attribute may be measured from outside, so the page itself is not changed.
    """
    frames = "".join(
        f'<iframe title="{html.escape(name)}" width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in widths
    )
    whole = folder / f"{scheme}.html"
    script, style = MEASURE.read_text(encoding="utf-8"), "iframe { border: 0 }"
    text = f"{HEAD}<style>{style}</style><script>{script}</script><body>{frames}"
    whole.write_text(text, encoding="utf-8", errors="backslashreplace")
    own = (
        f"--user-data-dir={folder / scheme}",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        f"--window-size={max(widths)},900",
    )
    command = [str(PROGRAM), *FLAGS, *own, "--dump-dom", whole.as_uri()]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    measured = html.unescape(said.partition("<body>")[2].rpartition("</body>")[0])
    return [Look(**{**one, "wrong": tuple(one["wrong"])}) for one in json.loads(measured)]
