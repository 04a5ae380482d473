"""Does RT, as it was asked, take the links in the database for its own?

Every link within RT holds the name of the organization ($Organization). Asked under another name RT finds none of
them, on either side, and two sides that say nothing are alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.database import Database
from harness.verdict import Report

SQL = """
    SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(uri, '/', 3), '/', -1) AS organization, COUNT(*)
    FROM (SELECT Base AS uri FROM Links UNION ALL SELECT Target FROM Links) ends
    WHERE uri REGEXP '^(fsck[.]com-(rt|article)|asset|attribute|user|group)://'
    GROUP BY organization ORDER BY COUNT(*) DESC, organization
"""
"""The schemes are those of lib/RT/URI/*.pm: (name, ends of links that hold it), the most common first."""


def judge(report: Report, database: Database, asked: Iterable[str]) -> None:
    """Say that links were not compared where most of them are of another organization than RT was asked as.

    asked: $Organization of each side that was asked.
    """
    found = [(str(name), int(count)) for name, count in database.rows(SQL)]
    if not found:
        return
    (most, count), total = found[0], sum(count for _, count in found)
    if others := sorted({one for one in asked if one.lower() != most.lower()}):
        names = " and ".join(others)
        report.unanswered.append(
            f"whether links are the same: {count} of {total} ends of links are of the organization {most}, and RT "
            f"was asked as {names}; give the site's CONFIG, or one with Set($Organization, '{most}')"
        )
