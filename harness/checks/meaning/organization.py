"""Check that RT, with the configuration it was asked with, recognises the links in the database as its own.

Every link within RT holds the name of the organization ($Organization). With another name RT finds none of them,
on either side, and the comparison of two empty answers would pass.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.checks.preflight.configuration import options
from harness.database import Database
from harness.rt.configuration import Configuration
from harness.verdict import Report

SQL = """
    SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(uri, '/', 3), '/', -1) AS organization, COUNT(*)
    FROM (SELECT Base AS uri FROM Links UNION ALL SELECT Target FROM Links) ends
    WHERE uri REGEXP '^(fsck[.]com-(rt|article)|asset|attribute|user|group)://'
    GROUP BY organization ORDER BY COUNT(*) DESC, organization
"""
"""The schemes are those of lib/RT/URI/*.pm. Rows: (name, number of link ends that hold it), most common first."""


OPTION = "Organization"
OTHERS = "links of another organization"


def judge(
    report: Report, database: Database, asked: Iterable[str], configurations: Iterable[Configuration] = ()
) -> None:
    """Report that links were not compared if most of them belong to another organization than the configured one.

    asked: $Organization of each side that was asked. configurations: of both sides. If all of them set the option
    to the same name, the site was renamed years ago: RT takes those links for another site's in production too,
    and that is a fact.
    """
    found = [(str(name), int(count)) for name, count in database.rows(SQL)]
    if not found:
        return
    (most, count), total = found[0], sum(count for _, count in found)
    names = sorted({*asked})
    others = [one for one in names if one.lower() != most.lower()]
    if not others:
        return
    set_by_site = [OPTION in options(one)["options"] for one in configurations]
    told = f"{count} of {total} ends of links are of the organization {most}, and RT was asked as"
    if set_by_site and all(set_by_site) and len(names) == 1:
        report.facts[OTHERS] = f"{told} {names[0]}, as the site's own CONFIG says: they are another site's to RT"
        return
    report.unanswered.append(
        f"whether links are the same: {told} {' and '.join(others)}; give the site's CONFIG, or one with "
        f"Set($Organization, '{most}')"
    )
