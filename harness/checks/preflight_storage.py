"""Does the new side still name the storage beside the database in which the site keeps attachments?

RT reads such contents by the option ExternalStorage alone. A copy has no such storage (harness/perl/last.pm), so
nothing that is asked of the upgraded copy could tell that the option was forgotten.
"""

from __future__ import annotations

import re

from harness.checks import preflight_configuration
from harness.database import Database
from harness.rt import Configuration
from harness.verdict import Report

OPTION = "ExternalStorage"
TABLES = ("Attachments", "ObjectCustomFieldValues")
"""Those whose contents rt-externalize-attachments moves; their ContentEncoding is "external" then."""
BY_DATABASE = "Configurations"
"""Where RT from 5.0 on has options as well, which come along with the database."""
_WORD = re.compile(rf"\b{OPTION}\b")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def judge(report: Report, database: Database, old: Configuration, new: Configuration) -> None:
    """Find a storage that the old side's configuration names and neither the new side's nor the database does."""
    if OPTION not in preflight_configuration.options(old)["options"]:
        return
    report.looked_at += 1
    tables = database.tables()
    # Also where it is set in another way than usual: to say that it is missing takes more than not to see it.
    named = any(_WORD.search(_COMMENT.sub("", content.decode(errors="replace"))) for content in new.files.values())
    if named or (BY_DATABASE in tables and _by_database(database)):
        return
    found = " UNION ALL ".join(
        f"SELECT id FROM {table} WHERE ContentEncoding = 'external'" for table in TABLES if table in tables
    )
    asked = f"SELECT COUNT(*) FROM ({found}) AS outside" if found else ""
    count = database.value(asked) if asked else 0
    report.find(
        OPTION, f"CONFIG names it and CONFIG_NEW does not: {count} contents are kept outside of the database so "
        "far, which the target could not read",
        sql=asked, repair=f"take {OPTION} into CONFIG_NEW, and what of it lies on disk to the new server",
    )  # fmt: skip


def _by_database(database: Database) -> bool:
    return bool(database.value(f"SELECT COUNT(*) FROM {BY_DATABASE} WHERE Name = '{OPTION}' AND Disabled = 0"))
