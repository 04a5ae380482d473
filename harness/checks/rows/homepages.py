"""Know the homepages that RT cannot read: the step that makes dashboards of homepages passes over them.

They were damaged long ago, or emptied by somebody; the old release shows nothing in their place either.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.database.digest import Row
from harness.rt.thaw import Thawer, Unreadable

SQL = """
SELECT id, Content, ContentType FROM Attributes
WHERE Name IN ('HomepageSettings', 'Pref-HomepageSettings') AND ObjectType IN ('RT::System', 'RT::User')
ORDER BY id"""


def unreadable(rows: Sequence[Row], thaw: Thawer) -> list[str]:
    """Return the ids of those of these homepages that RT cannot read: they are empty, or do not thaw.

    rows: the result of `SQL`. What RT does read and is no homepage is not among them: the step dies of it.
    """
    frozen = [row for row in rows if row["Content"] and row["ContentType"] == "storable"]
    thaw.load(row["Content"] or "" for row in frozen)
    damaged = [row for row in frozen if isinstance(thaw.value(row["Content"] or ""), Unreadable | None)]
    return [row["id"] or "" for row in rows if not row["Content"] or row in damaged]
