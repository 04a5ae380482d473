"""RT's answer about an upgraded copy must describe one moment, although the copy is already in use."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
FEW = dict.fromkeys(meaning_told.SAMPLED, 4)
"""One in four is enough to see whether anything has changed in all of them."""


def test_what_is_written_meanwhile_is_not_told(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """The site is used while its data is still being read; a trace of that would be a false alarm."""
    choice = choose("4.4.6", "4.4.6", path=FOLDER / "rt-4.4.6-plain.sql.zst")  # small: it is read three times
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    tools = rt_tools(choice.pair.origin, database)
    written: list[int] = []

    def write() -> None:
        database.execute(
            "UPDATE Tickets SET Subject = 'other', Status = 'rejected'",
            "DELETE FROM Attachments",
            "DELETE FROM ACL",
        )
        written.append(1)

    before = meaning_told.collect(tools, every=FEW)
    held = meaning_told.collect(tools, every=FEW, held=write)
    after = meaning_told.collect(tools, every=FEW)
    assert written == [1]
    assert meaning.changes(before.sections, held.sections) == []
    assert {one.section for one in meaning.changes(before.sections, after.sections)} >= {
        "tickets",
        "attachments",
        "rights",
    }
