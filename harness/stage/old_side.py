"""What the old release says of the untouched copy: the same in every run on the same dump, so it is remembered."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from harness.checks import exchanges, jobs, mails, meaning_told, startup_log
from harness.checks import history as history_check
from harness.checks import integrity as integrity_check
from harness.checks.exchanges import Exchanged
from harness.checks.history import History
from harness.checks.integrity import Validation
from harness.checks.jobs import Job, Night
from harness.checks.mails import Mails
from harness.checks.meaning_told import Meaning
from harness.checks.startup_log import Start
from harness.common import cache
from harness.common.once import Once
from harness.common.waits import NotReadyError
from harness.database import Database, liveness, schema
from harness.database.baseline import Baseline
from harness.database.schema import Schema
from harness.errors import UsageError
from harness.releases import neighbour
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.stage import visitor
from harness.stage.memory import Fact
from harness.stage.sides import Sides
from harness.stage.visitor import ShutOut

_NEXT = (
    "SELECT GREATEST(COALESCE(AUTO_INCREMENT, 0), (SELECT COALESCE(MAX(id), 0) + 1 FROM Tickets))"
    " FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'Tickets'"
)


def renumber(database: Database) -> None:
    """Let the next tickets have numbers higher by one: divided by whatever, they leave another remainder."""
    database.execute(f"ALTER TABLE Tickets AUTO_INCREMENT = {int(database.value(_NEXT)) + 1}")


class OldSide:
    """The untouched side under the old release, or under whoever can speak for it."""

    def __init__(self, sides: Sides) -> None:
        """Remember whose sides these are; nothing is asked yet."""
        self._sides, self._memory, self._lifecycle = sides, sides.memory, sides.lifecycle
        self._pair = sides.pair
        self._once = Once()
        self._turn = threading.Lock()

    # Who is asked, and where.

    def witness_release(self) -> str | None:
        """The release that says what the untouched side means: the old one, else the closest that can read it."""
        if self._lifecycle.has_image(self._pair.origin):
            return self._pair.origin
        steps = self._sides.new().structural_steps
        return self._once("witness release", lambda: neighbour(self._pair.origin, steps()))

    def witness_server(self) -> str:
        """The server on which it speaks: the pair's own, else one that this release can run on."""
        version = self.witness_release()
        return self._sides.choice.server_for(version) if version else self._pair.server

    def witnessed(self) -> Database | None:
        """The untouched copy that it speaks about; None where that server refuses the dump. Nothing may write."""
        if self.witness_server() == self._pair.server:
            return self._sides.before()
        origin = self._witnessed_baseline()
        if origin is None:
            return None
        title = f"copy on {origin.server.name}"
        return self._once("witnessed", lambda: self._sides.copies.copy(title, origin))

    def _witnessed_baseline(self) -> Baseline | None:
        name = self.witness_server()
        if name == self._pair.server:
            return self._sides.baseline()

        def restore() -> Baseline | None:
            with contextlib.suppress(UsageError):
                return self._sides.copies.restored(self._sides.dump, name)
            return None

        return self._once("witnessed baseline", restore)  # tried once: a large dump takes its time to be refused

    def witness(self) -> Rt | None:
        """Tools of that release on that copy; None where nobody can speak for the old release."""
        version = self.witness_release()
        if version is None or (version, self.witness_server()) == (self._pair.origin, self._pair.server):
            return self._sides.old()
        if (copy := self.witnessed()) is None:
            return None
        return self._once("witness", lambda: self._sides.copies.tools(version, copy, self._lifecycle))

    def spoken_for(self, what: str) -> list[str]:
        """Say that another release was asked than the old one, or on another server; nothing for itself."""
        version, elsewhere, why = self.witness_release(), self.witness_server(), []
        if version is None:
            return []
        if version != self._pair.origin:
            why.append(f"it has no image here, so RT {version} was asked, which reads the same tables")
        if elsewhere != self._pair.server:
            why.append(f"RT {version} does not run on {self._pair.server}, so it was asked on {elsewhere}")
        return [f"what RT {self._pair.origin} {what}: {', and '.join(why)}"] if why else []

    # What is read.

    def schema(self) -> Schema:
        """The schema of the untouched side."""
        source = cache.digest(Path(schema.__file__).read_text(encoding="utf-8"))

        def read() -> str:
            return schema.read(self._sides.before()).to_json()

        return self._once("schema", lambda: Schema.from_json(self._memory.fact("schema", read, source)))

    def history(self) -> History:
        """RT's own account of its upgrades up to now."""
        return self._told(
            "history",
            History,
            lambda: history_check.read(self._sides.before(), Thawer(self._sides.scout())),
        )

    def start(self) -> Start | None:
        """What the old release logs whenever it starts; None where nobody can speak for it."""
        if (old := self.witness()) is None:
            return None
        return self._told("start", Start, lambda: startup_log.heard(old))

    def validation(self) -> Validation | None:
        """What rt-validator of the old release finds; None where nobody can speak for it."""
        if (old := self.witness()) is None:
            return None
        return self._told("validation", Validation, lambda: integrity_check.collect(old))

    def meaning(self) -> Meaning | None:
        """What the old release says of the data; None where nobody can speak for it."""
        if (old := self.witness()) is None:
            return None
        accounts, every, now = self._sides.dump.accounts, self.sampling(), self.moment()
        return self._told(
            f"meaning {meaning_told.key(accounts, every, now)}",
            Meaning,
            lambda: meaning_told.collect(old, accounts, every, now=now),
        )

    def sampling(self) -> dict[str, int]:
        """Of how many of a kind one is looked at, on both sides."""
        return self._once("sampling", lambda: meaning_told.sampling(self._sides.before()))

    def moment(self) -> int:
        """The time that it is for both sides while they are asked, remembered with what the old one says."""
        return int(self._memory.fact("moment", lambda: int(time.time())))

    # What leaves traces.

    def mails(self, few: int) -> Mails | None:
        """What the old release's scrips send in so many queues (0: in all); None where nobody can speak for it."""
        name, what = f"mails of {few} queues, {self._hour()}", "the sending of mails"
        return self._tried(name, Mails, lambda tools, _: mails.sent(tools, few), what)

    def mails_again(self, few: int) -> Mails | None:
        """What they send the second time: by lot it may go to others, and by the number it does."""

        def ask(tools: Rt, database: Database) -> Mails:
            renumber(database)
            return mails.sent(tools, few)

        name = f"mails of {few} queues again, {self._hour()}"
        return self._tried(name, Mails, ask, "the sending of mails")

    def _hour(self) -> str:
        """When scrips run: what they do may depend on office hours, and on the day of the week."""
        return self._once("hour", lambda: f"{datetime.now():%A %H}")

    def jobs(self, chosen: Sequence[Job]) -> Night | None:
        """What jobs of the old release say and how they end; None where nobody can speak for it."""
        # What is mailed may be about the last days: it is asked anew on each.
        today = f"{datetime.now():%F}" if any(job.mails_dashboards for job in chosen) else ""
        name = f"jobs {cache.digest(today, *(f'{job.name} {job.limit}' for job in chosen))}"
        return self._tried(name, Night, lambda tools, _: jobs.heard(tools, chosen), "the run of jobs")

    def exchanges(self, *, thorough: bool) -> Exchanged | None:
        """What pages of the old release show, and what comes of tickets by REST and by mail there.

        None where nobody can speak for it. thorough: by a visit of that kind.
        """
        accounts = self._sides.dump.accounts

        def try_out(tools: Rt, database: Database) -> Exchanged:
            with self._site(tools.release, database) as site:
                return exchanges.heard(visitor.invite(tools, site, database, accounts, thorough=thorough))

        source = cache.digest(Path(visitor.__file__).read_text(encoding="utf-8"))
        name = (
            f"exchanges{' in depth' * thorough} of {meaning_told.key(accounts, {}, 0)} by {source}, {self._hour()}"
        )
        return self._tried(name, Exchanged, try_out, "pages, and tickets by REST and mail")

    def shut_out(self) -> ShutOut | None:
        """Whether the old release's site comes up, and why not; None where nobody can speak for it."""

        def come_up(tools: Rt, database: Database) -> ShutOut:
            try:
                self._site(tools.release, database).remove()
            except NotReadyError as error:
                return ShutOut(tools.release, visitor.reason(error))
            return ShutOut(tools.release)

        return self._tried("start of the site", ShutOut, come_up, "the start of the site")

    def _site(self, version: str, database: Database) -> Rt:
        return self._lifecycle.site(version, database, form=False, files=[visitor.QUICK_LOGINS])

    def _tried(self, name: str, kind: type[Fact], ask: Callable[[Rt, Database], Fact], what: str) -> Fact | None:
        """Ask on a copy of its own. One after the other: of a large dump a copy more may not fit."""
        version, origin = self.witness_release(), self._witnessed_baseline()
        if version is None or origin is None:
            return None

        def make() -> Fact:
            lent = self._sides.copies.lent(origin)
            with self._turn, lent as database, self._lifecycle.tools(version, database) as tools:
                try:
                    return ask(tools, database)
                finally:
                    liveness.need(database, what)  # a dead server's words, or their lack, are nobody's

        return self._told(name, kind, make)

    def _told(self, name: str, kind: type[Fact], make: Callable[[], Fact]) -> Fact:
        return self._memory.told(name, kind, make, self.witness_release(), self.witness_server())
