"""A site's own configuration must have the same effect on the guard, on RT's tools and on Apache."""

from __future__ import annotations

import pytest
import requests

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.dump.choice import DEFAULT_TARGET
from harness.releases import server
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import AFTER_ALL, TWO_WORKERS, Instances

TLS_SERVER = "mariadb-11.8"
"""This server creates a certificate when it starts; earlier ones offer no TLS unless they are given one."""
WITH_TLS = b"Set(%DatabaseExtraDSN, mysql_ssl => 1, mysql_ssl_optional => 1);\n1;\n"
"""Debian's driver refuses the first option without the second, because its library cannot require TLS."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_a_server_that_demands_tls(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, version: str
) -> None:
    """RT takes the connection's options from DatabaseExtraDSN; a guard without it would end every instance."""
    database = clone(lifecycle.fresh(version, server(TLS_SERVER).name))
    database.execute("ALTER USER rt REQUIRE SSL", root=True)
    with_tls = [(AFTER_ALL, WITH_TLS)]
    site = rt_site(version, database, environment=TWO_WORKERS, files=with_tls)
    assert site.run("/opt/rt/guard").code == 0
    site.need("rm", AFTER_ALL)
    without = site.run("/opt/rt/guard")
    assert (without.code, "Access denied" in without.err) == (70, True), without.err


OWN = Configuration(
    {
        "own.pm": b"""
Set($rtname, ($ENV{OWN_NAME} // 'lost') . '/' . length($ENV{OWN_PASSWORD} // ''));
1;
""",
        "html/NoAuth/own.html": b"""
configured: <% RT->Config->Get('rtname') %>.
seen: <% $ENV{OWN_NAME} %>. run: <% `printenv OWN_NAME` =~ s/\\s//gr %>.
password: <% $ENV{OWN_PASSWORD} %>. header: <% $ENV{HTTP_OWN} %>.
link: <% RT->Config->Get('WebURL') %>.
""",
    }
)
"""A configuration that reads the environment, and a page that shows it while a request is served."""
ENVIRONMENT = {
    "OWN_NAME": "x.example",
    "OWN_PASSWORD": "four",
    "HTTP_OWN": "forged",
    "SERVER_NAME": "rt.example.org",
    "SERVER_PORT": "8080",
}


def page(site: Rt) -> str:
    """Return the text of the page that shows the environment."""
    answer = requests.get(f"{site.url}/NoAuth/own.html", headers={"Host": "rt.example.org:8080"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_one_that_reads_its_own_environment(instances: Instances, rt_site: RtFactory) -> None:
    """Otherwise the guard may approve one database while Apache, without variables in mod_perl, serves another.

    A password is available while the configuration is read, but not to RT's page that shows the environment. A
    variable named like a request header is not passed on.
    """
    site = rt_site(
        instances.version, instances.database, configuration=OWN, environment={**TWO_WORKERS, **ENVIRONMENT}
    )
    shown = page(site)
    for expected in (
        "configured: x.example/4.",
        "seen: x.example. run: x.example.",
        "password: . header: .",
        "link: http://rt.example.org:8080/.",
    ):
        assert expected in shown, shown
