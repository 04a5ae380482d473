"""Recognise a site's page without a login: RT's login form, none yet, or a page of the site's own.

Single sign-on redirects to another host or shows a button; such a site is as much up as one with the form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from harness.common.waits import NotReadyError, Retry
from harness.errors import Block

STEADY = 10
"""Number of consecutive equal answers after which a site without the form counts as up: it will not change."""


class OtherPageError(NotReadyError):
    """The site is up, but its first page is not RT's login form."""


@dataclass
class FirstPage:
    """Request a site's first page. url: returns the site's address. mark: part of the login form.

    what: the event that is waited for, for the error sentence. evidence: returns the site's log.
    """

    url: Callable[[], str]
    mark: str
    what: str
    evidence: Callable[[], list[Block]] = list
    _seen: list[tuple[int, str]] = field(default_factory=list)

    def look(self) -> None:
        """Return if the first page is RT's login form.

        Raises Retry if the form may still come, OtherPageError if the site has given the same answer for a while,
        unless that is a server error. The part of a redirect after "?" is ignored: it may be generated anew each
        time.
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
