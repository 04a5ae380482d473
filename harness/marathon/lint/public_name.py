"""Find the site's public name in a health check's command, where the command connects to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.marathon.definition import App, labels_of, mapping, text

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_VALUE = r"""(?:\\?(?P<quote>["']).*?(?P=quote)|\S+)"""
_OTHER_ADDRESS = re.compile(
    r"--(?:resolve|connect-to|(?:abstract-)?unix-socket)\b"
    r"""|(?<!\S)(?:-[fgikLsSv]*x|--proxy)[ =]?[\\"']*(?:\w+://)?(?:localhost\b|127\.|\[::1\]|\$(?!\{?SERVER_NAME\b))"""
)
"""Options of curl that connect to another address than that of the URL.

A proxy elsewhere asks the name in its turn; one on the loopback, or at an address of the task, is the instance.
"""
_NO_ADDRESS = re.compile(
    rf"(?<!\S)(?:(?:-[fgikLsSv]*e(?=\W|https?:)|--referer)[ =]?|[ef]?grep (?:-\S+ )*){_VALUE}"
)
"""A page of origin, as curl sends it in a header, and the pattern that grep looks for in an answer."""
_USER = re.compile(r"(?<=://)[^/?#\s@]*@")
_SCHEME_IN_HEADER = re.compile(r"(?<=[\w-]: )https?://|(?<=[\w-]:)https?://")
_NOT_BEFORE = r"(?<![\w.@=-])(?<!-servername )(?<![\w-]:)(?<![\w-]:\s)(?<!^/)(?<![^/]/)"
"""What stands before a name that is not connected to.

A header's name, an assignment, part of another word, or the slash of a path.
"""
_BEFORE = rf"(?:(?<=/dev/tcp/)|{_NOT_BEFORE})"


def asked_public_name(app: App, command: str) -> str:
    """Return the public name of the site that a command connects to, or the variable that holds it; else ""."""
    command = _USER.sub("", re.sub(r"\s+", " ", command))
    if _OTHER_ADDRESS.search(command):
        return ""
    command = _SCHEME_IN_HEADER.sub("", _NO_ADDRESS.sub("", command))
    for name in _public_names(app):
        if re.search(rf"{_BEFORE}{name}(?![\w-]|\.\w)", command, re.IGNORECASE):
            return "$SERVER_NAME" if "SERVER_NAME" in name else name.replace("\\", "")
    return ""


def _public_names(app: App) -> Iterator[str]:
    """Yield patterns of the names under which the site is reached by way of a balancer."""
    served = text(mapping(app.get("env")).get("SERVER_NAME"))
    hosts = [value for key, value in labels_of(app).items() if re.fullmatch(r"HAPROXY_\d+_VHOST", key)]
    names = {name.strip() for value in [served, *hosts] for name in value.split(",")}
    yield from (re.escape(name) for name in sorted(names - {"", *LOOPBACK}))
    if served not in ("", *LOOPBACK):
        yield r"\$(?:SERVER_NAME\b|\{SERVER_NAME\})"
