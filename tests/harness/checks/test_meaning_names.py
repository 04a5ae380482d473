"""The meaning check must notice that RT finds another object by a name, though no row has changed."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.upgrade.lifecycle import Lifecycle

RELEASE, SERVER = "5.0.3", "mariadb-10.11"
ONE, OTHER = "Masse an Kunden", "Maße an Kunden"
SITE = (
    "INSERT INTO Templates (Queue, Name, Type, Content)"
    f" VALUES (0, '{ONE}', 'Perl', 'a'), (0, '{OTHER}', 'Perl', 'b')",
    f"INSERT INTO CustomFields (Name, Type, LookupType) VALUES ('{ONE}', 'Freeform', 'RT::Queue-RT::Ticket'),"
    f" ('{OTHER}', 'Freeform', 'RT::Queue-RT::Ticket')",
    f"UPDATE Scrips SET Template = '{OTHER}' ORDER BY id LIMIT 1",
)
OTHER_COLLATION = "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"  # in which the two are the same
IN_A_QUEUE = f"INSERT INTO Templates (Queue, Name, Type, Content) VALUES (1, '{OTHER}', 'Perl', 'c')"


@pytest.mark.engine
@pytest.mark.mutants("meaning")
def test_names_that_became_one_are_found(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """A scrip sends another template, and a field's name gives two fields; a queue's own template counts first."""
    before, after = (clone(lifecycle.fresh(RELEASE, SERVER)) for _ in range(2))
    for one in (before, after):
        one.execute(*SITE)
    old = meaning_told.collect(rt_tools(RELEASE, before))
    tools = rt_tools(RELEASE, after)

    def found() -> dict[str, set[str]]:
        changed = meaning.changes(old.sections, meaning_told.collect(tools).sections)
        return {name: {one.name for one in changed if one.section == name} for name in ("scrips", "custom fields")}

    assert found() == {"scrips": set(), "custom fields": set()}
    after.execute(IN_A_QUEUE)
    assert found() == {"scrips": {"templates"}, "custom fields": set()}
    after.execute(
        f"DELETE FROM Templates WHERE Queue = 1 AND Name = '{OTHER}'",
        f"ALTER TABLE Templates {OTHER_COLLATION}",
        f"ALTER TABLE CustomFields {OTHER_COLLATION}",
    )
    report = meaning.check(old, meaning_told.collect(tools), Upgrade(RELEASE, RELEASE, ()))
    differing = [one.what.partition(" differs")[0] for one in report.findings if " differs" in one.what]
    assert sorted(differing) == ["'by name'", "'templates'"]


@pytest.mark.engine
@pytest.mark.mutants("meaning")
def test_a_role_of_another_kind_of_thing_is_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Releases before 5.0.4 have roles of tickets only, which a step has to say of them from then on."""
    release, server = "5.0.7", "mariadb-11.8"
    database = clone(lifecycle.fresh(release, server))
    database.execute("INSERT INTO CustomRoles (Name, LookupType) VALUES ('Approver', 'RT::Queue-RT::Ticket')")
    tools = rt_tools(release, database)
    old = meaning_told.collect(tools)
    database.execute("UPDATE CustomRoles SET LookupType = 'RT::Catalog-RT::Asset'")
    [change] = meaning.changes(old.sections, meaning_told.collect(tools).sections)
    assert (change.section, change.name, change.old) == ("custom roles", "of objects", "RT::Queue-RT::Ticket")
