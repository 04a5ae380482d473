"""A page must not wait without end for a database that keeps silent, nor ask it twice; RT's tools may wait."""

from __future__ import annotations

import pytest
import requests

from fixtures.rt import RtFactory
from harness.dump.choice import DEFAULT_TARGET
from harness.rt.configuration import Configuration
from tests.smoke.instances import TWO_WORKERS, Instances

LIMIT = 2
"""Seconds that the database may take for one statement of a page."""
PAGE = Configuration(
    {
        "html/NoAuth/slow.html": b"""
% my $done = eval { local $RT::Handle->dbh->{PrintError} = 0; $RT::Handle->dbh->do('SELECT SLEEP(60)') };
<% $done ? 'It waited.' : 'Given up: ' . $RT::Handle->dbh->err %>
"""
    }
)
LOST = 2013
"""The client's error for a connection that was lost during a statement."""
TOOL = "use RT -init; print $RT::Handle->dbh->selectrow_array('SELECT SLEEP(?)', undef, shift @ARGV);"
SLEEPING = "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(60)'"


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_a_statement_without_an_answer(instances: Instances, rt_site: RtFactory) -> None:
    """Workers would hang, long after another server has taken over from one that is frozen.

    Under mod_perl the driver connects anew by itself and sends the statement again: what is slow would then be
    done twice, at the same time. A tool, and an upgrade, may need hours for a statement.
    """
    database = instances.database
    site = rt_site(
        instances.version,
        database,
        configuration=PAGE,
        environment={**TWO_WORKERS, "RT_DB_TIMEOUT": str(LIMIT)},
    )
    address = f"{site.url}/NoAuth/slow.html"
    try:
        answer = requests.get(address, headers={"Host": "localhost"}, timeout=30)
        assert f"Given up: {LOST}" in answer.text, answer.text
        assert len(database.rows(SLEEPING, root=True)) == 1
    finally:
        for (number,) in database.rows(SLEEPING, root=True):
            database.execute(f"KILL {number}", root=True)
    assert requests.get(f"{site.url}/", headers={"Host": "localhost"}, timeout=30).status_code == 200
    told = site.perl_alone(TOOL, str(LIMIT + 1))
    assert (told.code, told.out) == (0, "0"), told.err
