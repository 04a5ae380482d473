"""Both sides of one upgrade: the untouched copy under the old release, the upgraded one under the new.

Everything is made once, when it is first asked for, by whichever thread asks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from harness import upgrade
from harness.common import cache, redact
from harness.common.once import Once
from harness.common.progress import Progress, Running
from harness.database import FAST, Database, Profile, keeping, liveness
from harness.database.baseline import Baseline, private
from harness.database.keeping import LeftBehind
from harness.dump import FOLDER
from harness.dump.choice import Choice
from harness.errors import InfrastructureError, RefusedError
from harness.rt import Rt
from harness.rt.memoized import MemoizedTools, source_of_tools
from harness.stage import visitor
from harness.upgrade import UpgradeRun, guard
from harness.upgrade.lifecycle import Lifecycle


class Sides:
    """Both sides of one upgrade. Close it when done: it owns containers."""

    def __init__(
        self, lifecycle: Lifecycle, choice: Choice, progress: Progress | None = None, profile: Profile = FAST
    ) -> None:
        """Remember what it is about; nothing is started yet."""
        self.lifecycle, self.choice, self.progress, self.profile = lifecycle, choice, progress, profile
        self.pair, self.dump = choice.pair, choice.dump
        self.thorough = progress is None  # a gate is asked by somebody who waits
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
        return self._once("old", lambda: self._memoized(self.pair.origin, self.lifecycle))

    def scout(self) -> Rt:
        """Tools of the target on the untouched copy, to look at it with the target's eyes."""
        return self._once("scout", lambda: self._memoized(self.pair.target, self.lifecycle.new_side))

    def new(self) -> Rt:
        """Tools of the target on the copy that is, or will be, upgraded."""
        return self._once("new", lambda: self._tools(self.pair.target, self.untouched(), self.lifecycle.new_side))

    def run(self) -> UpgradeRun:
        """The upgrade, carried out. Raises RefusedError where it must not be."""
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
            "steps",
            lambda: upgrade.expected_steps(self.scout().upgrade_steps(), self.pair.origin, self.pair.target),
        )

    def need_containers(self, what: str) -> None:
        """Raise InfrastructureError where a server or tools went away: what came out of `what` proves nothing.

        A web site that ends by itself is not meant: that may be a defect of the site.
        """
        for database in tuple(self._databases):
            liveness.need(database, what)
        site = self._once.done("site")
        for tools in tuple(self._containers):
            if tools is not site and (why := tools.container.ended()):
                raise InfrastructureError(f"RT {tools.release} went away during {what}: {why}.")

    def refusal(self) -> RefusedError | None:
        """Why the upgrade must not be run; None where nothing speaks against it, or nobody asked."""
        return None

    # How it is done.

    def remembered(self, name: str, make: Callable[[], Any], *parts: str) -> Any:
        """Return a fact about the untouched side, kept beside its baseline. It must be a JSON value.

        What is known of a dump of the user's own is kept only where that is kept as well.
        parts: what else it depends on, like the image that computed it; the old side's configuration always is.
        """
        key = (self.baseline().key, name, *parts, *_configuration(self.lifecycle))
        kept = make if private(self.dump) else lambda: cache.fact(make, *key)
        return self._once(f"fact {cache.digest(*key)}", kept)

    def _memoized(self, version: str, lifecycle: Lifecycle) -> MemoizedTools:
        """Return tools of a release on the untouched copy, asked what is not known of it yet.

        Answers come as they are. What may quote a dump of the user's own, or CONFIG, is not kept beyond this run.
        """
        image, files = lifecycle.image_id(version), _configuration(lifecycle)
        key = (self.baseline().key, image, source_of_tools(), *files)
        public = self.dump.path.parent == FOLDER and not lifecycle.configuration.files
        answers: dict[str, Any] = {}

        def remember(question: str, ask: Callable[[], Any]) -> Any:
            def make() -> Any:
                answer = ask()
                self.need_containers("a look at the untouched side")  # a dead server's words are not to be kept
                return answer

            if question not in answers:
                answers[question] = cache.fact(make, question, *key) if public else make()
            return answers[question]

        def start() -> Rt:
            return self._tools(version, self.before(), lifecycle)

        return MemoizedTools(version, start, remember, guard.SPOKEN)

    def _restore(self) -> Baseline:
        return self.lifecycle.restored(self.dump, self.pair.server)

    def _copy(self, title: str, origin: Baseline | None = None) -> Database:
        baseline = origin or self.baseline()
        with self.step(title):
            database = self.lifecycle.baselines.clone(baseline, self.profile)
        self._databases.append(database)
        return database

    def _tools(self, version: str, database: Database, lifecycle: Lifecycle | None = None) -> Rt:
        tools = (lifecycle or self.lifecycle).tools(version, database)
        self._containers.append(tools)
        return tools

    def _site(self) -> Rt:
        self.run()
        site = self.lifecycle.new_side.site(self.pair.target, self.after(), files=[visitor.QUICK_LOGINS])
        self._containers.append(site)
        return site

    def _upgrade(self) -> UpgradeRun:
        title = f"upgrade to {self.pair.target}"
        if refusal := self.refusal():
            with self.step(title) as running:
                running.skip(refusal.sentence)
            raise refusal
        new, steps = self.new(), self.steps()
        limit = self.untouched().patience(upgrade.LIMIT)
        with self.step(title) as running:
            made = upgrade.run(
                new, self.pair.origin, self.pair.target, limit=limit,
                heard=lambda line: running.note(redact.line(line)),
            )  # fmt: skip
            self.need_containers(title)
            running.note(f"{len(made.steps)} of {len(steps)} steps, exit code {made.code}")
        return made

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

    def logs(self) -> dict[str, str]:
        """Return the logs of all containers, by what they were for."""
        found = {f"rt-{one.release}-{one.container.name}": one.container.logs() for one in self._containers}
        found |= {one.container.name: one.container.logs() for one in self._databases}
        if (made := self._once.done("run")) is not None:
            found["upgrade"] = "\n".join(f"{at:8.3f} {text}" for at, text in made.lines)
        # Logs quote what the database refused, and a report is shown around.
        return {name: "\n".join(map(redact.line, text.splitlines())) for name, text in found.items()}

    def keep(self) -> LeftBehind | None:
        """Let the copy that was to be upgraded stay behind when this is closed; None where there is none."""
        database: Database | None = self._once.done("untouched")
        if database is None:
            return None
        done: UpgradeRun | None = self._once.done("run")
        kept = keeping.keep(database, upgraded=done is not None and done.code == 0)
        self._databases.remove(database)
        return kept

    def close(self) -> None:
        """Remove the containers and the copies."""
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(one.remove) for one in self._containers]
            done += [pool.submit(self.lifecycle.baselines.discard, database) for database in self._databases]
        for one in done:
            one.result()


def _configuration(lifecycle: Lifecycle) -> list[str]:
    """Return each file of a side's configuration by path and digest, as a part of what is remembered of it."""
    return [f"{path}:{cache.digest(content)}" for path, content in sorted(lifecycle.configuration.inside())]


class Silent:
    """A step that nobody watches."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def fail(self, why: str) -> None:
        """Say nothing."""

    def skip(self, why: str) -> None:
        """Say nothing."""
