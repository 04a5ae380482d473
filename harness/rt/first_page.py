"""What a site shows to somebody who is not logged in: RT's login form, nothing yet, or a page of the site's own.

Single sign-on leads to another host or shows a button, and that site is as much up as one with the form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from harness.common.waits import NotReadyError, Retry
from harness.errors import Block

STEADY = 10
"""Answers, each like the one before, after which a site without the form is taken to be up: it will not change."""


class OtherPageError(NotReadyError):
    """The site is up, and what it shows first is not RT's login form."""


@dataclass
class FirstPage:
    """Asks for the page. url: returns the site's address. mark: part of the login form. what: what is waited for.

    evidence: returns the site's log.
    """

    url: Callable[[], str]
    mark: str
    what: str
    evidence: Callable[[], list[Block]] = list
    _seen: list[tuple[int, str]] = field(default_factory=list)

    def look(self) -> None:
        """Return where it is RT's login form.

        Raises Retry where that may yet come, OtherPageError where the site has answered alike for a while, which
        is no error of the server's. What comes after "?" in a redirect may be made up for each.
        """
        try:
            answer = requests.get(
                f"{self.url()}/", headers={"Host": "localhost"}, timeout=10, allow_redirects=False
            )
        except requests.RequestException:
            self._seen.clear()
            raise
        if answer.status_code == 200 and self.mark in answer.text:
            return
        reason = Retry(f"GET / answers {answer.status_code} without a login form")
        seen = (answer.status_code, answer.headers.get("Location", "").partition("?")[0])
        if answer.status_code >= 500 or seen not in self._seen:
            self._seen.clear()
        if answer.status_code < 500:
            self._seen.append(seen)
        if len(self._seen) < STEADY:
            raise reason
        raise OtherPageError(
            f"{self.what} will not happen: {reason}, {STEADY} times.",
            [("Last answer", str(reason)), *self.evidence()],
        ) from reason
