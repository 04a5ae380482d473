"""Cache facts about the untouched side between runs: for the same dump and release they are the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from harness.checks import history as history_check
from harness.checks.cached_fact import CachedFact
from harness.common import cache, redact
from harness.common.once import Once
from harness.database.baseline_record import Baseline, is_private
from harness.dump import FOLDER, Dump
from harness.rt import Rt
from harness.rt.memoized import MemoizedTools, source_of_tools
from harness.upgrade import guard
from harness.upgrade.lifecycle import Lifecycle

CHECKS = Path(history_check.__file__).parent
Fact = TypeVar("Fact", bound=CachedFact)


@functools.cache
def _source_of_checks() -> str:
    """Return a digest of the checks' sources at their first use in this process, for cached facts."""
    files = [path for path in sorted(CHECKS.rglob("*")) if path.is_file()]
    return cache.digest(*(path.read_bytes() for path in (*files, Path(redact.__file__), redact.VOCABULARY)))


def _configuration(lifecycle: Lifecycle) -> list[str]:
    """Return each file of a side's configuration by path and digest, as a part of the cache keys."""
    return [f"{path}:{cache.digest(content)}" for path, content in sorted(lifecycle.configuration.inside())]


class _PassingError(Exception):
    """Carries a fact past the cache."""

    def __init__(self, fact: CachedFact) -> None:
        """Keep the fact."""
        super().__init__()
        self.fact = fact


class FactCache:
    """Facts about the untouched side, kept beside its baseline.

    Facts about a dump of the user's own are kept only if its baseline is kept as well.
    """

    def __init__(
        self, lifecycle: Lifecycle, dump: Dump, baseline: Callable[[], Baseline], need: Callable[[str], None]
    ) -> None:
        """Remember the arguments. need: raises InfrastructureError if a server or tools went away."""
        self._lifecycle, self._dump, self._baseline, self._need = lifecycle, dump, baseline, need
        self._once = Once()

    def fact(self, name: str, make: Callable[[], Any], *parts: str) -> Any:
        """Return a fact about the untouched side. It must be a JSON value.

        parts: further parts of the cache key, such as the image that computed it; the old side's configuration is
        always one.
        """
        key = (self._baseline().key, name, *parts, *_configuration(self._lifecycle))
        kept = make if is_private(self._dump) else lambda: cache.cached(make, *key)
        return self._once(f"fact {cache.digest(*key)}", kept)

    def answer(
        self, name: str, kind: type[Fact], make: Callable[[], Fact], version: str | None, server: str
    ) -> Fact:
        """Return a release's answer about the untouched side on a server, asked once and then cached.

        One that is not `steady` is not cached for later runs.
        """
        image = self._lifecycle.image_id(version) if version else ""
        parts = (image, server, _source_of_checks(), source_of_tools(), cache.digest(cache.secret()))

        def ask() -> str:
            made = make()
            self._need(f"the reading of {name}")  # else the answer of a dead server would be cached
            if not made.steady:
                raise _PassingError(made)
            return made.to_json()

        try:
            return kind.from_json(self.fact(name, ask, *parts))
        except _PassingError as passing:
            return cast(Fact, passing.fact)

    def tools(self, version: str, lifecycle: Lifecycle, start: Callable[[], Rt]) -> MemoizedTools:
        """Return tools of a release on the untouched copy, which run only what is not cached.

        Answers are returned unchanged. What may quote a dump of the user's own, or CONFIG, is not kept after this
        run.
        """
        image = lifecycle.image_id(version)
        key = (self._baseline().key, image, source_of_tools(), *_configuration(lifecycle))
        public = self._dump.path.parent == FOLDER and not lifecycle.configuration.files
        answers: dict[str, Any] = {}

        def remember(question: str, ask: Callable[[], Any]) -> Any:
            def make() -> Any:
                answer = ask()
                self._need("a look at the untouched side")  # else the answer of a dead server would be cached
                return answer

            if question not in answers:
                answers[question] = cache.cached(make, question, *key) if public else make()
            return answers[question]

        return MemoizedTools(version, image, start, remember, guard.SPOKEN)
