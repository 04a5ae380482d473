"""The image's guard must keep old code from a new database, and any code from one that is neither."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import dump, releases
from harness.common.waits import Retry, wait_until
from harness.upgrade import guard
from harness.upgrade.guard import NEWER
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.guard import HISTORIES, NO_HISTORY, ORIGIN, TABLES, TARGET, VERSIONED
from tests.harness.mutants.planting import planted

PAIR = releases.pair(ORIGIN, TARGET, "mariadb-10.11")


@pytest.mark.engine
def test_what_must_not_be_served_is_told(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """Each must get its own verdict: an older database is repaired otherwise than a half upgraded one."""
    upgraded, _ = lifecycle.upgraded(PAIR, dump.load(dump.bundled(ORIGIN)))
    database = clone(upgraded)
    tools = {version: rt_tools(version, database) for version in (ORIGIN, TARGET)}
    assert guard.ask(tools[TARGET]).code == 0, "its own"
    tally("old-code", "guard", guard.ask(tools[ORIGIN]).code == NEWER)
    for mutant in (*HISTORIES, NO_HISTORY):
        with planted(mutant, database, tools[TARGET]):
            tally(mutant.name, "guard", guard.ask(tools[mutant.asked]).code == mutant.code)
    for defect in TABLES:
        database.execute(*defect.statements)
        tally(defect.name, "guard", guard.ask(tools[TARGET]).code == defect.code)
        database.execute(defect.undo)
    database.execute(*VERSIONED.statements)
    assert str(guard.ask(tools[TARGET])).startswith(f"RT {TARGET}: exit code {VERSIONED.code}")
    database.execute(VERSIONED.undo)
    assert guard.ask(tools[TARGET]).code == 0, "its own again"


_ASKING = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT Content FROM Attributes%'"


@pytest.mark.engine
def test_a_server_that_answers_late_is_asked_again(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """After a killed upgrade the server recovers; that the guard's first query got no answer is no judgement."""
    database = clone(lifecycle.fresh(ORIGIN, PAIR.server))
    tools = rt_tools(ORIGIN, database)
    asked: set[int] = set()

    def given_up_or_again() -> None:
        asked.update(number for (number,) in database.rows(_ASKING))
        if len(asked) < 2 and not judging.done():
            raise Retry(f"connections {asked} have asked")

    with ThreadPoolExecutor(1) as pool:
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLES Attributes WRITE")
            judging = pool.submit(guard.ask, tools)
            wait_until("The guard asking by a second connection", given_up_or_again, guard.WAIT)
        assert judging.result().code == 0, judging.result()
