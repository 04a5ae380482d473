"""A page must not wait without end for a database that keeps silent, nor ask it twice; RT's tools may wait."""

from __future__ import annotations

import pytest
import requests

from fixtures.rt import RtFactory
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.dump.choice import DEFAULT_TARGET
from harness.rt.configuration import Configuration
from tests.smoke.instances import TWO_WORKERS, Instances

LIMIT = 2
"""Seconds that the database may take for one statement of a page."""
LONG = "SELECT BENCHMARK(10000000000, MD5(1))"
"""A statement that takes many minutes. In a sleep the server would notice that nobody waits any more."""
SHORT = f"SELECT SLEEP({LIMIT})"
PAGE = """
%% my $done = eval { local $RT::Handle->dbh->{PrintError} = 0; $RT::Handle->dbh->do('%s') };
<%% $done ? 'It waited.' : 'Given up: ' . $RT::Handle->dbh->err %%>
"""
PAGES = Configuration(
    {f"html/NoAuth/{name}.html": (PAGE % sql).encode() for name, sql in (("long", LONG), ("short", SHORT))}
)
LOST = 2013
"""The client's error for a connection that was lost during a statement."""
TOOL = "use RT -init; print $RT::Handle->dbh->selectrow_array('SELECT SLEEP(?)', undef, shift @ARGV);"
WORKING = f"SELECT id FROM information_schema.processlist WHERE info = '{LONG}'"


def require_none(database: Database) -> None:
    """Raise Retry while the server works on the page's statement."""
    if database.rows(WORKING, root=True):
        raise Retry("it still works on it")


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_a_statement_without_an_answer(instances: Instances, rt_site: RtFactory) -> None:
    """Workers would hang, long after another server has taken over from one that is frozen.

    Under mod_perl the driver connects anew by itself and sends the statement again: what is slow would then be
    done twice, at the same time. Nor may the server go on with it to its end, for people reload such a page. A
    tool, and an upgrade, may need hours for a statement.
    """
    database = instances.database
    site = rt_site(
        instances.version,
        database,
        configuration=PAGES,
        environment={**TWO_WORKERS, "RT_DB_TIMEOUT": str(LIMIT)},
    )
    address = f"{site.url}/NoAuth/long.html"
    try:
        answer = requests.get(address, headers={"Host": "localhost"}, timeout=30)
        assert f"Given up: {LOST}" in answer.text, answer.text
        assert len(database.rows(WORKING, root=True)) == 1
        wait_until("The server ending it by itself", lambda: require_none(database), 3 * LIMIT)
    finally:
        for (number,) in database.rows(WORKING, root=True):
            database.execute(f"KILL {number}", root=True)
    assert requests.get(f"{site.url}/", headers={"Host": "localhost"}, timeout=30).status_code == 200
    told = site.perl_alone(TOOL, str(LIMIT + 1))
    assert (told.code, told.out) == (0, "0"), told.err


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_without_a_bound(instances: Instances, rt_site: RtFactory) -> None:
    """A site with searches that take minutes must be able to do without."""
    site = rt_site(
        instances.version,
        instances.database,
        configuration=PAGES,
        environment={**TWO_WORKERS, "RT_DB_TIMEOUT": "0"},
    )
    address = f"{site.url}/NoAuth/short.html"
    assert "It waited." in requests.get(address, headers={"Host": "localhost"}, timeout=30).text
