"""Tools on a database that nobody changes: what was asked of them once is remembered, across runs as well."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from harness.common.once import Once
from harness.engine.commands import Done
from harness.rt import Rt

LARGE = 1_000_000
"""Characters of an answer beyond which it is not kept: what is large has a reader that keeps less of it."""
_HOST = "(the host of the database)"
Remember = Callable[[str, Callable[[], Any]], Any]
"""Returns the JSON value of a name, made by the callable unless it is known."""


class _UnusualError(Exception):
    """An answer that is not to be kept."""

    def __init__(self, done: Done) -> None:
        super().__init__()
        self.done = done


class MemoizedTools(Rt):
    """Tools whose container starts with the first question that has no remembered answer.

    An answer depends on the image, the database, the configuration and the question alone; `remember` keys it by
    the first three. Programs that are fed, that are listened to, or that end in an unusual way are run each time.
    """

    def __init__(
        self, release: str, host: str, start: Callable[[], Rt], remember: Remember, usual: Collection[int] = (0,)
    ) -> None:
        """Remember how to start them; nothing is started yet.

        host: of the database; each copy has a name of its own. usual: exit codes whose answers are kept.
        """
        self.release, self.database_host, self._usual = release, host, usual
        self._start, self._remember, self._once = start, remember, Once()

    @property
    def started(self) -> Rt:
        """The tools themselves, started by whoever asks first."""
        return self._once("tools", self._start)

    def __getattr__(self, name: str) -> Any:
        """Give what only running tools have."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.started, name)

    def _asked(self, question: tuple[str, ...], ask: Callable[[], Done]) -> Done:
        def make() -> list[Any]:
            done = ask()
            if done.code not in self._usual or len(done.out) + len(done.err) > LARGE:
                raise _UnusualError(done)
            return [done.code, *(text.replace(self.database_host, _HOST) for text in (done.out, done.err))]

        try:
            code, *said = self._remember("\0".join(question), make)
            return Done(code, *(text.replace(_HOST, self.database_host) for text in said))
        except _UnusualError as unusual:
            return unusual.done

    def run(self, *command: str, limit: float = 120, **options: Any) -> Done:
        """Run one of RT's tools, unless what it says is known."""
        if options:
            return self.started.run(*command, limit=limit, **options)
        return self._asked(("run", *command), lambda: self.started.run(*command, limit=limit))

    def need(self, *command: str, limit: float = 120, **options: Any) -> str:
        """Run a tool that must work; return its output. Raises ExecError."""
        done = self.run(*command, limit=limit, **options)
        return self.started.need(*command, limit=limit, **options) if done.code else done.out

    def perl(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> Done:
        """Run a Perl program with RT's libraries in reach, unless what it says is known."""
        if heard:
            return self.started.perl(program, *arguments, limit=limit, heard=heard)
        question = ("perl", program, *arguments)
        return self._asked(question, lambda: self.started.perl(program, *arguments, limit=limit))

    def tool(self, *command: str, limit: float = 120) -> Done:
        """Run one of RT's own Perl programs, each time: what they say has readers that keep less of it."""
        return self.started.tool(*command, limit=limit)

    def warm_up(self) -> None:
        """Begin nothing: most answers are known."""

    def remove(self) -> None:
        """Remove the container, where one was started."""
        started: Rt | None = self._once.done("tools")
        if started:
            started.remove()
