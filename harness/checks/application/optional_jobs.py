"""Choose among the jobs that not every site runs: those that this site uses or that can be tried on it.

Each costs a second: a thorough visit runs all that can run, any other visit those that the site uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import pymysql

from harness.database import Database
from harness.rt import Rt

TEMPLATE = "Auth tokens expiring in 7 days in HTML"
"""The template that RT's documentation names for its job; a step brings it, and a site may remove it."""
_TEMPLATES = f"SELECT COUNT(*) FROM Templates WHERE Name = '{TEMPLATE}'"
_INDEXES = """
    SELECT COUNT(*) FROM information_schema.statistics WHERE index_type = 'FULLTEXT' AND table_schema = DATABASE()
"""
_INDEXED = """
use RT; RT::LoadConfig();
my %index = RT->Config->Get('FullTextSearch');
print 0 + !!($index{Enable} && $index{Indexed} && !$index{Sphinx});
"""
_INDEXER = "rt-fulltext-indexer"
MISSING = (1054, 1146)
"""Errors of the server: no such column, no such table. They occur after an upgrade that stopped half way."""
ELSEWHERE = (
    "rt-externalize-attachments and rt-ldapimport: a copy has no storage beside its database and no directory"
)


@dataclass(frozen=True)
class OptionalJob:
    """An optional job. uses: SQL that counts its work on this site; needs: SQL that counts its prerequisites."""

    command: tuple[str, ...]
    uses: str
    needs: str = "SELECT 1"
    without: str = ""


OPTIONAL_JOBS = (
    OptionalJob(("rt-clean-shorteners", "--older", "1M"), "SELECT COUNT(*) FROM Shorteners"),
    OptionalJob(
        ("rt-email-expiring-auth-tokens", "--expires-by", "7 days", "--template", TEMPLATE),
        "SELECT COUNT(*) FROM AuthTokens WHERE Expires IS NOT NULL",
        _TEMPLATES,
        f"there is no template {TEMPLATE!r}",
    ),
    OptionalJob(("rt-run-scheduled-processes",), "SELECT COUNT(*) FROM Attributes WHERE Name = 'Crontool'"),
    OptionalJob((_INDEXER, "--limit", "200"), _INDEXES, _INDEXES, "the database has no full-text index"),
)


def choose(database: Database, tools: Rt, *, thorough: bool) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the jobs to run on a site, and the reasons why the release's other jobs are not run.

    database: the upgraded one. tools: of the target release.
    """
    there = set(tools.of_image("ls", "/usr/local/bin").split())
    chosen: list[tuple[str, ...]] = []
    idle: list[str] = []
    left = [ELSEWHERE]
    for job in (one for one in OPTIONAL_JOBS if one.command[0] in there):
        try:
            needed, used = int(database.value(job.needs)), int(database.value(job.uses))
        except (pymysql.err.ProgrammingError, pymysql.err.OperationalError) as error:
            if error.args[0] not in MISSING:
                raise
            left.append(f"{job.command[0]}: what it works on is not in the database (error {error.args[0]})")
            continue
        if not needed:
            left.append(f"{job.command[0]}: {job.without}")
        elif job.command[0] == _INDEXER and not _indexed(tools):
            left.append(f"{_INDEXER}: the configuration has no indexed full-text search")
        elif thorough or used:
            chosen.append(job.command)
        else:
            idle.append(job.command[0])
    if idle:
        left.append(f"jobs that the site has nothing to do for: {', '.join(idle)}")
    return chosen, left


def _indexed(tools: Rt) -> bool:
    return tools.perl(_INDEXED).out.strip().endswith("1")
