"""Make a result once, even if several threads ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

Result = TypeVar("Result")


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
