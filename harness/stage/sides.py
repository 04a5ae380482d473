"""Both sides of one upgrade: the untouched copy under the old release, the upgraded one under the new.

Everything is made once, on first access, by the thread that accesses it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import upgrade
from harness.common import cache, redact
from harness.common.once import finished, once
from harness.database import Database, schema
from harness.database.address import Address
from harness.database.baseline_record import Baseline
from harness.database.keeping import LeftBehind
from harness.database.schema import Schema
from harness.dump.choice import Choice
from harness.engine.containers import unique_name
from harness.errors import InfrastructureError, RefusedError
from harness.rt import Rt
from harness.stage import visitor
from harness.stage.copies import Copies
from harness.stage.fact_cache import FactCache
from harness.upgrade import UpgradeRun, guard


class Sides:
    """Both sides of one upgrade."""

    def __init__(self, copies: Copies, choice: Choice, refusal: Callable[[], RefusedError | None]) -> None:
        """Remember the arguments; nothing is started yet.

        refusal: why the upgrade must not be run; None if it may be.
        """
        self.copies, self.choice = copies, choice
        self.lifecycle, self.pair, self.dump = copies.lifecycle, choice.pair, choice.dump
        self.fact_cache = FactCache(self.lifecycle, self.dump, self.baseline, copies.need)
        self._refusal = refusal

    @once
    def baseline(self) -> Baseline:
        """Return the restored dump."""
        return self.copies.restored(self.dump, self.pair.server)

    # The untouched side.

    @once
    def before(self) -> Database:
        """Return the untouched copy. Nothing may write to it and stay.

        Triggers are fired on it in transactions that are rolled back (harness/checks/schema/triggers.py): what
        tables hold stays, but the next number of an AUTO_INCREMENT moves, as it does on the upgraded copy.
        """
        return self.copies.copy("copy for the old side", self.baseline())

    @once
    def old(self) -> Rt | None:
        """Return tools of the old release on the untouched copy; None if there is no image of that release."""
        version = self.pair.origin
        if not self.lifecycle.has_image(version):
            return None

        def start() -> Rt:
            return self.copies.tools(version, self.before(), self.lifecycle)

        return self.fact_cache.tools(version, self.lifecycle, start)

    @once
    def target_on_old_copy(self) -> Rt:
        """Return tools of the target on the untouched copy, to examine it before the upgrade."""
        version, lifecycle = self.pair.target, self.lifecycle.new_side

        def start() -> Rt:
            return self.copies.tools(version, self.before(), lifecycle)

        return self.fact_cache.tools(version, lifecycle, start)

    @once
    def own_columns(self) -> tuple[str, ...]:
        """Return the columns that the site has added to RT's tables; without them no image serves a copy."""
        return guard.find_own_columns(self.target_on_old_copy(), self.old())

    @once
    def steps(self) -> list[str]:
        """Return the steps that lead from the origin to the target, as the target lists them."""
        return upgrade.expected_steps(
            self.target_on_old_copy().upgrade_steps(), self.pair.origin, self.pair.target
        )

    # The upgraded side.

    @once
    def untouched(self) -> Database:
        """Return the copy to be upgraded, before the upgrade."""
        return self.copies.copy("copy for the new side", self.baseline(), name=self._place().host, kept=True)

    @once
    def _place(self) -> Address:
        """Return the address that this copy has, or will have."""
        return Address(unique_name("database"), self.baseline().credentials)

    @once
    def new(self) -> Rt:
        """Return tools of the target on the copy that is, or will be, upgraded."""
        lifecycle = self.lifecycle.new_side
        if lifecycle.configuration.files:  # a configuration is checked at once for leading to this copy
            return self.copies.tools(self.pair.target, self.untouched(), lifecycle)
        tools = self.copies.tools(self.pair.target, self._place(), lifecycle)
        self.untouched()  # another thread may have started both meanwhile
        return tools

    @once
    def run(self) -> UpgradeRun:
        """Carry out the upgrade, and return its run. Raises RefusedError if it must not be run."""
        title = f"upgrade to {self.pair.target}"
        if refusal := self._refusal():
            with self.copies.shown.step(title) as running:
                running.skip(refusal.sentence)
            raise refusal
        new, steps = self.new(), self.steps()
        limit = self.untouched().patience(upgrade.LIMIT)
        with self.copies.shown.step(title) as running:
            try:
                made = upgrade.run(
                    new,
                    self.pair.origin,
                    self.pair.target,
                    limit=limit,
                    heard=lambda line: running.note(redact.line(line)),
                )
            except InfrastructureError:
                self.copies.need(title)  # an ended container is the more precise cause
                raise
            self.copies.need(title)
            running.note(f"{len(made.steps)} of {len(steps)} steps, exit code {made.code}")
        return made

    def done(self) -> UpgradeRun | None:
        """Return the upgrade's run if it has ended, else None; it is not started."""
        return finished(self, Sides.run)

    def after(self) -> Database:
        """Return the upgraded copy. Only the checks that use the site may write to it."""
        self.run()
        return self.untouched()

    @once
    def site(self) -> Rt:
        """Return the target's web site on the upgraded copy. Requesting pages writes sessions, nothing else."""
        upgraded = self.after()
        return self.copies.site(
            self.pair.target,
            upgraded,
            self.lifecycle.new_side,
            files=[visitor.QUICK_LOGINS],
            environment=guard.environment(self.own_columns()),
        )

    @once
    def fresh_schema(self) -> Schema:
        """Return the schema of a fresh install, read once per release and server and then cached."""

        def read() -> str:
            with self.lifecycle.baselines.cloned(fresh) as database:
                return schema.read(database).to_json()

        fresh = self.lifecycle.fresh(self.pair.target, self.pair.server)
        source = Path(schema.__file__).read_text(encoding="utf-8")
        return Schema.from_json(cache.cached(read, fresh.key, source))

    # The end of both sides.

    def logs(self) -> dict[str, str]:
        """Return the logs of all containers, and the upgrade's output, without values."""
        found = self.copies.logs()
        if (made := self.done()) is not None:
            said = "\n".join(f"{at:8.3f} {text}" for at, text in made.lines)
            found["upgrade"] = redact.lines(said)
        return found

    def keep(self) -> LeftBehind | None:
        """Leave the copy to be upgraded behind when this is closed; return None if there is none."""
        database = finished(self, Sides.untouched)
        if database is None:
            return None
        run = self.done()
        return self.copies.keep(database, upgraded=run is not None and run.code == 0)
