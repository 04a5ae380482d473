"""Check, as far as possible on a copy, that the new side can read content stored outside of the database.

RT reads such content only through the option ExternalStorage. A copy has no such storage (harness/perl/last.pm),
so no check of the upgraded copy could notice that the option was forgotten, or that the image lacks modules that
it needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.checks.preflight.configuration import options, options_in_database
from harness.common import redact
from harness.database import Database
from harness.database.schema import Schema
from harness.rt.configuration import Configuration
from harness.verdict import Report

OPTION = "ExternalStorage"
TABLES = ("Attachments", "ObjectCustomFieldValues")
"""Tables whose content rt-externalize-attachments moves; their ContentEncoding is "external" then."""
_WORD = re.compile(rf"\b{OPTION}\b")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def judge(report: Report, database: Database, schema: Schema, old: Configuration, new: Configuration) -> None:
    """Report a storage named by the old side's configuration, but by neither the new side's nor the database."""
    if OPTION not in options(old)["options"]:
        return
    report.looked_at += 1
    # Any mention of the option counts, also one in an unusual form: not recognising it does not prove that it is
    # missing.
    named = any(_WORD.search(_COMMENT.sub("", content.decode(errors="replace"))) for content in new.files.values())
    if named or OPTION in options_in_database(database, schema):  # those come with the database
        return
    count, asked = _outside(database)
    report.find(
        OPTION,
        f"CONFIG names it and CONFIG_NEW does not: {count} contents are kept outside of the database so "
        "far, which the target could not read",
        sql=asked,
        repair=f"take {OPTION} into CONFIG_NEW, and what of it lies on disk to the new server",
    )


def loads(report: Report, database: Database, probed: Mapping[str, object]) -> None:
    """Judge the result of the probe: storage modules that the target cannot load."""
    missing = probed.get("storage")
    if not isinstance(missing, dict):
        return
    report.looked_at += 1
    for name, why in missing.items():
        count, asked = _outside(database)
        report.find(
            OPTION,
            f"the target cannot load {name}, without which it reads nothing of what is kept outside of "
            f"the database: {count} contents so far",
            samples=(redact.line(str(why).partition("\n")[0]),),
            sql=asked,
            repair=f"put {name} and what it needs into the image, or into CONFIG's lib",
        )


def _outside(database: Database) -> tuple[int, str]:
    """Return the number of externally stored contents, and the SQL that counts them."""
    found = " UNION ALL ".join(
        f"SELECT id FROM {table} WHERE ContentEncoding = 'external'"
        for table in TABLES
        if table in database.tables()
    )
    asked = f"SELECT COUNT(*) FROM ({found}) AS outside" if found else ""
    return int(database.value(asked)) if asked else 0, asked
