"""Define how a server writes to disk: fast for tests that do not depend on it, durable for those that do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How a server writes to disk: `options` of the server program.

    small: with a small redo log. The default is half of an empty data directory, and each clone would copy it
    unused.
    """

    name: str
    options: tuple[str, ...]
    small: bool = False


FAST = Profile(
    "fast",
    (
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--sync-binlog=0",
        "--innodb-buffer-pool-size=256M",
        "--innodb-autoextend-increment=8",
        # RT asks the same of its rights and users in each process; MySQL no longer has this cache, hence `loose`.
        "--loose-query-cache-type=1",
        "--loose-query-cache-size=64M",
    ),
    small=True,
)
"""For restores and reads. A crash may lose committed transactions, so crash tests must not use it."""

DURABLE = Profile("durable", ("--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M"))
"""For kills, crashes and time budgets: the settings of a production server."""
