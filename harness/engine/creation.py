"""Keep account of what is being created on the engine, so that the end of a run removes all of it.

A thread that no signal interrupts may still be waiting for the engine to make a container when all of the
session is listed for removal; what the engine makes after that would stay.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from harness.common import owner
from harness.errors import InfrastructureError

PATIENCE = 10.0
"""Maximum seconds for requests under way; an engine that takes longer is left to the next run's sweep."""
_changed = threading.Condition()
_under_way: Counter[str] = Counter()
_over: set[str] = set()


@contextmanager
def creating() -> Iterator[None]:
    """Count what a `with` block creates as under way. Raises InfrastructureError if the session is over."""
    session = owner.session()
    with _changed:
        if session in _over:
            raise InfrastructureError("Nothing more is started: this run is over.")
        _under_way[session] += 1
    try:
        yield
    finally:
        with _changed:
            _under_way[session] -= 1
            _changed.notify_all()


def end(patience: float = PATIENCE) -> None:
    """Forbid this session to create anything more, and wait until the engine has answered what it was asked.

    patience: maximum seconds to wait. A process that only joined the session does not end it.
    """
    if not owner.owns_session():
        return
    session = owner.session()
    with _changed:
        _over.add(session)
        _changed.wait_for(lambda: not _under_way[session], patience)
