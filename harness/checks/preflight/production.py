"""Name what the upgrade needs of the production server, and no copy of its data can show.

The copy is on a server that the harness has set up: RT's user may do everything there, and texts that steps
convert get the product's own default collation.
"""

from __future__ import annotations

from harness.checks.preflight.database import SchemaChanges
from harness.database import Database
from harness.database.schema import default_collation
from harness.verdict import Report

FACT = "of the production server"
NEEDED = ("ALTER", "CREATE", "DROP", "INDEX", "REFERENCES")
"""Rights by which steps change tables; RT's own `init` grants CREATE and INDEX alone (etc/acl.mysql)."""
RIGHTS = (
    f"RT's database user needs the rights {', '.join(NEEDED)}, which RT does not grant when it sets a site up: "
    f"see SHOW GRANTS there; GRANT {', '.join(NEEDED)} ON the database TO the user gives them. Without them the "
    "upgrade stops half way"
)
COLLATION = (
    "SELECT COLLATION(CONVERT('a' USING {charset})); must give {collation} there, as on the copy: with another "
    "default (character_set_collations, default_collation_for_utf8mb4) other names are the same, and this run "
    "says nothing of them"
)


def tell(report: Report, database: Database, changes: SchemaChanges) -> None:
    """Report as a fact what to see on the production server, if steps change tables."""
    if not (changes.converted or changes.references or changes.created or changes.added):
        return
    told = [RIGHTS]
    for charset in sorted({*changes.converted.values()}):
        told.append(COLLATION.format(charset=charset, collation=default_collation(database, charset)))
    report.facts[FACT] = told
