"""Make a result once, even if several threads ask for it: by name with `Once`, of a method with `once`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

Owner = TypeVar("Owner")
Result = TypeVar("Result")
_RESULTS = "_results_made_once"


class Once:
    """Results by name. The first thread to ask makes the result, the others wait.

    All of them get its error, if any.
    """

    def __init__(self) -> None:
        """Start with no results."""
        self._lock = threading.Lock()
        self._made: dict[str, Future[Any]] = {}

    def __call__(self, name: str, make: Callable[[], Result]) -> Result:
        """Return the result of that name, calling `make` unless it has been made or is being made already."""
        with self._lock:
            future = self._made.get(name)
            mine = future is None
            if future is None:
                future = self._made[name] = Future()
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
                raise
        return cast(Result, future.result())

    def done(self, name: str) -> Any:
        """Return a finished result; None if it is not finished or ended in an error."""
        with self._lock:
            future = self._made.get(name)
        if future is None or not future.done() or future.exception():
            return None
        return future.result()


def once(method: Callable[[Owner], Result]) -> Callable[[Owner], Result]:
    """Decorate a method without arguments: each object makes its result once, with the guarantees of `Once`."""

    @functools.wraps(method)
    def ask(self: Owner) -> Result:
        return _results(self)(method.__qualname__, lambda: method(self))

    return ask


def finished(owner: Owner, method: Callable[[Owner], Result]) -> Result | None:
    """Return the result of an object's method, decorated with `once`, without making it.

    None if nobody has asked for it, if it is still being made, or if it ended in an error.
    """
    result: Result | None = _results(owner).done(method.__qualname__)
    return result


def _results(owner: object) -> Once:
    # Two threads may be the first at the same time: setdefault gives both the same results.
    return cast(Once, vars(owner).setdefault(_RESULTS, Once()))
