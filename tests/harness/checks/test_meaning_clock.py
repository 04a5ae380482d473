"""The told meaning of one database must not depend on time, key, or organization of the question."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.application import mails
from harness.checks.meaning import organization
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.rows import judge as row_judge
from harness.common import cache
from harness.database import Database
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

LAST_DAY = """
use RT; RT::LoadConfig(); RT::Init();
my $search = RT::SavedSearch->new(RT->SystemUser);
my ($good, $message) = $search->Save(Privacy => 'RT::System-1', Name => 'day', Type => 'Ticket', SearchParams => {
    Query => "LastUpdated > '1 day ago'", Format => "'__id__'", OrderBy => 'id', Order => 'ASC' });
die $message unless $good;
print $search->Id;
"""
FEW = dict.fromkeys(meaning_told.SAMPLED, 1000)
"""Sampling for tests about searches only, which find in everything all the same."""
UPDATED = int(datetime(2024, 1, 10, 12, tzinfo=UTC).timestamp())


@pytest.fixture
def plain(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> tuple[Database, Rt]:
    """A small database, and its release's tools."""
    choice = choose("4.4.6", "4.4.6", path=FOLDER / "rt-4.4.6-plain.sql.zst")
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    return database, rt_tools(choice.pair.origin, database)


@pytest.mark.engine
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_the_last_day_is_the_same_day_for_both(plain: tuple[Database, Rt], warm: bool) -> None:
    """The sides are asked minutes or days apart; only tickets of the dump's own last day must be found."""
    database, tools = plain
    if not warm:
        tools.warm = None
    number = tools.perl(LAST_DAY).out
    database.execute("UPDATE Tickets SET LastUpdated = '2024-01-10 12:00:00'")
    same_day, next_day = (
        meaning_told.collect(tools, every=FEW, now=UPDATED + hours * 3600)
        .sections["searches"][number]["finds"]
        .split()
        for hours in (23, 25)
    )
    assert same_day
    assert next_day == []


@pytest.mark.engine
def test_texts_leave_rt_as_digests_and_attachments_outside_are_no_finding(plain: tuple[Database, Rt]) -> None:
    """A plain digest of a name can be reversed by hashing all names: it must have the key of this cache.

    A copy has no storage for attachments outside of the database, and RT logs an error for each.
    """
    database, tools = plain
    database.execute(
        "UPDATE Attachments SET ContentEncoding = 'external', Content = SHA2(id, 256)"
        " WHERE ContentType = 'text/plain' ORDER BY id LIMIT 2"
    )
    told = meaning_told.collect(tools)
    subjects = database.rows(
        "SELECT id, Subject FROM Tickets WHERE Subject > '' AND Subject = CONVERT(Subject USING ascii)"
    )
    assert subjects
    assert {told.sections["tickets"][str(number)]["Subject"] for number, _ in subjects} == {
        cache.keyed_digest(text) for _, text in subjects
    }
    report = meaning.check(None, told, Upgrade("4.4.6", "4.4.6", ()))
    assert [one for one in report.findings if one.where.startswith("RT ")] == []
    assert "2 contents that are not in the database" in str(report.out_of_scope)
    told.complaints.append("[error] Failed to load the queue")
    assert meaning.check(None, told, Upgrade("4.4.6", "4.4.6", ())).findings


def test_digests_in_findings_need_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cache has its own key, readable by its owner only; elsewhere the same text has another digest."""
    said = []
    for name in ("one", "two", "one"):
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / name))
        said.append(
            (
                row_judge.shown(("anna", "7"), (False, True)),
                mails.hide_addresses("Anna@example.test"),
                cache.keyed_digest("x"),
            )
        )
        assert stat.S_IMODE((tmp_path / name / "key").stat().st_mode) == 0o600
    assert said[0] == said[2]
    assert not {*said[0]} & {*said[1]}
    assert said[0][0].endswith(", 7")


@pytest.mark.engine
def test_links_that_rt_does_not_take_for_its_own_are_not_proven(plain: tuple[Database, Rt]) -> None:
    """If both sides find nothing, they are not proven equal."""
    database, tools = plain
    own = meaning_told.collect(tools, every=FEW).organization
    for asked, whole in (([own], True), ([own.upper()], True), ([own, "other.example"], False)):
        report = Report("meaning", "", looked_at=1)
        organization.judge(report, database, asked)
        assert bool(report) == whole, report
    assert f"Set($Organization, '{own}')" in report.unanswered[0]
    database.execute("DELETE FROM Links")
    report = Report("meaning", "", looked_at=1)
    organization.judge(report, database, ["other.example"])
    assert report


NAMED = Configuration({"site.pm": b"Set($Organization, 'renamed.example');\n1;\n"})
SILENT = Configuration({"site.pm": b"1;\n"})


@pytest.mark.engine
def test_a_site_that_was_renamed_years_ago_can_be_proven(plain: tuple[Database, Rt]) -> None:
    """No other CONFIG would be right: RT takes the old links for another site's in production as well."""
    for asked, configurations, known in (
        (("renamed.example",), (NAMED, NAMED), True),
        (("renamed.example",), (NAMED, SILENT), False),
        (("renamed.example",), (SILENT, SILENT), False),
        (("renamed.example", "other.example"), (NAMED, NAMED), False),
    ):
        report = Report("meaning", "", looked_at=1)
        organization.judge(report, plain[0], asked, configurations)
        assert (bool(report), organization.OTHERS in report.facts) == (known, known), (asked, str(report))
