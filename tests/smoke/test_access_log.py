"""The access log is read by more people than RT is: nothing in it may let them in."""

from __future__ import annotations

import contextlib
import http.client

import pytest

from harness.common.waits import Retry, wait_until
from harness.dump.choice import DEFAULT_TARGET
from harness.rt import HTTP, Rt

KEY = "0123456789abcdef"
"""As long as the one that RT makes of a user's key and a search."""
FEEDS = (
    f"/NoAuth/iCal/somebody/{KEY}/id%20%3E%200",
    f"/NoAuth/rss/somebody/{KEY}/?Query=id%20%3E%200",
    f"//NoAuth//iCal/somebody/{KEY}/id%20%3E%200",
    f"/NoAuth/%69Cal/somebody/{KEY}/",
)
LAST = "/NoAuth/Login.html"


def get(site: Rt, path: str) -> None:
    """Ask for a path as it is spelled here."""
    with contextlib.closing(http.client.HTTPConnection(*site.container.address(HTTP), timeout=60)) as connection:
        connection.request("GET", path, headers={"Host": "localhost"})
        connection.getresponse().read()


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_keys_and_passwords_are_not_in_it(served: Rt) -> None:
    """Calendars and feeds have their reader's key in the path, and whoever knows it reads the tickets."""
    before = len(served.container.logs())
    for path in (*FEEDS, f"{LAST}?user=another&pass={KEY}"):
        get(served, path)

    def written() -> str:
        found = served.container.logs()[before:]
        if f'"GET {LAST} HTTP/1.1"' not in found:
            raise Retry(found)
        return found

    log = wait_until("The access log of the last request", written, 30)
    assert KEY not in log
    assert "somebody" not in log
    assert log.count('"GET /NoAuth/(feed) HTTP/1.1"') == len(FEEDS), log
