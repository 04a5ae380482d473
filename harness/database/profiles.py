"""How a server treats the disk: fast where nothing depends on it, durable where something does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How a server treats the disk: `options` of the server program.

    small: with a small redo log. The usual one is half of a data directory, and each clone would copy it unused.
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
    ),
    small=True,
)
"""For restores and reads. A crash may lose what was acknowledged, so nothing about crashes is proved on it."""

DURABLE = Profile("durable", ("--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M"))
"""For kills, crashes and time budgets: what a production server does."""
