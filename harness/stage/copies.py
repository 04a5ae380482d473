"""Manage copies of a dump and the containers on them: made for one upgrade, and removed with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from harness.common import cache, redact
from harness.database import Database, keeping, liveness
from harness.database.address import Reachable
from harness.database.baseline_record import Baseline
from harness.database.keeping import LeftBehind
from harness.dump import Dump
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.stage.shown import Shown
from harness.upgrade.lifecycle import Lifecycle


@dataclass(frozen=True)
class Preparation:
    """Preparation of a restored dump before any check uses it.

    parts: values that its result depends on beside the dump. what: its name, as progress shows it. kept: whether
    the result is kept as a baseline of its own; else each copy is prepared anew.
    """

    parts: tuple[str, ...]
    what: str
    work: Callable[[Database], None]
    kept: bool = True


class Copies:
    """Copies of baselines, and containers of RT on them. Call `close` when done."""

    def __init__(self, lifecycle: Lifecycle, shown: Shown, preparation: Preparation | None = None) -> None:
        """Keep the parameters; nothing is started yet."""
        self.lifecycle, self.shown, self._preparation = lifecycle, shown, preparation
        self._databases: list[Database] = []
        self._tools: list[Rt] = []
        self._sites: list[Rt] = []

    def restored(self, dump: Dump, server_name: str) -> Baseline:
        """Return a dump, restored and prepared, as a baseline."""
        baseline, first = self.lifecycle.restored(dump, server_name), self._preparation
        if first is None:
            return baseline
        if first.kept:
            return self.lifecycle.baselines.of_clone(baseline, list(first.parts), first.what, first.work)
        # Facts known about the dump itself do not hold for its prepared copies.
        return replace(baseline, key=cache.digest(baseline.key, *first.parts))

    def copy(self, title: str, baseline: Baseline, *, name: str = "", kept: bool = False) -> Database:
        """Return a copy that exists until `close`.

        title: of the step that is shown. name: see `Container`. kept: it is the one that `keep` is called for.
        """
        with self.shown.step(title):
            database = self.lifecycle.baselines.clone(baseline, name=name, kept=kept)
        self._databases.append(database)
        self._prepare(database)
        return database

    @contextlib.contextmanager
    def temporary_copy(self, baseline: Baseline) -> Iterator[Database]:
        """Provide a copy for work that writes to it, and remove it afterwards."""
        with self.lifecycle.baselines.cloned(baseline) as database:
            self._prepare(database)
            yield database

    def _prepare(self, database: Database) -> None:
        if self._preparation and not self._preparation.kept:
            self._preparation.work(database)

    def tools(self, version: str, database: Reachable, lifecycle: Lifecycle) -> Rt:
        """Return tools of a release on a copy."""
        self._tools.append(tools := lifecycle.tools(version, database))
        return tools

    def site(self, version: str, database: Database, lifecycle: Lifecycle, **options: Any) -> Rt:
        """Return a web site on a copy, with any first page. Raises NotReadyError if it does not come up.

        options: as for `Rt`.
        """
        self._sites.append(site := lifecycle.site(version, database, form=False, **options))
        return site

    def need(self, what: str) -> None:
        """Raise InfrastructureError if a server or tools ended: then the result of `what` proves nothing.

        A web site that ends by itself does not count: that may be a defect of the site.
        """
        for database in tuple(self._databases):
            liveness.need(database, what)
        for tools in tuple(self._tools):
            if why := tools.container.ended():
                raise InfrastructureError(f"RT {tools.release} went away during {what}: {why}.")

    def logs(self) -> dict[str, str]:
        """Return the logs of all containers, by their purpose. They quote values that a database refused."""
        containers = [*self._tools, *self._sites]
        logs = {f"rt-{rt.release}-{rt.container.name}": rt.container.logs() for rt in containers}
        logs |= {database.container.name: database.container.logs() for database in self._databases}
        return {name: redact.lines(text) for name, text in logs.items()}

    def keep(self, database: Database, *, upgraded: bool) -> LeftBehind | None:
        """Exempt one of the copies from removal by `close`."""
        kept = keeping.keep(database, upgraded=upgraded)
        self._databases.remove(database)
        return kept

    def close(self) -> None:
        """Remove the containers and the copies."""
        with ThreadPoolExecutor(4) as pool:
            tasks = [pool.submit(rt.remove) for rt in (*self._tools, *self._sites)]
            tasks += [pool.submit(self.lifecycle.baselines.discard, database) for database in self._databases]
        for task in tasks:
            task.result()
