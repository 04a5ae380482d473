"""A site's own configuration means the same to the guard, to RT's tools and to Apache."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.dump.choice import DEFAULT_TARGET
from harness.releases import server
from harness.rt import SITE_CONFIGURATION
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import TWO_WORKERS

TLS_SERVER = "mariadb-11.8"
"""Makes itself a certificate when it starts; servers before it offer no TLS unless they are given one."""
AFTER_ALL = f"{SITE_CONFIGURATION}/~~site.pm"
"""A file read after the harness's own last one, which takes the options of the connection from a copy."""
WITH_TLS = b"Set(%DatabaseExtraDSN, mysql_ssl => 1, mysql_ssl_optional => 1);\n1;\n"
"""Debian's driver refuses the first option without the second, for its library cannot want TLS of a server."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_a_server_that_demands_tls(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, version: str
) -> None:
    """RT takes the connection's options from DatabaseExtraDSN; a guard that does not would end every instance."""
    database = clone(lifecycle.fresh(version, server(TLS_SERVER).name))
    database.execute("ALTER USER rt REQUIRE SSL", root=True)
    with_tls = [(AFTER_ALL, WITH_TLS)]
    site = rt_site(version, database, environment=TWO_WORKERS, files=with_tls)
    assert site.run("/opt/rt/guard").code == 0
    site.need("rm", AFTER_ALL)
    without = site.run("/opt/rt/guard")
    assert (without.code, "Access denied" in without.err) == (70, True), without.err
