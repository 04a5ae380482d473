"""A stage reports what it did and says what it could not look at, also when it is stopped in the middle."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import dump, leftovers
from harness.checks import history, meaning
from harness.checks.meaning.told import Meaning
from harness.checks.preflight import CHECK, Recognised
from harness.checks.preflight.database import SchemaChanges
from harness.database.schema import Schema
from harness.dump.choice import choose
from harness.errors import InfrastructureError
from harness.stage import NO_LOGINS, Stage, questions
from harness.verdict import Report


class Told(Stage):
    """A stage whose releases have answered already; nothing of it is ever started."""

    def __init__(self, path: Path | None = None) -> None:
        """Take the default upgrade, on this dump."""
        origin = "4.4.6" if path else None
        super().__init__(cast(Any, SimpleNamespace(client=None)), choose(origin, path=path))
        self.old_side = cast(Any, SimpleNamespace(meaning=lambda: None))

    def recognised(self) -> Recognised:
        """Return that nothing forbids the upgrade."""
        return Recognised(Report(CHECK, ""), (), Schema("", {}), SchemaChanges())

    def _telling(self) -> Future[Meaning]:
        future: Future[Meaning] = Future()
        future.set_result(cast(Any, None))
        return future


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checks find nothing, and ending containers do nothing."""
    monkeypatch.setattr(questions, "meaning", lambda *_: Report(meaning.CHECK, "?", looked_at=1))
    monkeypatch.setattr(questions, "history", lambda *_: Report(history.CHECK, "?", looked_at=1))
    monkeypatch.setattr(leftovers, "halt_own", lambda _: None)


def test_logins_that_nobody_tried_are_told(tmp_path: Path) -> None:
    """Without a manifest no password is known, so the verdict says nothing about logins and must say so."""
    path = tmp_path / "mine.sql.zst"
    path.write_bytes(dump.bundled("4.4.6").read_bytes())
    assert Told(path).meaning().out_of_scope == [NO_LOGINS]
    assert Told().meaning().out_of_scope == []


def test_what_was_done_before_a_stop_stays_and_what_it_cut_off_does_not() -> None:
    """A check whose containers are being ended may find anything, which would be reported as the site's fault."""
    stage = Told()
    done = stage.history()
    stage._stop()
    with pytest.raises(InfrastructureError, match="was interrupted"):
        stage.meaning()
    assert stage.reports() == [done]
