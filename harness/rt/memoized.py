"""Cache the answers of tools on a database that does not change, also across runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from harness.common import cache
from harness.common.once import Once
from harness.engine.commands import CommandResult
from harness.rt import Rt

_HERE = Path(__file__).parent
LARGE = 1_000_000
"""Maximum characters of a cached answer: large outputs are cached in a reduced form by their callers."""
HOST = "the-host-of-the-database"
"""Placeholder for the database's host name in answers: each copy has its own name."""
Remember = Callable[[str, Callable[[], Any]], Any]
"""Returns the cached JSON value of a name, calling the callable on a miss."""


@functools.cache
def source_of_tools() -> str:
    """Return a digest of the program sources as they were when first asked: cached answers are valid for these."""
    return cache.digest_of_files(_HERE.parent, [*_HERE.glob("*.py"), *(_HERE.parent / "perl").glob("*.p[lm]")])


class _UnusualError(Exception):
    """Signals an answer that must not be cached."""

    def __init__(self, done: CommandResult) -> None:
        super().__init__()
        self.done = done


class MemoizedTools(Rt):
    """Tools whose container is started by the first question without a cached answer.

    An answer depends only on the image, the database, the configuration and the question; `remember` adds the
    first three to the key. Programs with input or a listener, or with an unusual exit code, run each time.
    """

    def __init__(
        self, release: str, image: str, start: Callable[[], Rt], remember: Remember, usual: Collection[int] = (0,)
    ) -> None:
        """Store how to start the tools; nothing is started yet.

        image: its id. usual: exit codes whose answers are cached.
        """
        self.release, self.database_host, self._image, self._usual = release, HOST, image, usual
        self._start, self._remember, self._once = start, remember, Once()

    @property
    def started(self) -> Rt:
        """The tools themselves, started on first use."""
        return self._once("tools", self._start)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the running tools, starting them."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.started, name)

    def _asked(self, question: tuple[str, ...], ask: Callable[[], CommandResult]) -> CommandResult:
        def make() -> list[Any]:
            done = ask()
            out, err = (text.replace(self.started.database_host, HOST) for text in (done.out, done.err))
            if done.code not in self._usual or len(out) + len(err) > LARGE:
                raise _UnusualError(CommandResult(done.code, out, err))
            return [done.code, out, err]

        try:
            return CommandResult(*self._remember("\0".join(question), make))
        except _UnusualError as unusual:
            return unusual.done

    def run(self, *command: str, limit: float = 120, **options: Any) -> CommandResult:
        """Run one of RT's tools, unless its answer is cached."""
        if options:
            return self.started.run(*command, limit=limit, **options)
        return self._asked(("run", *command), lambda: self.started.run(*command, limit=limit))

    def _image_id(self) -> str:
        return self._image

    def need(self, *command: str, limit: float = 120, **options: Any) -> str:
        """Run a tool that must succeed; return its output. Raises ExecError."""
        done = self.run(*command, limit=limit, **options)
        return self.started.need(*command, limit=limit, **options) if done.code else done.out

    def perl(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> CommandResult:
        """Run a Perl program with RT's libraries available, unless its answer is cached."""
        if heard:
            return self.started.perl(program, *arguments, limit=limit, heard=heard)
        question = ("perl", program, *arguments)
        return self._asked(question, lambda: self.started.perl(program, *arguments, limit=limit))

    def perl_alone(
        self, program: str, *arguments: str, limit: float = 300, heard: Callable[[str], None] | None = None
    ) -> CommandResult:
        """Run a Perl program in a process of its own, unless its answer is cached."""
        if heard:
            return self.started.perl_alone(program, *arguments, limit=limit, heard=heard)
        question = ("perl alone", program, *arguments)
        return self._asked(question, lambda: self.started.perl_alone(program, *arguments, limit=limit))

    def tool(self, *command: str, limit: float = 120, stdin: bytes = b"", private: bool = False) -> CommandResult:
        """Run one of the image's own Perl programs, uncached: callers cache its output in a reduced form."""
        return self.started.tool(*command, limit=limit, stdin=stdin, private=private)

    def warm_up(self) -> None:
        """Do nothing: most answers are cached."""

    def remove(self) -> None:
        """Remove the container if one was started."""
        started: Rt | None = self._once.done("tools")
        if started:
            started.remove()
