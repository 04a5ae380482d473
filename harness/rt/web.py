"""Use RT's web pages as a browser does: log in, follow redirects, and judge the text of the page.

RT answers 200 to nearly everything, so a page is judged by its text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from harness.errors import Block, HarnessError
from harness.rt import LOGIN_MARK
from harness.rt.web_site import WebSite

LIMIT = 60
"""Seconds for one request."""
REDIRECTS = 5

ERROR_MARKS: Mapping[str, str] = {
    "An internal RT error has occurred": "RT gave up on the page",
    "Could not find component": "a part of the page does not exist in this release",
    "Internal Server Error": "the server gave up on the page",
    "Possible cross-site request forgery": "RT does not believe that the request comes from its own pages",
    "Database inaccessible": "RT has lost its database",
    "System error": "Mason gave up on the page",
    "Can't locate object method": "a Perl error shows through",
    "::st execute failed": "a database error shows through",
    "The page you requested could not be found": "the page does not exist in this release",
}
"""Text that no correct page contains, with its meaning. For pages whose data may contain such text, see `page`."""
_ERROR_BOX = re.compile(r'<div class="error">\s*(.*?)\s*</div>', re.DOTALL)
_NEXT = re.compile(r'<input type="hidden" name="next" value="([^"]*)"')
"""Page that RT opens after the login; without it RT shows the form again although the login succeeded."""
LOGOUT_MARK = "/NoAuth/Logout.html"
"""Part of the menu on every page of a logged-in user, in every language."""
_TAGS = re.compile(r"<[^>]+>|\s+")


class PageError(HarnessError):
    """A page that is not as it should be. That is a defect of the site: a check turns it into a finding."""

    def __init__(self, where: str, what: str, text: str = "") -> None:
        """Store where (method and path) and what (one clause), for the finding."""
        blocks: list[Block] = [("Page", readable(text)[-1200:])] if text else []
        super().__init__(f"{where}: {what}.", blocks, "look at the site's log; open the page in a browser")
        self.where, self.what = where, what

    def __reduce__(self) -> Any:
        """Pickle by the constructor's arguments."""
        return type(self), (self.where, self.what, "")


def readable(html: str) -> str:
    """Return a page's text without scripts and tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL | re.IGNORECASE)
    return _TAGS.sub(" ", body).strip()


def complaint(text: str, said: Collection[str] = ()) -> str:
    """Return the error that a page's text shows, in one clause; "" for a page without one.

    RT's error box is searched first, because its text says more than a mark.
    """
    if box := _ERROR_BOX.search(text):
        return f"RT shows an error box: {readable(box[1])[:200]}"
    marks = {mark: why for mark, why in ERROR_MARKS.items() if mark not in said}
    return next((f"{why} ({mark!r})" for mark, why in marks.items() if mark in text), "")


def request(session: requests.Session, rt: WebSite, method: str, path: str, **options: Any) -> requests.Response:
    """Send a request and follow RT's redirects on the published port.

    RT redirects to the address it was configured with, which differs from the published one.
    Raises PageError if it redirects into its installer, or too often.
    """
    where = f"{method} {path}"
    for _ in range(REDIRECTS):
        answer = session.request(method, f"{rt.url}{path}", allow_redirects=False, timeout=LIMIT, **options)
        if not answer.is_redirect:
            return answer
        goal = urlsplit(answer.headers["Location"])
        if "/Install" in goal.path:
            raise PageError(where, "RT is in install mode, it leads to its installer")
        path = goal.path + (f"?{goal.query}" if goal.query else "")
        method, options = "GET", {}
    raise PageError(where, f"more than {REDIRECTS} redirects")


def login(rt: WebSite, user: str, password: str) -> requests.Session:
    """Log in as `enter` does and return only the session."""
    return enter(rt, user, password)[0]


def enter(rt: WebSite, user: str, password: str) -> tuple[requests.Session, requests.Response]:
    """Log in as a person does: open the site, submit the form, end on the home page; return session and home page.

    Raises PageError if the site shows no login form, shows it again afterwards, or shows a page without its menu.
    """
    session = rt.session()
    form = request(session, rt, "GET", "/").text
    if LOGIN_MARK not in form:
        raise PageError("GET /", "there is no login form", form)
    goal = _NEXT.search(form)
    fields = {"user": user, "pass": password, **({"next": goal[1]} if goal else {})}
    answer = request(session, rt, "POST", "/NoAuth/Login.html", data=fields)
    if answer.status_code != 200 or LOGIN_MARK in answer.text:
        raise PageError("POST /NoAuth/Login.html", f"RT refuses the login of {user!r}", answer.text)
    # A damaged password hash makes RT fail with status 200 and without a form.
    if LOGOUT_MARK not in answer.text and (wrong := complaint(answer.text)):
        raise PageError("POST /NoAuth/Login.html", wrong, answer.text)
    return session, answer


def page(
    session: requests.Session,
    rt: WebSite,
    path: str,
    *,
    expect: str = "",
    user_text: bool = False,
    said: Collection[str] = (),
) -> str:
    """Return a page's HTML. expect: text that the page must contain.

    user_text: the page shows texts that people wrote, so only RT's own error box counts as an error.
    said: those of `ERROR_MARKS` that people wrote, here or on another page, and that are therefore ignored.
    Raises PageError if the status is not 200, the page is the login form, or it shows an error.
    """
    return judged(f"GET {path}", request(session, rt, "GET", path), expect=expect, user_text=user_text, said=said)


def judged(
    where: str, answer: requests.Response, *, expect: str = "", user_text: bool = False, said: Collection[str] = ()
) -> str:
    """Return the HTML of a page already received. where: method and path, for the finding. See `page`."""
    answer.encoding = "utf-8"
    text = answer.text
    wrong = complaint(text, ERROR_MARKS if user_text else said)
    if answer.status_code != 200:
        raise PageError(where, f"HTTP status {answer.status_code}" + (f", {wrong}" if wrong else ""), text)
    if LOGIN_MARK in text and 'name="pass"' in text:
        raise PageError(where, "RT asks for a login although the session is logged in", text)
    if wrong:
        raise PageError(where, wrong, text)
    if expect and expect not in text:
        raise PageError(where, f"the page does not hold {expect!r}", text)
    return text
