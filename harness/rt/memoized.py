"""Tools on a database that nobody changes: what was asked of them once is remembered, across runs as well."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from harness.common import cache
from harness.common.once import Once
from harness.engine.commands import Done
from harness.rt import Rt

_HERE = Path(__file__).parent
LARGE = 1_000_000
"""Characters of an answer beyond which it is not kept: what is large has a reader that keeps less of it."""
HOST = "the-host-of-the-database"
"""What answers say for it: each copy has a name of its own."""
Remember = Callable[[str, Callable[[], Any]], Any]
"""Returns the JSON value of a name, made by the callable unless it is known."""


@functools.cache
def source_of_tools() -> str:
    """Return what the sources were by which programs are run when this process began: answers hold for these."""
    return cache.digest_of_files(_HERE.parent, [*_HERE.glob("*.py"), *(_HERE.parent / "perl").glob("*.p[lm]")])


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
        self, release: str, image: str, start: Callable[[], Rt], remember: Remember, usual: Collection[int] = (0,)
    ) -> None:
        """Remember how to start them; nothing is started yet.

        image: its id. usual: exit codes whose answers are kept.
        """
        self.release, self.database_host, self._image, self._usual = release, HOST, image, usual
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
            out, err = (text.replace(self.started.database_host, HOST) for text in (done.out, done.err))
            if done.code not in self._usual or len(out) + len(err) > LARGE:
                raise _UnusualError(Done(done.code, out, err))
            return [done.code, out, err]

        try:
            return Done(*self._remember("\0".join(question), make))
        except _UnusualError as unusual:
            return unusual.done

    def run(self, *command: str, limit: float = 120, **options: Any) -> Done:
        """Run one of RT's tools, unless what it says is known."""
        if options:
            return self.started.run(*command, limit=limit, **options)
        return self._asked(("run", *command), lambda: self.started.run(*command, limit=limit))

    def _image_id(self) -> str:
        return self._image

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

    def perl_alone(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> Done:
        """Run a Perl program in a process of its own, unless what it says is known."""
        if heard:
            return self.started.perl_alone(program, *arguments, limit=limit, heard=heard)
        question = ("perl alone", program, *arguments)
        return self._asked(question, lambda: self.started.perl_alone(program, *arguments, limit=limit))

    def tool(self, *command: str, limit: float = 120, stdin: bytes = b"") -> Done:
        """Run one of the image's own Perl programs, each time: what they say has readers that keep less of it."""
        return self.started.tool(*command, limit=limit, stdin=stdin)

    def warm_up(self) -> None:
        """Begin nothing: most answers are known."""

    def remove(self) -> None:
        """Remove the container, where one was started."""
        started: Rt | None = self._once.done("tools")
        if started:
            started.remove()
