"""What is known of the untouched side from earlier runs: the same dump under the same release says the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness.checks import history as history_check
from harness.checks.cached_fact import Remembered
from harness.common import cache, redact
from harness.common.once import Once
from harness.database.baseline import Baseline, is_private
from harness.dump import FOLDER, Dump
from harness.rt import Rt
from harness.rt.memoized import MemoizedTools, source_of_tools
from harness.upgrade import guard
from harness.upgrade.lifecycle import Lifecycle

CHECKS = Path(history_check.__file__).parent
Fact = TypeVar("Fact", bound=Remembered)


@functools.cache
def _source_of_checks() -> str:
    """Return what the checks' sources were when this process began to use them: a fact holds for these."""
    files = [path for path in sorted(CHECKS.rglob("*")) if path.is_file()]
    return cache.digest(*(path.read_bytes() for path in (*files, Path(redact.__file__), redact.VOCABULARY)))


def _configuration(lifecycle: Lifecycle) -> list[str]:
    """Return each file of a side's configuration by path and digest, as a part of what is remembered of it."""
    return [f"{path}:{cache.digest(content)}" for path, content in sorted(lifecycle.configuration.inside())]


class Memory:
    """Facts about the untouched side, kept beside its baseline.

    What is known of a dump of the user's own is kept only where that is kept as well.
    """

    def __init__(
        self, lifecycle: Lifecycle, dump: Dump, baseline: Callable[[], Baseline], need: Callable[[str], None]
    ) -> None:
        """Remember what it is about. need: raises InfrastructureError where a server or tools went away."""
        self._lifecycle, self._dump, self._baseline, self._need = lifecycle, dump, baseline, need
        self._once = Once()

    def fact(self, name: str, make: Callable[[], Any], *parts: str) -> Any:
        """Return a fact about the untouched side. It must be a JSON value.

        parts: what else it depends on, like the image that computed it; the old side's configuration always is.
        """
        key = (self._baseline().key, name, *parts, *_configuration(self._lifecycle))
        kept = make if is_private(self._dump) else lambda: cache.fact(make, *key)
        return self._once(f"fact {cache.digest(*key)}", kept)

    def told(
        self, name: str, kind: type[Fact], make: Callable[[], Fact], version: str | None, server: str
    ) -> Fact:
        """Return what a release says of the untouched side on a server, asked once and then remembered."""
        image = self._lifecycle.image_id(version) if version else ""
        parts = (image, server, _source_of_checks(), source_of_tools(), cache.digest(cache.secret()))

        def ask() -> str:
            made = make().to_json()
            self._need(f"the reading of {name}")  # else it would be remembered what a dead server said
            return made

        return kind.from_json(self.fact(name, ask, *parts))

    def tools(self, version: str, lifecycle: Lifecycle, start: Callable[[], Rt]) -> MemoizedTools:
        """Return tools of a release on the untouched copy, asked what is not known of it yet.

        Answers come as they are. What may quote a dump of the user's own, or CONFIG, is not kept beyond this run.
        """
        image = lifecycle.image_id(version)
        key = (self._baseline().key, image, source_of_tools(), *_configuration(lifecycle))
        public = self._dump.path.parent == FOLDER and not lifecycle.configuration.files
        answers: dict[str, Any] = {}

        def remember(question: str, ask: Callable[[], Any]) -> Any:
            def make() -> Any:
                answer = ask()
                self._need("a look at the untouched side")  # a dead server's words are not to be kept
                return answer

            if question not in answers:
                answers[question] = cache.fact(make, question, *key) if public else make()
            return answers[question]

        return MemoizedTools(version, image, start, remember, guard.SPOKEN)
