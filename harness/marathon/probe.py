"""Probe an instance directly: exact status, a marker in the body, and the release that answers.

Marathon's own HTTP check accepts any 2xx or 3xx and reads no body; a check may also be wrong in the definition. So
the gate asks every task at its own host and port, never through a balancer, and follows no redirect: RT in install
mode and RT that requires a login answer 302, and REST 1.0 answers 200 with "401" in the body.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.marathon.answer import Answer, address_of, get
from harness.marathon.definition import HTTP_LIKE, App, health_checks, items, labels_of, mapping, text
from harness.marathon.networking import ports_of

STYLE = r"""<link\b[^>]*\bhref=["'](/(?:[^/"'][^"']*/)?(?:NoAuth|static)/css/[^"']+\.css)\b"""
"""A style sheet of RT's own that a page of RT names. It lies elsewhere if RT believes that it is served below
another path. What a site's page names besides may be served by another host, or by the balancer alone."""


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
    not compared. `server_name` goes into the Host header. `timeout`: seconds for an answer as a whole, from the
    connection to the last byte.
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
        url = f"http://{address_of(host, port)}{self.path}"
        page = self._get(host, port, self.path)
        told = page
        if self.identity_path and not page.error and page.status == self.status:
            told = self._get(host, port, self.identity_path)
        if error := page.error or told.error:
            return ProbeResult(False, url, f"no answer ({error})", reached=page.connected)
        judged = self.judge(url, page.status, page.location, page.body, self.identity(told.body))
        return self._with_asset(judged, host, port, page.body) if judged.good and self.asset else judged

    def _with_asset(self, page: ProbeResult, host: str, port: int, body: str) -> ProbeResult:
        """Return the page's result, or a bad one if the file that it names is not there."""
        named = re.search(self.asset, body)
        if not named:
            return page
        path = html.unescape(named[1])
        answer = self._get(host, port, path)
        if not answer.error and answer.status == 200:
            return page
        trouble = f"no answer ({answer.error})" if answer.error else f"HTTP {answer.status} instead of 200"
        needed = f"http://{address_of(host, port)}{path}"
        return replace(page, good=False, said=f"{trouble} for what its page needs: {needed}")

    def _get(self, host: str, port: int, path: str) -> Answer:
        return get(host, port, path, server_name=self.server_name, timeout=self.timeout)

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
