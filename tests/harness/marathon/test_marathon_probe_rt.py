"""The gate's own probe on real RTs must tell their release, and reject one that lost its database."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.marathon.probe import rt_probe
from harness.rt.configuration import SITE_CONFIGURATION
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(("release", "other"), [("4.4.6", "5.0.3"), ("5.0.3", "4.4.6")])
def test_probe_knows_the_release_of_a_real_rt(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, release: str, other: str
) -> None:
    """Login page and release of both majors must be read; without the database there is no login page."""
    database = clone(lifecycle.fresh(release, "mariadb-10.11"))
    where = urlsplit(rt_site(release, database).url)
    host, port = str(where.hostname), int(where.port or 80)
    probe, wrong = (rt_probe({"labels": {"RT_RELEASE": one}}) for one in (release, other))
    assert probe(host, port).good, probe(host, port).said
    assert wrong(host, port).said == f"it names release {release} instead of {other}"
    database.container.signal("SIGKILL")
    assert not probe(host, port).good


BELOW = (f"{SITE_CONFIGURATION}/~~site.pm", b"Set($WebPath, '/rt');\n1;\n")
"""Read after the file that pins this option for copies."""


@pytest.mark.parametrize("release", ["5.0.3"])
def test_probe_misses_the_parts_of_a_page(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, release: str
) -> None:
    """RT that believes to be served below /rt shows a login page at / with which nobody can log in."""
    database = clone(lifecycle.fresh(release, "mariadb-10.11"))
    site = rt_site(release, database, files=[BELOW], environment={"RT_GUARD": "off"})
    where = urlsplit(site.url)
    found = rt_probe({"labels": {"RT_RELEASE": release}})(str(where.hostname), int(where.port or 80))
    assert not found.good
    assert "HTTP 302 instead of 200 for what its page needs" in found.said
    assert "/rt/NoAuth/css/" in found.said
