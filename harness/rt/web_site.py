"""An RT site as `web` and `rest` need it: an address, and a session with a browser's headers."""

from __future__ import annotations

from typing import Protocol

import requests


class WebSite(Protocol):
    """A site that is reached over HTTP, wherever it runs."""

    @property
    def url(self) -> str:
        """Return the address of the site as this machine reaches it, without a trailing slash."""

    def session(self) -> requests.Session:
        """Return an HTTP session with the headers of a browser that comes from the site's own pages."""


def browser_session() -> requests.Session:
    """Return an HTTP session with the headers of a browser that comes from the site's own pages.

    RT compares Host and Referer with the address it was configured with, not with the published port.
    """
    session = requests.Session()
    session.headers.update({"Host": "localhost", "Referer": "http://localhost/"})
    return session
