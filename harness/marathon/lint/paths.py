"""Judge the path of an HTTP check: whether it answers well without a working RT, or never without a login."""

from __future__ import annotations

import posixpath
import re
from typing import Literal
from urllib.parse import unquote

_OF_RT = (
    r"(?:m|l|l_unsafe|Admin|Approvals|Articles|Asset|Crypt|Dashboards|Download|Elements|Errors|Group|Helpers|Install"
    r"|NoAuth|Prefs|Reports|Search|SelfService|Ticket|Tools|Transaction|User|Views|Widgets|static|REST/1\.0)(?:/.*)?"
    r"|index\.html|Logout\.html|robots\.txt|favicon\.ico"
)
"""The folders of RT's share/html and share/static, and files beside them."""
_ELSEWHERE = r"/?|/rt|/(?:login|signin|sso|oauth2?|saml)(?:/.*)?|/(?:images|css|js)/.*"
"""The site's root, also below Debian's prefix, login pages in general, and static files."""
_BEHIND_LOGIN = r"/REST/2\.0(?:/.*)?|/(?:rt/)?(?:api|private|internal|secure)(?:/.*)?"
_BELOW = r"(?:/[^/]+)+"
"""A site's prefix (WebPath), which no definition names: below any, RT's own names count as it writes them."""

ANSWERS_WELL = (
    re.compile(rf"{_ELSEWHERE}|/(?:rt/)?(?:{_OF_RT})", re.IGNORECASE | re.DOTALL),
    re.compile(rf"{_BELOW}/(?:{_OF_RT})", re.DOTALL),
)
"""Paths that answer although RT does not work.

Paths of RT, and of login pages in general, that answer 200 or 302 although RT is in install mode, requires a
login, serves a file that needs no database (static, NoAuth/css), or says 401 in the body of a 200 (REST 1.0).
"""
BEHIND_LOGIN = (
    re.compile(_BEHIND_LOGIN, re.IGNORECASE | re.DOTALL),
    re.compile(rf"{_BELOW}/REST/2\.0(?:/.*)?", re.DOTALL),
)


def judge(path: str) -> Literal["", "answers well", "behind login"]:
    """Return what is wrong with a path, "" for nothing.

    It is compared as a server reads it: `//`, `/./` and `%2E` are other ways to write it.
    """
    plain = posixpath.normpath("/" + unquote(path.partition("?")[0].partition("#")[0]).lstrip("/"))
    if any(pattern.fullmatch(plain) for pattern in BEHIND_LOGIN):
        return "behind login"
    return "answers well" if any(pattern.fullmatch(plain) for pattern in ANSWERS_WELL) else ""
