"""RT's web pages as a person's browser meets them: log in, follow redirects, and read what the page says.

RT answers 200 to nearly everything, so a page is judged by its text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from harness.errors import Block, HarnessError
from harness.rt import LOGIN_MARK, Rt

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
"""Text that no good page holds, and what it means. Where data may hold such text, see `page`."""
_ERROR_BOX = re.compile(r'<div class="error">\s*(.*?)\s*</div>', re.DOTALL)
_NEXT = re.compile(r'<input type="hidden" name="next" value="([^"]*)"')
"""Where RT goes after the login; without it RT shows the form again although it logged the person in."""
LOGOUT_MARK = "/NoAuth/Logout.html"
"""In the menu of every page of somebody who is logged in, whatever his language."""
_TAGS = re.compile(r"<[^>]+>|\s+")


class PageError(HarnessError):
    """A page that is not what it should be. That is a defect of the site: a check makes a finding of it."""

    def __init__(self, where: str, what: str, text: str = "") -> None:
        """Keep where (method and path) and what (one clause), for the finding."""
        blocks: list[Block] = [("Page", readable(text)[-1200:])] if text else []
        super().__init__(f"{where}: {what}.", blocks, "look at the site's log; open the page in a browser")
        self.where, self.what = where, what

    def __reduce__(self) -> Any:
        """Pickle as what it was made of."""
        return type(self), (self.where, self.what, "")


def readable(html: str) -> str:
    """Return a page's text without scripts and tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL | re.IGNORECASE)
    return _TAGS.sub(" ", body).strip()


def complaint(text: str, said: Collection[str] = ()) -> str:
    """Return what a page's text says went wrong, in one clause; "" for a good page.

    RT's error box is looked at first, for its words say more than the mark.
    """
    if box := _ERROR_BOX.search(text):
        return f"RT shows an error box: {readable(box[1])[:200]}"
    marks = {mark: why for mark, why in ERROR_MARKS.items() if mark not in said}
    return next((f"{why} ({mark!r})" for mark, why in marks.items() if mark in text), "")


def request(session: requests.Session, rt: Rt, method: str, path: str, **options: Any) -> requests.Response:
    """Send a request and follow RT's redirects on the published port.

    RT redirects to the address it was configured with, which from here is another one. Raises PageError when it
    redirects into its installer, to another host, or without end.
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


def login(rt: Rt, user: str, password: str) -> requests.Session:
    """Log in as `enter` does, for whom the home page means nothing."""
    return enter(rt, user, password)[0]


def enter(rt: Rt, user: str, password: str) -> tuple[requests.Session, requests.Response]:
    """Log in the way a person does: open the site, fill the form in, end on the home page; return that, too.

    Raises PageError when the site shows no login form, or shows it again afterwards, or a page without its menu.
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
    # A password hash that is damaged makes RT give up, with status 200 and no form.
    if LOGOUT_MARK not in answer.text and (wrong := complaint(answer.text)):
        raise PageError("POST /NoAuth/Login.html", wrong, answer.text)
    return session, answer


def page(
    session: requests.Session, rt: Rt, path: str, *, expect: str = "",
    user_text: bool = False, said: Collection[str] = (),
) -> str:  # fmt: skip
    """Return a page's HTML. expect: text that the page must hold.

    user_text: the page shows texts that people wrote, so only RT's own error box counts as a complaint.
    said: those of `ERROR_MARKS` that people have written, here or on another page, and that count for nothing.
    Raises PageError when the status is not 200, the page is the login form, or it complains.
    """
    return judged(f"GET {path}", request(session, rt, "GET", path), expect=expect, user_text=user_text, said=said)


def judged(
    where: str, answer: requests.Response, *, expect: str = "", user_text: bool = False, said: Collection[str] = ()
) -> str:
    """Return the HTML of a page that has come. where: method and path, for the finding. See `page`."""
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
