"""A program gets more time on a larger database, and one that was ended names its limit and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from fixtures.databases import CloneFactory
from harness.checks import log
from harness.checks.application import mails, startup_log
from harness.checks.application.startup_log import StartupLogs
from harness.checks.meaning import told as meaning_told
from harness.common import cache
from harness.dump.choice import choose
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.stage import Stage, visitor
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ASKED: tuple[Callable[[Rt], object], ...] = (meaning_told.collect, mails.collect, startup_log.collect)


def ending(code: int, errors: str = "") -> Rt:
    """Return tools whose programs end with this exit code; those that are killed have written nothing yet."""
    done = CommandResult(code, "", "" if code else errors)
    return cast(Rt, SimpleNamespace(release="5.0.3", perl=lambda *_, **__: done, perl_alone=lambda *_, **__: done))


@pytest.mark.parametrize("code", [124, 137])
@pytest.mark.parametrize("ask", ASKED, ids=lambda one: one.__module__.rpartition(".")[2])
def test_what_was_ended_names_its_limit_and_what_to_do(ask: Callable[[Rt], object], code: int) -> None:
    """An exit code and no error say nothing to somebody who waited for two hours."""
    with pytest.raises(InfrastructureError, match=r"within [25] (h|min) 00 (min|s), or was killed") as caught:
        ask(ending(code))
    assert "run it again" in caught.value.repair


SAID = "[1] [Wed Nov 25 14:00:31 2026] [error]: an option is wrong (/x.pm:1)\n"


@pytest.mark.parametrize("killed", ["old", "new", "neither"])
def test_a_start_that_was_killed_has_said_too_little_to_compare(killed: str) -> None:
    """The other release's usual lines would count as new. What the parts of the check have found stays."""
    tools = {name: ending(137 if name == killed else 0, SAID) for name in ("old", "new")}
    starts = StartupLogs(tools["new"], lambda: startup_log.collect(tools["old"]))
    found = log.records(SAID.splitlines())
    assert starts.others(found) == []
    report = Report("application", "")
    starts.judge(report)
    assert report.findings == []
    assert len(report.unanswered) == (killed != "neither"), report.unanswered


@pytest.fixture
def stage(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The usual upgrade, without the answers of earlier runs."""
    monkeypatch.setattr(cache, "cached", lambda make, *_: make())
    made = Stage(Lifecycle(engine, Configuration()), choose())
    yield made
    made.close()


@pytest.mark.engine
def test_the_limits_are_those_for_this_database(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both releases must get the time that the size of the data asks for."""

    def refused(ask: Callable[[], Any]) -> str:
        with pytest.raises(InfrastructureError) as caught:
            ask()
        return caught.value.sentence

    for module in (meaning_told, mails):
        monkeypatch.setattr(module, "PATIENCE", 0.02)
    monkeypatch.setattr(meaning_told, "FOR_A_SEARCH", 0.0)
    late = [refused(stage.old_side.meaning), refused(lambda: stage.old_side.mails(1))]
    monkeypatch.setattr(stage.old_side, "meaning", lambda: None)
    late.append(refused(stage.meaning))
    assert [one for one in late if "within 0.02 s" not in one] == []
    assert len({*late}) == len(late)


@pytest.mark.engine
def test_each_saved_search_gets_time_of_its_own(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """All of them are made, and a site may have thousands."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    before = meaning_told.patience(database)
    database.execute(
        "INSERT INTO Attributes (Name, ObjectType, ObjectId) VALUES"
        " ('SavedSearch', 'RT::User', 12), ('Search - Mine', 'RT::System', 1), ('Dashboard', 'RT::System', 1)"
    )
    assert meaning_told.patience(database) - before == 2 * meaning_told.FOR_A_SEARCH


@pytest.mark.engine
def test_the_accounts_to_try_the_site_with_get_more_time_on_a_larger_database(
    lifecycle: Lifecycle, clone: CloneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ticket of a large site reads much that is in no cache yet."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    monkeypatch.setattr(database, "patience", lambda least: least + 3600)
    with pytest.raises(InfrastructureError, match=r"RT 5\.0\.3 did not make the accounts .* within 1 h 05 min"):
        visitor.prepare_visit(ending(124), ending(124), database, {})
