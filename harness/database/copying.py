"""Copy a prepared data directory: the command, the waiting for it, and the check for disk space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.common.waits import GoneError, NotReadyError
from harness.engine.containers import Container
from harness.errors import InfrastructureError

DATA, PREPARED = "/var/lib/mysql", "/baseline"
"""The server's data directory, and the mount point of the prepared directory that it is copied from."""
SPARED = 2_000_000
"""Size in kB below which disk space is not checked: if copies of a small dump do not fit, nothing else does."""
# Copied only at first start: a killed server must find its own data again. The marker lies outside of the data,
# which may be a copy of a copy. auto.cnf holds a MySQL server's identity, which a copy must not share.
_MARK = "/tmp/.data-copied"
COMMAND = (
    f"cd {DATA} && {{ [ -e {_MARK} ] || {{ "
    f'cp -a --reflink=auto --sparse=auto "$1"/. . && rm -f auto.cnf && touch {_MARK}; }}; }} '
    '&& cd / && shift && exec docker-entrypoint.sh "$@"'
)
_SO_FAR = f"[ -e {_MARK} ] || du -sk {DATA} 2>/dev/null | cut -f1"
_FREE = f"df -Pk {DATA} | tail -n 1 | tr -s ' ' | cut -d' ' -f4"
SHARES = (
    f"f={DATA}/.shared; head -c 65536 /dev/zero >$f; cp --reflink=always $f $f.copy 2>/dev/null && echo shared; "
    "rm -f $f $f.copy"
)
"""Prints a word if the file system shares blocks (XFS, Btrfs): a copy then needs no space until written to."""
_USED = f"du -sk {DATA} | cut -f1; find {DATA} -name '*.ibd' -printf '%k\\n' | sort -n | tail -n 1"


@dataclass(frozen=True)
class Room:
    """Disk space, in kB or in multiples of a dump's size (see `times`).

    plain: if every copy takes its full size. shared: if copies share blocks and only take what is written to them.
    """

    plain: int
    shared: int

    def __add__(self, other: Room) -> Room:
        """Return the sum of two needs."""
        return Room(self.plain + other.plain, self.shared + other.shared)

    def times(self, size: int) -> Room:
        """Return the space in kB for a dump of this size in kB."""
        return Room(self.plain * size, self.shared * size)


def until_served(container: Container, wait: Callable[[], None], name: str) -> None:
    """Wait for a server that copies its data first: without limit while the copy grows, then as `wait` does.

    The duration of a copy depends on the disk and the dump. wait: raises NotReadyError after its time-out.
    Raises InfrastructureError if the copy makes no progress.
    """
    size = -1
    while True:
        try:
            return wait()
        except GoneError:
            raise
        except NotReadyError:
            found = container.run(["sh", "-c", _SO_FAR], limit=600).out.strip()
        if found == "":
            return wait()  # the copy has ended meanwhile, so the server has only just started
        if int(found) <= size:
            raise InfrastructureError(
                f"The copy of the prepared data of {name} stands still at {size // 1000} MB.",
                container.evidence(),
                "see whether the disk below the engine's directory (docker info names it) is full or fails",
            )
        size = int(found)


def size_of(container: Container) -> tuple[int, int]:
    """Return the size in kB of the data in a server's container: of all of it, and of its largest table."""
    whole, *largest = container.need(["sh", "-c", _USED], limit=600).split()
    return int(whole), int(largest[0]) if largest else 0


def need_room(container: Container, wanted: Room, what: str) -> None:
    """Raise InfrastructureError if the disk has less free space than `wanted` for `what`.

    container: an idle one with an empty directory at DATA and, if something is to be copied, its source at
    PREPARED.
    """
    free, *shared = container.need(["sh", "-c", f"{_FREE}; {SHARES}"]).split()
    needed, why = wanted.plain, ""
    if shared:
        needed, why = wanted.shared, "; copies share blocks there until they are written to"
    if int(free) < needed:
        raise InfrastructureError(
            f"The engine's disk has {_gigabytes(int(free))} GB free; "
            f"needed: {_gigabytes(needed)} GB for {what}{why}.",
            repair="make room below the engine's directory (docker info names it; make distclean removes what the "
            "harness keeps), or use an engine with a larger disk (DOCKER_HOST)",
        )


def _gigabytes(kilobytes: int) -> str:
    return f"{kilobytes / 1e6:.1f}"
