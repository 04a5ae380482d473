"""A prepared data directory is copied: how, for how long, and whether there is room for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.common.waits import GoneError, NotReadyError
from harness.engine.containers import Container
from harness.errors import InfrastructureError

DATA, PREPARED = "/var/lib/mysql", "/baseline"
"""Where a server has its data, and where a prepared directory is mounted that it is copied from."""
SPARED = 2_000_000
"""kB that no disk is asked for: where a small dump's copies do not fit, nothing else does either."""
# Only at first start: a server that was killed must find its own data again. The mark lies outside of the data,
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
"""Says a word where the file system shares blocks (XFS, Btrfs): a copy takes none there until it is written to."""
_USED = f"du -sk {DATA} | cut -f1; find {DATA} -name '*.ibd' -printf '%k\\n' | sort -n | tail -n 1"


@dataclass(frozen=True)
class Room:
    """What is needed on a disk, in kB or in sizes of a dump (`times`).

    plain: where every copy takes its own. shared: where copies share blocks, and take what is written to them.
    """

    plain: int
    shared: int

    def __add__(self, other: Room) -> Room:
        """Return what both need."""
        return Room(self.plain + other.plain, self.shared + other.shared)

    def times(self, size: int) -> Room:
        """Return it for a dump of this size."""
        return Room(self.plain * size, self.shared * size)


def until_served(container: Container, wait: Callable[[], None], name: str) -> None:
    """Wait for a server that copies its data first: while there comes more of it, and then as `wait` does.

    How long a copy takes is the disk's business and the dump's. wait: raises NotReadyError after its time. Raises
    InfrastructureError where the copy stands still.
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
            return wait()  # the copy has ended meanwhile, so that the server has just begun
        if int(found) <= size:
            raise InfrastructureError(
                f"The copy of the prepared data of {name} stands still at {size // 1000} MB.",
                container.evidence(),
                "see whether the disk below the engine's directory (docker info names it) is full or fails",
            )
        size = int(found)


def size_of(container: Container) -> tuple[int, int]:
    """Return what the data of the server in a container takes in kB: all of it, and its largest table."""
    whole, *largest = container.need(["sh", "-c", _USED], limit=600).split()
    return int(whole), int(largest[0]) if largest else 0


def need_room(container: Container, wanted: Room, what: str) -> None:
    """Raise InfrastructureError where the disk has less than is wanted for `what`.

    container: one that idles, with an empty directory at DATA, and at PREPARED what is to be copied, if any.
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
