"""Collect the old release's facts about the untouched copy: the same in every run on the same dump, so cached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from harness.checks import broken_attributes, upgrade_history
from harness.checks import integrity as integrity_check
from harness.checks.application import exchanges, jobs, mails, startup_log
from harness.checks.application.exchanges import SiteOutcomes
from harness.checks.application.jobs import JobResults
from harness.checks.application.mails import Mails
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.startup_log import Start
from harness.checks.broken_attributes import BrokenAttributes
from harness.checks.integrity import Validation
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.told import Meaning
from harness.checks.upgrade_history import History
from harness.common import cache
from harness.common.once import once
from harness.common.waits import NotReadyError
from harness.database import Database, liveness, schema
from harness.database.schema import Schema
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.stage import visit_content, visitor
from harness.stage.fact_cache import Fact
from harness.stage.sides import Sides
from harness.stage.visitor import SiteStart
from harness.stage.witness import Witness
from harness.upgrade import guard

_NEXT = (
    "SELECT GREATEST(COALESCE(AUTO_INCREMENT, 0), (SELECT COALESCE(MAX(id), 0) + 1 FROM Tickets))"
    " FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'Tickets'"
)


def renumber(database: Database) -> None:
    """Increase the numbers of the next tickets by one, so that each leaves another remainder in any division."""
    database.execute(f"ALTER TABLE Tickets AUTO_INCREMENT = {int(database.value(_NEXT)) + 1}")


def _source(path: str) -> str:
    """Return a digest of a module's source: `FactCache.answer` has those of the checks alone in its key."""
    return cache.digest(Path(path).read_text(encoding="utf-8"))


class OldSide:
    """The untouched side under the old release, or under the witness that stands in for it."""

    def __init__(self, sides: Sides) -> None:
        """Keep the sides; nothing is run yet."""
        self._sides, self._fact_cache, self._lifecycle = sides, sides.fact_cache, sides.lifecycle
        self.witness = Witness(sides)
        self._turn = threading.Lock()

    # Facts that are only read.

    @once
    def schema(self) -> Schema:
        """Return the schema of the untouched side."""
        source = _source(schema.__file__)

        def read() -> str:
            return schema.read(self._sides.before()).to_json()

        return Schema.from_json(self._fact_cache.fact("schema", read, source))

    def history(self) -> History:
        """Return RT's own history of its upgrades so far."""
        return self._answer(
            "history",
            History,
            lambda: upgrade_history.read(self._sides.before(), Thawer(self._sides.target_on_old_copy())),
        )

    def start(self) -> Start | None:
        """Return the old release's log messages at every start; None if there is no witness."""
        if (old := self.witness.tools()) is None:
            return None
        return self._answer("start", Start, lambda: startup_log.collect(old))

    def broken_attributes(self, named: Sequence[int]) -> BrokenAttributes | None:
        """Return which of these attributes the old release cannot read; None if there is no witness."""
        if (old := self.witness.tools()) is None:
            return None
        name = f"broken attributes {cache.digest(*map(str, named))}"
        return self._answer(name, BrokenAttributes, lambda: broken_attributes.collect(old, named))

    def validation(self) -> Validation | None:
        """Return the findings of the old release's rt-validator; None if there is no witness."""
        if (old := self.witness.tools()) is None:
            return None
        return self._answer("validation", Validation, lambda: integrity_check.collect(old))

    def meaning(self) -> Meaning | None:
        """Return the meaning of the data to the old release; None if there is no witness."""
        if (old := self.witness.tools()) is None:
            return None
        accounts, every, now = self._sides.dump.accounts, self.sampling(), self.reference_time()
        return self._answer(
            f"meaning {meaning_told.key(accounts, every, now)}",
            Meaning,
            lambda: meaning_told.collect(
                old, accounts, every, now=now, limit=meaning_told.patience(self._sides.before())
            ),
        )

    @once
    def sampling(self) -> dict[str, int]:
        """Return the sampling rate by kind: one of how many objects is compared, on both sides."""
        return meaning_told.sampling(self._sides.before())

    def reference_time(self) -> int:
        """Return the current time as told to both sides, cached together with the old side's facts."""
        return int(self._fact_cache.fact("reference time", lambda: int(time.time())))

    # Facts whose collection writes.

    def mails(self, few: int) -> Mails | None:
        """Return the mails of the old scrips in `few` queues (0: in all); None if there is no witness."""

        def ask(tools: Rt, database: Database) -> Mails:
            return mails.collect(tools, few, limit=database.patience(mails.PATIENCE))

        name, what = f"mails of {few} queues, {self._hour()}", "the sending of mails"
        return self._answer_on_copy(name, Mails, ask, what)

    def mails_again(self, few: int) -> Mails | None:
        """Return the scrips' mails in a second run: a ticket's number or chance may decide on them.

        In the same queues and the same order, so that each queue's ticket has another number than in the first
        run, one higher: two people in turn are exchanged in all queues or in none.
        """
        if (first := self.mails(few)) is None:
            return None
        queues = list(first.actions)

        def ask(tools: Rt, database: Database) -> Mails:
            renumber(database)
            return mails.collect(tools, queues=queues, limit=database.patience(mails.PATIENCE))

        name = f"mails of queues {', '.join(queues)} again by {_source(__file__)}, {self._hour()}"
        return self._answer_on_copy(name, Mails, ask, "the sending of mails")

    @once
    def _hour(self) -> str:
        """Return weekday and hour of the scrips' run: their actions may depend on office hours."""
        return f"{datetime.now():%A %H}"

    def jobs(self, chosen: Sequence[Job]) -> JobResults | None:
        """Return the output of the old release's jobs and how they end; None if there is no witness."""
        # The mails may be about the last few days, so the jobs run anew on each day.
        today = f"{datetime.now():%F}" if any(job.mails_dashboards for job in chosen) else ""
        name = f"jobs {cache.digest(today, *(f'{job.name} {job.limit}' for job in chosen))}"
        return self._answer_on_copy(
            name, JobResults, lambda tools, _: jobs.collect(tools, chosen), "the run of jobs"
        )

    def exchanges(self, *, thorough: bool) -> SiteOutcomes | None:
        """Return how the old release's pages fare, and the outcome of tickets by REST and by mail there.

        None if there is no witness. thorough: as in the visit.
        """
        accounts = self._sides.dump.accounts

        def try_out(tools: Rt, database: Database) -> SiteOutcomes:
            with self._site(tools.release, database) as site:
                return exchanges.collect(visitor.prepare_visit(tools, site, database, accounts, thorough=thorough))

        people = meaning_told.key(accounts, {}, 0)
        source = _source(visitor.__file__) + _source(visit_content.__file__)
        name = f"exchanges{' in depth' * thorough} of {people} by {source}, {self._hour()}{self._known()}"
        return self._answer_on_copy(name, SiteOutcomes, try_out, "pages, and tickets by REST and mail")

    def site_start(self) -> SiteStart | None:
        """Return whether the old release's site comes up, and why not; None if there is no witness."""

        def come_up(tools: Rt, database: Database) -> SiteStart:
            try:
                self._site(tools.release, database).remove()
            except NotReadyError as error:
                return SiteStart(tools.release, visitor.failure_reason(error))
            return SiteStart(tools.release)

        name = f"start of the site by {_source(visitor.__file__)}{self._known()}"
        return self._answer_on_copy(name, SiteStart, come_up, "the start of the site")

    def _known(self) -> str:
        """Return the site's own columns as a part of a fact's name: which they are depends on the target too."""
        columns = self._sides.own_columns()
        return f", knowing {' '.join(columns)}" if columns else ""

    def _site(self, version: str, database: Database) -> Rt:
        known = guard.environment(self._sides.own_columns())
        return self._lifecycle.site(version, database, form=False, files=[visitor.QUICK_LOGINS], environment=known)

    def _answer_on_copy(
        self, name: str, kind: type[Fact], ask: Callable[[Rt, Database], Fact], what: str
    ) -> Fact | None:
        """Collect a fact on a copy of its own. Sequentially, because a second copy of a large dump may not fit."""
        version, origin = self.witness.release(), self.witness.baseline()
        if version is None or origin is None:
            return None

        def make() -> Fact:
            copy = self._sides.copies.temporary_copy(origin)
            with self._turn, copy as database, self._lifecycle.tools(version, database) as tools:
                try:
                    return ask(tools, database)
                finally:
                    liveness.need(database, what)  # a dead server's answers, or their lack, prove nothing

        return self._answer(name, kind, make)

    def _answer(self, name: str, kind: type[Fact], make: Callable[[], Fact]) -> Fact:
        return self._fact_cache.answer(name, kind, make, self.witness.release(), self.witness.server())
