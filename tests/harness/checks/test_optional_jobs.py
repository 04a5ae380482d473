"""Jobs that not every site runs: they run if the site uses them, and all of the release's in a thorough visit."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.application import jobs, optional_jobs
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.startup_log import StartupLogs
from harness.dump.choice import DEFAULT_SERVER
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
INDEXED = Configuration(
    {
        "site.pm": b"""
Set(%FullTextSearch, Enable => 1, Indexed => 1, Table => 'AttachmentsIndex');
1;
"""
    }
)
TABLE = """
CREATE TABLE AttachmentsIndex (id BIGINT NOT NULL PRIMARY KEY, Content LONGTEXT, FULLTEXT(Content)) ENGINE=InnoDB
"""
HAS = {
    "4.4.4": set(),
    "5.0.7": {"rt-clean-shorteners", "rt-email-expiring-auth-tokens"},
    "5.0.10": {"rt-clean-shorteners", "rt-email-expiring-auth-tokens", "rt-run-scheduled-processes"},
}


@pytest.mark.parametrize("version", HAS)
def test_they_are_those_of_the_release_and_work(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, version: str
) -> None:
    """On a new site they have nothing to do; a thorough visit runs them all the same."""
    database = clone(lifecycle.fresh(version, DEFAULT_SERVER))
    tools = rt_tools(version, database)
    few, left = optional_jobs.choose(database, tools, thorough=False)
    assert few == []
    assert optional_jobs.ELSEWHERE in left
    idle = [one for one in left if "nothing to do for" in one]
    assert len(idle) == bool(HAS[version]), "one line for all of them"
    assert all(name in idle[0] for name in HAS[version])
    assert "rt-fulltext-indexer: the database has no full-text index" in left
    chosen, _ = optional_jobs.choose(database, tools, thorough=True)
    assert {job[0] for job in chosen} == HAS[version]
    report = Report("application", "")
    jobs.carry_out(report, tools, (), [Job(tuple(job)) for job in chosen], StartupLogs(tools))
    assert report.looked_at == len(chosen)
    assert (report.findings, report.unanswered) == ([], [])


def test_what_the_site_uses_is_run_at_once(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """An index of all texts, a short address, a token are in use by the site. A missing table must be found."""
    database = clone(lifecycle.fresh("5.0.7", DEFAULT_SERVER))
    database.execute(
        TABLE,
        "INSERT INTO Shorteners (Code, Content, Creator, LastAccessed) VALUES ('abc', 'x', 1, NOW())",
        "INSERT INTO AuthTokens (Owner, Token, Description, Expires, Creator) VALUES (12, 'x', 'x', NOW(), 1)",
    )
    plain, tools = rt_tools("5.0.7", database), rt_tools("5.0.7", database, configuration=INDEXED)
    used, left = optional_jobs.choose(database, plain, thorough=False)
    assert [job[0] for job in used] == ["rt-clean-shorteners", "rt-email-expiring-auth-tokens"]
    assert "rt-fulltext-indexer: the configuration has no indexed full-text search" in left
    used, _ = optional_jobs.choose(database, tools, thorough=False)
    report = Report("application", "")
    jobs.carry_out(report, tools, (), [Job(tuple(used[-1]))], StartupLogs(tools))
    assert used[-1][0] == "rt-fulltext-indexer"
    assert report.findings == [], str(report)
    database.execute("DROP TABLE AttachmentsIndex")
    jobs.carry_out(report, tools, (), [Job(tuple(used[-1]))], StartupLogs(tools))
    assert report.findings
