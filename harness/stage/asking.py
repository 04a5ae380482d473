"""How questions about an upgrade are asked: each once, timed, and only where the upgrade may be run at all."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness import leftovers
from harness.checks import preflight as preflight_check
from harness.checks.preflight import Recognised
from harness.common import parallel
from harness.errors import RefusedError
from harness.stage.known import Known
from harness.verdict import Finding, Report


class Asking(Known):
    """Both sides of an upgrade, recognised before anything is asked of them.

    accepts: tells which findings somebody has signed off.
    """

    accepts: Callable[[Finding], bool] = staticmethod(lambda _: False)

    def recognised(self) -> Recognised:
        """What the dump is, by its own account: the part of preflight that may forbid the upgrade."""

        def ask() -> Recognised:
            path = (self.pair.origin, self.pair.target)
            return preflight_check.recognise(
                self.old_schema(), self.old(), self.scout(), path, steps=self.steps(), history=self.old_history()
            )

        return self._once("recognised", ask)

    def refusal(self) -> RefusedError | None:
        """Why the upgrade must not be run: a second time, from the wrong release, or on half of one."""
        stops = [one for one in self.recognised().stops if not self.accepts(one)]
        if not stops:
            return None
        return RefusedError(
            f"The upgrade was not run, as preflight found that it is not one for this database: {stops[0].what}.",
            repair=next((one.repair for one in stops if one.repair), ""),
        )

    def _answer(self, name: str, ask: Callable[[], Report]) -> Report:
        """Report on the upgrade. Raises RefusedError at once where it must not be run."""
        if refusal := self.refusal():
            raise refusal
        return self._report(name, ask)

    def _report(self, name: str, ask: Callable[[], Report]) -> Report:
        return self._once(f"report {name}", lambda: self._asked(name, ask))

    def _asked(self, name: str, ask: Callable[[], Report]) -> Report:
        started = time.monotonic()
        with self.step(name) as running:
            report = ask()
            if report.findings:
                self.need_containers(f"the check {name}")
            report.seconds = round(time.monotonic() - started, 2)
            if report.findings:
                running.fail(f"{len(report.findings)} findings")
            else:
                running.note(f"{report.looked_at} {report.unit}")
            return report

    def _at_once(self, *makers: Callable[[], object]) -> None:
        parallel.at_once(makers, stop=lambda: leftovers.halt_own(self.lifecycle.client))
