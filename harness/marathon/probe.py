"""Probe an instance directly: exact status, a marker in the body, and the release that answers.

Marathon's own HTTP check accepts any 2xx or 3xx and reads no body; a check may also be wrong in the definition. So
the gate asks every task at its own host and port, never through a balancer, and follows no redirect: RT in install
mode and RT that requires a login answer 302, and REST 1.0 answers 200 with "401" in the body.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from harness.marathon.definition import HTTP_LIKE, App, health_checks, items, labels_of, mapping, text
from harness.marathon.networking import ports_of

LARGEST_BODY = 1_000_000
STYLE = r"""<link\b[^>]*\bhref=["'](/[^"']+\.css)\b"""
"""A style sheet that a page of RT names. It lies elsewhere if RT believes that it is served below another path."""


@dataclass(frozen=True)
class ProbeResult:
    """The answer of one instance. `identity` is the release that it reports, "" if it reports none.

    reached: whether a connection was accepted; a refused port may also be behind a firewall.
    """

    good: bool
    where: str
    said: str
    identity: str = ""
    reached: bool = True


Probe = Callable[[str, int], ProbeResult]
"""Takes the host and port of an instance."""

ProbeFor = Callable[[App], Probe]
"""Makes the probe for a definition: the wanted release differs between a deploy and its rollback."""


def rest_release(body: str) -> str:
    """Return the release in the first line of a REST 1.0 answer, "" if it has none.

    RT 4.4 and 5.0 begin every such answer with "RT/<version> <status> <text>", also the one that requires a login;
    Debian appends "+dfsg-..." to the version. RT 5 names its release on no other page without a login.
    """
    match = re.match(r"\s*RT/(\d+\.\d+\.\d+)\S* \d{3} ", body)
    return match[1] if match else ""


@dataclass(frozen=True)
class HttpProbe:
    """GET `path`; require exactly `status` and `marker` in the body; then the release must be `wanted`.

    The release is `identity(body)` of `identity_path`, or of `path` if that is empty. asset: a pattern whose first
    group is the path of a file that the page needs; it must answer 200. An empty `marker`, `wanted` or `asset` is
    not compared. `server_name` goes into the Host header. `timeout`: seconds for an answer as a whole.
    """

    path: str = "/"
    status: int = 200
    marker: str = ""
    wanted: str = ""
    identity: Callable[[str], str] = rest_release
    identity_path: str = ""
    asset: str = ""
    server_name: str = ""
    timeout: float = 10

    def __call__(self, host: str, port: int) -> ProbeResult:
        """Probe one instance."""
        url = f"http://{host}:{port}{self.path}"
        try:
            status, location, body = self._get(url)
            told = body
            if self.identity_path and status == self.status:
                _, _, told = self._get(f"http://{host}:{port}{self.identity_path}")
        except (requests.RequestException, HTTPError) as error:
            return ProbeResult(False, url, f"no answer ({type(error).__name__})", reached=_connected(error))
        judged = self.judge(url, status, location, body, self.identity(told))
        return self._with_asset(judged, host, port, body) if judged.good and self.asset else judged

    def _with_asset(self, page: ProbeResult, host: str, port: int, body: str) -> ProbeResult:
        """Return the page's result, or a bad one if the file that it names is not there."""
        named = re.search(self.asset, body)
        if not named:
            return page
        url = f"http://{host}:{port}{html.unescape(named[1])}"
        try:
            status, _, _ = self._get(url)
        except (requests.RequestException, HTTPError) as error:
            said = f"no answer ({type(error).__name__})"
        else:
            said = "" if status == 200 else f"HTTP {status} instead of 200"
        return replace(page, good=False, said=f"{said} for what its page needs: {url}") if said else page

    def _get(self, url: str) -> tuple[int, str, str]:
        headers = {"Host": self.server_name} if self.server_name else {}
        with requests.Session() as session:
            # Use neither a proxy, which would answer in an instance's place, nor a password from .netrc.
            session.trust_env = False
            end = time.monotonic() + self.timeout
            answer = session.get(url, headers=headers, timeout=self.timeout, allow_redirects=False, stream=True)
            body = b""
            # Read whatever has arrived: a read of a fixed size would wait for it, beyond every limit.
            while len(body) < LARGEST_BODY and (part := answer.raw.read1(LARGEST_BODY, decode_content=True)):
                body += part
                if time.monotonic() > end:
                    raise requests.Timeout(f"more than {self.timeout:g} s")
            return answer.status_code, answer.headers.get("Location", ""), body.decode("utf-8", "replace")

    def judge(self, url: str, status: int, location: str, body: str, identity: str) -> ProbeResult:
        """Compare an answer with the wanted one."""
        if status != self.status:
            to = f" to {location}" if location else ""
            return ProbeResult(False, url, f"HTTP {status}{to} instead of {self.status}", identity)
        if self.marker and self.marker not in body:
            return ProbeResult(False, url, f"HTTP {status}, but {self.marker!r} is not in the body", identity)
        if self.wanted and identity != self.wanted:
            named = f"release {identity}" if identity else "no release"
            return ProbeResult(False, url, f"it names {named} instead of {self.wanted}", identity)
        return ProbeResult(True, url, f"HTTP {status}" + (f", release {identity}" if identity else ""), identity)


def _connected(error: Exception) -> bool:
    """Tell whether the connection was accepted before the error."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(error, requests.ConnectTimeout) and not isinstance(cause, NewConnectionError)


def serving_port(definition: App) -> int:
    """Return the index of the serving port: that of the HTTP health or readiness check, or 0."""
    ports = ports_of(definition)
    for check in health_checks(definition):
        index = check.raw.get("portIndex")
        if check.protocol in HTTP_LIKE and isinstance(index, int) and 0 <= index < len(ports):
            return index
    wanted = {text(mapping(check).get("portName")) for check in items(definition.get("readinessChecks"))} - {""}
    return next((index for index, port in enumerate(ports) if port.name in wanted), 0)


def rt_probe(definition: App) -> HttpProbe:
    """Make the probe for RT: its login page, and the release in the label RT_RELEASE.

    The Host header is the site's name, because RT compares it; the request still goes to the instance's own
    address.
    """
    return HttpProbe(
        marker='name="pass"',
        wanted=labels_of(definition).get("RT_RELEASE", ""),
        identity_path="/REST/1.0/",
        asset=STYLE,
        server_name=text(mapping(definition.get("env")).get("SERVER_NAME")),
    )
