"""An acknowledged write that is missing must be found; otherwise the kill test proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from _pytest.mark import ParameterSet

from fixtures.healthcheck_user import CHEAP, ROOT
from harness.database import Database
from harness.database.baseline_record import Baseline
from harness.load import State
from harness.rt import Rt, rest
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.people_at_work import WorkedSite, let_people_work
from tests.deploy.shared import RELEASE
from tests.harness.mutants.balancer import Forgetful, Insistent, Relay

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("acknowledged")]


def defect(name: str, *values: object) -> ParameterSet:
    """Return values for a test, the last one expecting a finding; listed in the table of mutants."""
    return pytest.param(*values, True, id=name, marks=pytest.mark.mutants("acknowledged"))


def harmless(name: str, *values: object) -> ParameterSet:
    """Return values for a test, the last one expecting no finding; listed in the table as well."""
    return pytest.param(*values, False, id=name, marks=pytest.mark.control("acknowledged"))


@pytest.fixture(scope="module")
def one(lifecycle: Lifecycle, deployable: Baseline) -> Iterator[tuple[Rt, Database]]:
    """One instance without state of its own."""
    database = lifecycle.baselines.clone(deployable)
    try:
        site = lifecycle.site(RELEASE, database, configuration=CHEAP)
        yield site, database
        site.remove()
    finally:
        lifecycle.baselines.discard(database)


@pytest.fixture(scope="module")
def good(one: tuple[Rt, Database]) -> Iterator[WorkedSite]:
    """A run without defects, for planting some."""
    with let_people_work([one[0]], one[1]) as (found, _):
        yield found


@pytest.mark.control("acknowledged")
def test_where_nothing_is_lost_nothing_is_found(good: WorkedSite) -> None:
    """A false alarm costs the trust in later findings."""
    report = good.judge()
    assert report, str(report)
    assert report.facts["timeline"]
    assert report.facts["acknowledged"] == report.facts["sent"] >= 8
    assert report.facts["reads"] >= 4


ONE = "(SELECT t FROM (SELECT MAX(id) t FROM Tickets WHERE Subject LIKE 'load-%') x)"
A_TEXT = (
    "(SELECT i FROM (SELECT MAX(a.id) i FROM Attachments a JOIN Transactions t ON t.id = a.TransactionId "
    "WHERE t.Type = '{type}' AND a.Content LIKE 'load-%') x)"
)
A_REPLY = (
    "(SELECT i FROM (SELECT MAX(t.id) i FROM Transactions t JOIN Tickets k ON k.id = t.ObjectId WHERE "
    "t.ObjectType = 'RT::Ticket' AND t.Type = 'Correspond' AND k.Subject LIKE 'load-%') x)"
)
A_FILE = "(SELECT f FROM (SELECT MAX(id) f FROM Attachments WHERE Filename LIKE 'load-%') x)"
COLUMNS = "TransactionId, Parent, ContentType, ContentEncoding, Content, Filename, Creator, Created"
DEFECTS: dict[str, tuple[str, str]] = {
    "a ticket is gone": (f"DELETE FROM Tickets WHERE id = {ONE}", "lost"),
    "a ticket is there twice": (
        f"INSERT INTO Tickets (Queue, Subject, Type, Status) SELECT Queue, Subject, Type, Status FROM Tickets "
        f"WHERE id = {ONE}",
        "duplicated",
    ),
    "a subject is cut off": (
        f"UPDATE Tickets SET Subject = LEFT(Subject, CHAR_LENGTH(Subject) - 1) WHERE id = {ONE}",
        "changed",
    ),
    "a reply is gone": (f"DELETE FROM Attachments WHERE id = {A_TEXT.format(type='Correspond')}", "lost"),
    "a reply is there twice": (
        f"INSERT INTO Attachments ({COLUMNS}) SELECT {COLUMNS} FROM Attachments "
        f"WHERE id = {A_TEXT.format(type='Correspond')}",
        "duplicated",
    ),
    "a letter of a text is another one": (
        f"UPDATE Attachments SET Content = REPLACE(Content, 'wurde', 'würde') WHERE id = "
        f"{A_TEXT.format(type='Create')}",
        "changed",
    ),
    "a text is on another ticket": (
        f"UPDATE Transactions SET ObjectId = ObjectId - 1 WHERE id = {A_REPLY}",
        "changed",
    ),
    "a file is gone": (f"DELETE FROM Attachments WHERE id = {A_FILE}", "lost"),
    "a file is empty": (f"UPDATE Attachments SET Content = '' WHERE id = {A_FILE}", "lost"),
    "a byte of a file is another one": (
        f"UPDATE Attachments SET Content = CONCAT(CHAR(ASCII(Content) ^ 1), SUBSTRING(Content, 2)) "
        f"WHERE id = {A_FILE} AND ContentEncoding = 'none'",
        "changed",
    ),
}


@contextmanager
def planted(database: Database, statement: str) -> Iterator[None]:
    """Plant a defect for a `with` block."""
    tables = ("Tickets", "Transactions", "Attachments")
    database.execute(*(f"CREATE TABLE Kept{table} AS SELECT * FROM {table}" for table in tables), statement)
    try:
        yield
    finally:
        for table in tables:
            database.execute(
                f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM Kept{table}", f"DROP TABLE Kept{table}"
            )


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(good: WorkedSite, name: str) -> None:
    """Each must be found, and described correctly."""
    statement, what = DEFECTS[name]
    with planted(good.database, statement):
        report = good.judge()
    told = {kind for kind in ("lost", "changed", "duplicated") if report.facts[kind]}
    assert (bool(report.findings), told) == (True, {what}), str(report)


@pytest.mark.mutants("acknowledged")
def test_a_gap_is_found(good: WorkedSite) -> None:
    """Nothing was lost, but no one could work for ten seconds."""
    half = good.journal.ended / 2
    late = [replace(one, answered=one.answered + 10 * (one.answered > half)) for one in good.journal.attempts]
    journal = replace(good.journal, attempts=late, ended=good.journal.ended + 10)
    report = good.judge(journal, longest_gap=8)
    assert "nobody was served" in str(report)
    assert report.facts["longest gap"] >= 10


@pytest.mark.mutants("acknowledged")
def test_a_gap_at_the_end_is_found(good: WorkedSite) -> None:
    """A site that never comes back gives no answer after its last one."""
    report = good.judge(replace(good.journal, ended=good.journal.ended + 30), longest_gap=25)
    assert "nobody was served" in str(report)


@pytest.mark.parametrize(
    ("dies", "found"),
    [
        defect("a session ends", None),
        defect("a session ends before the server dies", "after it"),
        harmless("a session ends with its server", "before it"),
    ],
)
def test_a_session_that_ends_is_found(good: WorkedSite, dies: str | None, found: bool) -> None:
    """Except after the death of the server: then people log in again."""
    last = good.journal.attempts[-1]
    attempts = [*good.journal.attempts[:-1], replace(last, state="session lost")]
    at = {"after it": last.answered + 1, "before it": last.sent - 1}.get(dies or "")
    happenings = [{"t": at, "kind": "kill", "label": "SIGKILL", "lane": "database"}] if at is not None else []
    report = good.judge(replace(good.journal, attempts=attempts, happenings=happenings), longest_gap=1000)
    assert ("sessions ended while" in str(report)) == found, str(report)
    assert bool(report.allowed) == (not found)


@pytest.mark.parametrize(
    ("before", "lane", "found"),
    [
        harmless("a session is cut off with its instance", "unknown", "instances"),
        defect("a session ends that was not cut off", "acknowledged", "instances"),
        defect("a session ends where none was killed", "unknown", "marathon"),
    ],
)
def test_a_session_that_was_cut_off_is_told(good: WorkedSite, before: State, lane: str, found: bool) -> None:
    """It had a request in progress when its instance was killed; any other session must go on."""
    last = good.journal.attempts[-1]
    person = last.mark.rpartition("-")[0]
    others = [one for one in good.journal.attempts[:-1] if one.mark.rpartition("-")[0] != person]
    cut = replace(last, sent=last.sent - 1, answered=last.sent - 0.5, state=before)
    happenings = [{"t": last.sent - 0.7, "kind": "kill", "label": "SIGKILL", "lane": lane}]
    journal = replace(
        good.journal, attempts=[*others, cut, replace(last, state="session lost")], happenings=happenings
    )
    report = good.judge(journal, longest_gap=1000)
    assert ("sessions ended while" in str(report)) == found, str(report)
    assert any("was cut off" in one for one in report.allowed) == (not found)


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(None, id="a search leaves a ticket out", marks=pytest.mark.mutants("acknowledged")),
        pytest.param(-1, id="the same while the server is dead", marks=pytest.mark.mutants("acknowledged")),
    ],
)
def test_a_search_that_leaves_a_ticket_out_is_found(good: WorkedSite, killed: float | None) -> None:
    """Also while the server is dead: the image makes an error of a search that fails. killed: seconds from it."""
    last = good.journal.attempts[-1]
    attempts = [*good.journal.attempts[:-1], replace(last, state="wrong", answered=last.sent + 0.5)]
    dead = {"kind": "kill", "label": "SIGKILL", "lane": "database"}
    happenings = [] if killed is None else [{"t": last.sent + killed, **dead}]
    report = good.judge(replace(good.journal, attempts=attempts, happenings=happenings), longest_gap=1000)
    assert "left an acknowledged ticket out" in str(report)


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize("kind", ["Correspond", "Comment"], ids=["refused reply", "refused comment"])
def test_what_was_not_recorded_is_not_acknowledged(one: tuple[Rt, Database], kind: str) -> None:
    """REST 1 answers 200 to a reply whose insert failed; counted as acknowledged, it would be a lost write."""
    site, database = one
    with rest.client(site, *ROOT) as client:
        write = client.reply if kind == "Correspond" else client.comment
        database.execute(
            "CREATE TRIGGER Refuse BEFORE INSERT ON Transactions FOR EACH ROW "
            f"IF NEW.Type = '{kind}' THEN SIGNAL SQLSTATE '45000'; END IF",
            root=True,
        )
        try:
            with pytest.raises(rest.RestError, match="RT did not take it"):
                write(1, "not to be recorded")
        finally:
            database.execute("DROP TRIGGER Refuse", root=True)
        write(1, "to be recorded")


@pytest.mark.mutants("acknowledged")
def test_a_run_without_success_is_no_pass(good: WorkedSite) -> None:
    """A run that acknowledged nothing cannot lose anything, and proves nothing."""
    silent = [replace(one, state="unknown") for one in good.journal.attempts]
    assert not good.judge(replace(good.journal, attempts=silent), longest_gap=1000)


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        pytest.param(Forgetful, "lost", id="forgetful balancer"),
        pytest.param(Insistent, "duplicated", id="insistent balancer"),
    ],
)
def test_a_balancer_that_is_no_good_is_found(one: tuple[Rt, Database], kind: type[Relay], told: str) -> None:
    """An answer alone is no proof, nor is one of two."""
    with let_people_work([one[0]], one[1], kind) as (found, _):
        report = found.judge()
    assert report.facts[told] >= 2, str(report)
    assert not any(report.facts[other] for other in {"lost", "changed", "duplicated"} - {told}), str(report)
