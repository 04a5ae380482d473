"""What is known of an upgrade before it runs: what the old release says, and what a fresh install looks like.

Such facts are the same in every run on the same dump, so they are remembered.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from harness.checks import exchanges, jobs, mails, startup_log
from harness.checks import history as history_check
from harness.checks import integrity as integrity_check
from harness.checks.cached_fact import Remembered
from harness.checks.exchanges import Exchanged
from harness.checks.history import History
from harness.checks.integrity import Validation
from harness.checks.jobs import Job, Night
from harness.checks.mails import Mails
from harness.checks.startup_log import Start
from harness.common import cache, redact
from harness.database import Database, liveness, schema
from harness.database.baseline import Baseline
from harness.database.schema import Schema
from harness.errors import UsageError
from harness.releases import neighbour
from harness.rt import Rt
from harness.rt.memoized import source_of_tools
from harness.rt.thaw import Thawer
from harness.stage import visitor
from harness.stage.sides import Sides

_PACKAGE = re.compile(r"[A-Za-z][\w:.-]{0,80}")
CHECKS = Path(history_check.__file__).parent


@functools.cache
def _source_of_checks() -> str:
    """Return what the checks' sources were when this process began to use them: a fact holds for these."""
    files = [path for path in sorted(CHECKS.rglob("*")) if path.is_file()]
    return cache.digest(*(path.read_bytes() for path in (*files, Path(redact.__file__), redact.VOCABULARY)))


Fact = TypeVar("Fact", bound=Remembered)


def extensions(*histories: History) -> list[str]:
    """Say which packages in the upgrade history have steps of their own, which an upgrade of RT does not apply."""
    names = {name for one in histories for name in one.packages} - {history_check.CORE}
    return [
        f"the steps of {name}, which has a history of its own: rt-setup-database --package {name} is yours to run"
        for name in sorted(names)
        if _PACKAGE.fullmatch(name)
    ]


class Known(Sides):
    """Both sides of an upgrade, and what is remembered about them."""

    def witness_release(self) -> str | None:
        """The release that says what the untouched side means: the old one, else the closest that can read it."""
        if self.lifecycle.has_image(self.pair.origin):
            return self.pair.origin
        return self._once("witness release", lambda: neighbour(self.pair.origin, self.new().structural_steps()))

    def witness_server(self) -> str:
        """The server on which it speaks: the pair's own, else one that this release can run on."""
        version = self.witness_release()
        return self.choice.server_for(version) if version else self.pair.server

    def witnessed(self) -> Database | None:
        """The untouched copy that it speaks about; None where that server refuses the dump. Nothing may write."""
        if self.witness_server() == self.pair.server:
            return self.before()
        origin = self._witnessed_baseline()
        if origin is None:
            return None
        return self._once("witnessed", lambda: self._copy(f"copy on {origin.server.name}", origin))

    def _witnessed_baseline(self) -> Baseline | None:
        name = self.witness_server()
        if name == self.pair.server:
            return self.baseline()

        def restore() -> Baseline | None:
            with contextlib.suppress(UsageError):
                return self.lifecycle.restored(self.dump, name)
            return None

        return self._once("witnessed baseline", restore)  # tried once: a large dump takes its time to be refused

    def witness(self) -> Rt | None:
        """Tools of that release on that copy; None where nobody can speak for the old release."""
        version = self.witness_release()
        if version is None or (version, self.witness_server()) == (self.pair.origin, self.pair.server):
            return self.old()
        if (copy := self.witnessed()) is None:
            return None
        return self._once("witness", lambda: self._tools(version, copy))

    def spoken_for(self, what: str) -> list[str]:
        """Say that another release was asked than the old one, or on another server; nothing for itself."""
        version, elsewhere, why = self.witness_release(), self.witness_server(), []
        if version is None:
            return []
        if version != self.pair.origin:
            why.append(f"it has no image here, so RT {version} was asked, which reads the same tables")
        if elsewhere != self.pair.server:
            why.append(f"RT {version} does not run on {self.pair.server}, so it was asked on {elsewhere}")
        return [f"what RT {self.pair.origin} {what}: {', and '.join(why)}"] if why else []

    def old_schema(self) -> Schema:
        """The schema of the untouched side."""
        source = Path(schema.__file__).read_text(encoding="utf-8")
        return self._once(
            "old schema",
            lambda: Schema.from_json(
                self.remembered("schema", lambda: schema.read(self.before()).to_json(), cache.digest(source))
            ),
        )

    def accounts(self) -> dict[str, str]:
        """Names and passwords of people in the dump, where its manifest says any."""
        return self.dump.manifest.accounts if self.dump.manifest else {}

    def old_history(self) -> History:
        """RT's own account of its upgrades up to now."""
        return self._of_old_side(
            "history", History, lambda: history_check.read(self.before(), Thawer(self.scout()))
        )

    def old_mails(self) -> Mails | None:
        """What the old release's scrips send, asked on a copy of its own, for asking writes."""
        version, few = self.witness_release(), 0 if self.thorough else mails.FEW_QUEUES
        origin = self._witnessed_baseline()
        if version is None or origin is None:
            return None
        # What a scrip does may depend on the clock: on office hours, on the day of the week.
        when = self._once("hour", lambda: f"{datetime.now():%A %H}")
        return self._of_old_side(
            f"mails of {few} queues, {when}",
            Mails,
            lambda: self._on_a_copy(version, origin, lambda one, _: mails.sent(one, few), "the sending of mails"),
        )

    def old_jobs(self, chosen: Sequence[Job]) -> Night | None:
        """What jobs of the old release say and how they end, run on a copy of its own."""
        version, origin = self.witness_release(), self._witnessed_baseline()
        if version is None or origin is None:
            return None
        names = cache.digest(*(f"{job.name} {job.limit}" for job in chosen))
        return self._of_old_side(
            f"jobs {names}",
            Night,
            lambda: self._on_a_copy(version, origin, lambda one, _: jobs.heard(one, chosen), "the run of jobs"),
        )

    def old_exchanges(self) -> Exchanged | None:
        """What comes of tickets by REST and by mail at the old release, tried on a copy of its own."""
        version, origin = self.witness_release(), self._witnessed_baseline()
        if version is None or origin is None:
            return None

        def try_out(tools: Rt, database: Database) -> Exchanged:
            with self.lifecycle.site(version, database, files=[visitor.QUICK_LOGINS]) as site:
                return exchanges.heard(visitor.invite(tools, site, database, {}))

        return self._of_old_side(
            "exchanges", Exchanged, lambda: self._on_a_copy(version, origin, try_out, "tickets by REST and mail")
        )

    def _on_a_copy(self, version: str, origin: Baseline, ask: Callable[[Rt, Database], Fact], what: str) -> Fact:
        """Ask a release what leaves traces. One after the other: of a large dump a copy more may not fit."""
        turn: threading.Lock = self._once("turn at a copy", threading.Lock)
        copy = self.lifecycle.baselines.cloned(origin)
        with turn, copy as database, self.lifecycle.tools(version, database) as tools:
            said = ask(tools, database)
            liveness.need(database, what)
            return said

    def moment(self) -> int:
        """The time that it is for both sides while they are asked, remembered with what the old one says."""
        return int(self.remembered("moment", lambda: int(time.time())))

    def old_validation(self, old: Rt) -> Validation:
        """What rt-validator of the old release finds."""
        return self._of_old_side("validation", Validation, lambda: integrity_check.collect(old))

    def old_start(self) -> Start | None:
        """What the old release logs whenever it starts; None where nobody can speak for it."""
        if (old := self.witness()) is None:
            return None
        return self._of_old_side("start", Start, lambda: startup_log.heard(old))

    def _of_old_side(self, name: str, kind: type[Fact], make: Callable[[], Fact]) -> Fact:
        """Return what is known about the untouched side under the old release, asked once and then remembered."""
        version = self.witness_release()
        image = self.lifecycle.image_id(version) if version else ""
        parts = (
            image,
            self.witness_server(),
            _source_of_checks(),
            source_of_tools(),
            cache.digest(cache.secret()),
        )

        def ask() -> str:
            made = make().to_json()
            self.need_containers(f"the reading of {name}")  # else it would be remembered what a dead server said
            return made

        return kind.from_json(self.remembered(name, ask, *parts))

    def fresh_schema(self) -> Schema:
        """The schema of a fresh install, read once per release and server and then remembered."""

        def read() -> str:
            with self.lifecycle.baselines.cloned(fresh) as database:
                return schema.read(database).to_json()

        fresh = self.lifecycle.fresh(self.pair.target, self.pair.server)
        source = Path(schema.__file__).read_text(encoding="utf-8")
        return self._once("fresh schema", lambda: Schema.from_json(cache.fact(read, fresh.key, source)))
