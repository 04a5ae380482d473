"""Check that RT, with the configuration it was asked with, recognises the links in the database as its own.

Every link within RT holds the name of the organization ($Organization). With another name RT finds none of them,
on either side, and the comparison of two empty answers would pass.
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
"""The schemes are those of lib/RT/URI/*.pm. Rows: (name, number of link ends that hold it), most common first."""


def judge(report: Report, database: Database, asked: Iterable[str]) -> None:
    """Report that links were not compared if most of them belong to another organization than the configured one.

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
