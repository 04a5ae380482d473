"""A database that goes away in the middle of a request must not make RT say that there is nothing to be found."""

from __future__ import annotations

import pytest
import requests

from fixtures.healthcheck_user import ROOT
from fixtures.rt import PSGI, RtFactory
from harness.dump.choice import DEFAULT_TARGET
from harness.releases import ROOT as PROJECT
from harness.rt import Rt, rest
from harness.rt.configuration import Configuration
from tests.smoke.instances import ALIKE, TWO_WORKERS, Instances

PAGE = """
<%%perl>
# Ends the request's own connection, as the server's end does.
eval { local $RT::Handle->dbh->{PrintError}; $RT::Handle->dbh->do('KILL CONNECTION_ID()') };
my $users = RT::Users->new(RT->SystemUser);
$users->Limit(FIELD => 'Name', VALUE => 'root');
my @found = %s;
</%%perl>
Found <%% scalar @found %%>.
"""
SEARCH = "@{ $users->ItemsArrayRef }"
TRIED = f"eval {{ {SEARCH} }}"
"""The same, as RT does with a scrip: an error in it is no error of the request."""
PAGES = Configuration(
    {f"html/NoAuth/{name}.html": (PAGE % work).encode() for name, work in (("plain", SEARCH), ("tried", TRIED))}
)
SCRIPT = (PROJECT / "image/rt/rt.psgi").read_text(encoding="utf-8")
NOTICES = "if !$answer[0] && $LOST"
"""Condition under which the image's script ends a request."""


def serve(instances: Instances, rt_site: RtFactory, script: str = SCRIPT) -> Rt:
    """Serve a site that loses its connection on its own pages. script: the server's."""
    return rt_site(
        instances.version,
        instances.database,
        configuration=PAGES,
        environment=TWO_WORKERS,
        files=[(PSGI, script.encode())],
    )


def answer(site: Rt, page: str) -> requests.Response:
    """Request a page that searches after its connection is lost."""
    return requests.get(f"{site.url}/NoAuth/{page}.html", headers={"Host": "localhost"}, timeout=30)


@ALIKE
def test_a_lost_connection_ends_the_request(instances: Instances, rt_site: RtFactory) -> None:
    """A search that failed is no empty one, also where RT catches the error; the next request is served again."""
    site = serve(instances, rt_site)
    plain, tried = answer(site, "plain"), answer(site, "tried")
    assert (plain.status_code, "Found" in plain.text) == (503, False), plain.text[-500:]
    assert tried.status_code == 503, tried.text[-500:]
    with rest.client(site, *ROOT) as client:
        assert client.search("id = 1") == [1]


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_unnoticed_it_would_find_nothing(instances: Instances, rt_site: RtFactory) -> None:
    """The defect that the test above must catch; once RT notices by itself, the image need not."""
    assert NOTICES in SCRIPT
    site = serve(instances, rt_site, SCRIPT.replace(NOTICES, "if 0 && $LOST"))
    plain = answer(site, "plain")
    assert (plain.status_code, "Found 0." in plain.text) == (200, True), plain.text[-500:]
