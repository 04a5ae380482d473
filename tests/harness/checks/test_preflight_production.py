"""What no copy shows is said of each upgrade that changes tables, and the rights that it names suffice."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump, upgrade
from harness.checks.preflight import production
from harness.checks.preflight.database import SchemaChanges, read_changes
from harness.database import NAME, USER
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET, SERVER = "4.4.6", "5.0.10", "mariadb-10.11"
OF_RT = "SELECT, INSERT, CREATE, INDEX, UPDATE, DELETE"
"""Rights that RT's `init` grants."""


@pytest.mark.engine
def test_the_rights_that_are_named_suffice(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """The trap no-right-to-alter shows that those of RT alone do not."""
    database = clone(lifecycle.restored(dump.load(dump.bundled(ORIGIN)), SERVER))
    target = rt_tools(TARGET, database)
    report, steps = Report("preflight", ""), upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    production.tell(report, database, read_changes(target, steps))
    rights, collation = report.facts[production.FACT]
    assert ", ".join(production.NEEDED) in rights
    given = database.value("SELECT COLLATION(CONVERT('a' USING utf8mb4))")
    assert f"must give {given} there" in collation
    database.execute(f"REVOKE ALL ON `{NAME}`.* FROM '{USER}'@'%'", root=True)
    database.execute(f"GRANT {OF_RT}, {', '.join(production.NEEDED)} ON `{NAME}`.* TO '{USER}'@'%'", root=True)
    made = upgrade.run(target, ORIGIN, TARGET)
    assert (made.code, [text for _, text in made.lines if "denied" in text]) == (0, [])


@pytest.mark.engine
def test_where_no_table_changes_nothing_is_said(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Each line that does not matter is one more that nobody reads."""
    report = Report("preflight", "")
    production.tell(report, clone(lifecycle.fresh(TARGET, SERVER)), SchemaChanges())
    assert report.facts == {}
