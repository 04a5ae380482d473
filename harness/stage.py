"""One upgrade with both of its sides: the untouched copy under the old release, the upgraded one under the new.

Everything is made once, when it is first asked for, by whichever thread asks. So tests may ask in any order,
and a gate may ask for all of it at once. Reports that only read come before anything writes.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from harness import cache, schema, upgrade
from harness.baseline import Baseline
from harness.checks import history as history_check
from harness.checks import integrity as integrity_check
from harness.checks import meaning as meaning_check
from harness.checks import redact
from harness.checks import rows as rows_check
from harness.checks import run as run_check
from harness.checks import schema as schema_check
from harness.checks.history import History
from harness.checks.integrity import Validation
from harness.checks.meaning import Meaning
from harness.checks.meaning_allowances import Upgrade
from harness.choice import Choice
from harness.database import FAST, Database, Profile
from harness.lifecycle import Lifecycle
from harness.once import Once
from harness.progress import Progress, Running
from harness.rt import Rt
from harness.schema import Schema
from harness.thaw import Thawer
from harness.upgrade import UpgradeRun
from harness.verdict import Report

CHECKS = Path(history_check.__file__).parent


class Remembered(Protocol):
    """A fact that can be kept as JSON."""

    def to_json(self) -> str:
        """Return it as JSON."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""


Fact = TypeVar("Fact", bound=Remembered)


class Stage:
    """The scene of one upgrade. Close it when done: it owns containers."""

    def __init__(
        self, lifecycle: Lifecycle, choice: Choice, progress: Progress | None = None, profile: Profile = FAST
    ) -> None:
        """Remember what it is about; nothing is started yet."""
        self.lifecycle, self.choice, self.progress, self.profile = lifecycle, choice, progress, profile
        self.pair, self.dump = choice.pair, choice.dump
        self._once = Once()
        self._containers: list[Rt] = []
        self._databases: list[Database] = []
        self._phase: Running | None = None

    # The two sides.

    def baseline(self) -> Baseline:
        """The dump, restored."""
        return self._once("baseline", self._restore)

    def before(self) -> Database:
        """The untouched copy. Nothing may write to it."""
        return self._once("before", lambda: self._copy("copy for the old side"))

    def untouched(self) -> Database:
        """The copy that will be upgraded, as long as it is not."""
        return self._once("untouched", lambda: self._copy("copy for the new side"))

    def old(self) -> Rt | None:
        """Tools of the old release on the untouched copy; None where there is no image of that release."""
        if not self.lifecycle.has_image(self.pair.origin):
            return None
        return self._once("old", lambda: self._tools(self.pair.origin, self.before()))

    def new(self) -> Rt:
        """Tools of the target on the copy that is, or will be, upgraded."""
        return self._once("new", lambda: self._tools(self.pair.target, self.untouched()))

    def run(self) -> UpgradeRun:
        """The upgrade, carried out."""
        return self._once("run", self._upgrade)

    def after(self) -> Database:
        """The upgraded copy. Only `used` may write to it."""
        self.run()
        return self.untouched()

    def site(self) -> Rt:
        """The target's web site on the upgraded copy. Asking it for pages writes sessions, nothing else."""
        return self._once("site", self._site)

    def steps(self) -> list[str]:
        """The steps that lead from the origin to the target, by the target's own account."""
        return self._once(
            "steps", lambda: upgrade.expected_steps(self.new().upgrade_steps(), self.pair.origin, self.pair.target)
        )

    # Reports that only read.

    def ran(self) -> Report:
        """Did the upgrade end well?"""
        return self._report(run_check.CHECK, lambda: run_check.check(self.run(), self.steps()))

    def history(self) -> Report:
        """Does RT's own history tell of a complete upgrade?"""

        def ask() -> Report:
            thaw = Thawer(self.new())
            before = self._of_old_side("history", History, lambda: history_check.read(self.before(), thaw))
            after = history_check.read(self.after(), thaw)
            return history_check.check(before, after, self.steps(), self.pair.origin, self.pair.target)

        return self._report(history_check.CHECK, ask)

    def schema(self) -> Report:
        """Is the upgraded schema a fresh install's?"""

        def ask() -> Report:
            fresh = self._fresh_schema()
            return schema_check.check(schema.read(self.after()), fresh, self.steps(), schema.read(self.before()))

        return self._report(schema_check.NAME, ask)

    def rows(self) -> Report:
        """Is every row accounted for?"""

        def ask() -> Report:
            self.run()
            known = self.remembered("digests", lambda: rows_check.digests(self.before()))
            return rows_check.check(self.before(), self.after(), self.steps(), Thawer(self.new()), known=known)

        return self._report(rows_check.NAME, ask)

    def integrity(self) -> Report:
        """Does rt-validator find what it did not find before?"""

        def ask() -> Report:
            old = self.old()
            before = (
                self._of_old_side("validation", Validation, lambda: integrity_check.collect(old)) if old else None
            )
            self.run()
            return integrity_check.check(before, integrity_check.collect(self.new()))

        return self._report(integrity_check.CHECK, ask)

    def meaning(self) -> Report:
        """Does RT say the same about the data as the old release did?"""

        def ask() -> Report:
            old, accounts = self.old(), self.dump.manifest.accounts if self.dump.manifest else {}
            every = meaning_check.sampling(self.before())
            before = None
            if old:
                before = self._of_old_side("meaning", Meaning, lambda: meaning_check.collect(old, accounts, every))
            self.run()
            after = meaning_check.collect(self.new(), accounts, every)
            upgrade_done = Upgrade(self.pair.origin, self.pair.target, tuple(self.steps()))
            return meaning_check.check(before, after, upgrade_done)

        return self._report(meaning_check.CHECK, ask)

    # How it is done.

    def remembered(self, name: str, make: Callable[[], Any], *parts: str) -> Any:
        """Return a fact about the untouched side, kept beside its baseline. It must be a JSON value.

        parts: what else it depends on: the image that computed it, the site's configuration.
        """
        configuration = [f"{path}:{cache.digest(content)}" for path, content in self._configuration()]
        key = cache.digest(self.baseline().key, name, *parts, *configuration)
        path = cache.directory("facts") / f"{key}.json"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(path.read_text(encoding="utf-8"))
        fact = make()
        path.with_suffix(".new").write_text(json.dumps(fact), encoding="utf-8")
        path.with_suffix(".new").replace(path)
        return fact

    def _of_old_side(self, name: str, kind: type[Fact], make: Callable[[], Fact]) -> Fact:
        """Return what is known about the untouched side under the old release, asked once and then remembered."""
        image = self.lifecycle.rt_image(self.pair.origin) if self.lifecycle.has_image(self.pair.origin) else ""
        source = cache.digest(*(path.read_bytes() for path in sorted(CHECKS.rglob("*")) if path.is_file()))
        return kind.from_json(self.remembered(name, lambda: make().to_json(), image, source))

    def _configuration(self) -> list[tuple[str, bytes]]:
        return sorted(self.lifecycle.configuration.inside())

    def _fresh_schema(self) -> Schema:
        """The schema of a fresh install, read once per release and server and then remembered."""

        def read() -> Schema:
            fresh = self.lifecycle.fresh(self.pair.target, self.pair.server)
            database = self.lifecycle.baselines.clone(fresh)
            try:
                return schema.read(database)
            finally:
                self.lifecycle.baselines.discard(database)

        return self._once("fresh schema", read)

    def _restore(self) -> Baseline:
        return self.lifecycle.restored(self.dump, self.pair.server)

    def _copy(self, title: str) -> Database:
        baseline = self.baseline()
        with self.step(title):
            database = self.lifecycle.baselines.clone(baseline, self.profile)
        self._databases.append(database)
        return database

    def _tools(self, version: str, database: Database) -> Rt:
        tools = self.lifecycle.tools(version, database)
        self._containers.append(tools)
        return tools

    def _site(self) -> Rt:
        self.run()
        site = self.lifecycle.site(self.pair.target, self.after())
        self._containers.append(site)
        return site

    def _upgrade(self) -> UpgradeRun:
        new, steps = self.new(), self.steps()
        with self.step(f"upgrade to {self.pair.target}") as running:
            made = upgrade.run(new, self.pair.origin, self.pair.target, heard=running.note)
            running.note(f"{len(made.steps)} of {len(steps)} steps, exit code {made.code}")
        return made

    def _report(self, name: str, ask: Callable[[], Report]) -> Report:
        return self._once(f"report {name}", lambda: self._asked(name, ask))

    def _asked(self, name: str, ask: Callable[[], Report]) -> Report:
        started = time.monotonic()
        with self.step(name) as running:
            report = ask()
            report.seconds = round(time.monotonic() - started, 2)
            if report.findings:
                running.fail(f"{len(report.findings)} findings")
            else:
                running.note(f"{report.looked_at} {report.unit}")
            return report

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Running | Silent]:
        """Show a step on the progress, inside of the phase that is on; silent without a progress."""
        if self.progress is None:
            yield Silent()
        else:
            with self.progress.step(title, inside=self._phase) as running:
                yield running

    @contextlib.contextmanager
    def _phase_of(self, title: str) -> Iterator[None]:
        if self.progress is None:
            yield
            return
        with self.progress.step(title) as running:
            self._phase = running
            try:
                yield
            finally:
                self._phase = None

    def conduct(self) -> None:
        """Make everything, as much of it at once as makes sense; for a gate, which will ask for all of it.

        What goes wrong here shows again when a test asks for it.
        """
        with self._phase_of("both sides"):
            self._at_once(self.old, self.new, self._fresh_schema)
        with contextlib.suppress(Exception):
            self.run()
        with self._phase_of("checks"):
            self._at_once(self.meaning, self.rows, self.integrity, self.schema, self.history, self.ran, self.site)

    def _at_once(self, *makers: Callable[[], object]) -> None:
        with ThreadPoolExecutor(3) as pool:
            for future in [pool.submit(one) for one in makers]:
                with contextlib.suppress(Exception):
                    future.result()

    def logs(self) -> dict[str, str]:
        """Return the logs of all containers, by what they were for."""
        found = {f"rt-{one.release}-{one.container.name}": one.container.logs() for one in self._containers}
        found |= {one.container.name: one.container.logs() for one in self._databases}
        if (made := self._once.done("run")) is not None:
            found["upgrade"] = "\n".join(f"{at:8.3f} {text}" for at, text in made.lines)
        # Logs quote what the database refused, and a report is shown around.
        return {name: "\n".join(map(redact.line, text.splitlines())) for name, text in found.items()}

    def facts(self) -> dict[str, Any]:
        """Return what a report shows beside the checks."""
        made: UpgradeRun | None = self._once.done("run")
        rows: Report | None = self._once.done("report rows")
        return {
            "upgrade steps": made.facts()["steps"] if made else [],
            "row_changes": rows.facts.get("row_changes", []) if rows else [],
        }

    def close(self) -> None:
        """Remove the containers and the copies."""
        for one in self._containers:
            one.remove()
        for database in self._databases:
            self.lifecycle.baselines.discard(database)


class Silent:
    """A step that nobody watches."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def fail(self, why: str) -> None:
        """Say nothing."""
