"""Cut an upgrade off at a chosen place, and restore the database as an operator would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pymysql

from harness.common.waits import Retry, wait_until
from harness.database import PORT, Database, backup, programs
from harness.database.baseline_record import Baseline
from harness.database.copying import DATA
from harness.database.profiles import DURABLE
from harness.dump import Dump
from harness.engine.containers import Container
from harness.errors import InfrastructureError
from harness.releases import Pair
from harness.rt import Rt
from harness.upgrade import statements
from harness.upgrade.lifecycle import Lifecycle
from harness.upgrade.statements import CountedRun, Statement

BALLAST = f"{DATA}/ballast"
MEMORY_SHARE = 0.4
"""Share of the machine's memory for a disk made of memory: other programs need the rest."""
ROOM = 160
"""MiB that a small disk has beyond the prepared data directory: for the server's start, and to restore a dump."""


# A connection to the database's port with bytes in its send queue (proc_pid_net(5), numbers in hexadecimal).
_UNANSWERED = f"$3 ~ /:{PORT:04X}$/ && $5 !~ /^00000000:/"


class Cut(StrEnum):
    """The kind of interruption of the upgrade."""

    UPGRADE = "upgrade-killed"
    SERVER = "server-killed"
    NETWORK = "network-lost"
    DISK = "disk-full"


@dataclass(frozen=True)
class Place:
    """Where and how an upgrade is interrupted, before the statement is sent.

    A server is killed while it works on the statement, as closely as that can be timed: the hard case.
    """

    cut: Cut
    statement: Statement

    def __str__(self) -> str:
        """Return it as words."""
        return f"{self.cut} at {self.statement}"


@contextlib.contextmanager
def copy(lifecycle: Lifecycle, baseline: Baseline, cut: Cut) -> Iterator[Database]:
    """Return a durable copy of a baseline that can be interrupted in this way, for a `with` block."""
    if cut is not Cut.DISK:
        with lifecycle.baselines.cloned(baseline, DURABLE) as database:
            yield database
        return
    small = _small_disk(lifecycle, baseline)
    # A server may die of a full disk; the container beside it keeps its data, which ends with the last container.
    with lifecycle.baselines.cloned(baseline, DURABLE, volume_options=small) as database, _beside(database):
        yield database


def _beside(database: Database) -> Container:
    """Return an idle container that mounts the data directory of a server, whether the server runs or not."""
    mounts = database.container.docker.attrs["Mounts"]
    volume = next(one["Name"] for one in mounts if one["Destination"] == DATA)
    return Container(
        database.container.client,
        database.container.image,
        "beside",
        entrypoint=["sleep", "3600"],
        volumes={volume: (DATA, "rw")},
    )


def _small_disk(lifecycle: Lifecycle, baseline: Baseline) -> dict[str, str]:
    """Return the volume options of a disk of limited size for a copy; it is made of memory.

    Raises InfrastructureError if it would need too large a share of the machine's memory.
    """
    megabytes = baseline.size[0] // 1024 + ROOM
    if megabytes > (most := int(lifecycle.client.info()["MemTotal"] * MEMORY_SHARE) // 10**6):
        raise InfrastructureError(
            f"A disk that fills up is made of memory, and for this database it takes {megabytes} MB; the engine's "
            f"machine can give {most} MB.",
            repair="ask with a smaller dump, or on a machine with more memory",
        )
    return {"type": "tmpfs", "device": "tmpfs", "o": f"size={megabytes}m"}


def cut_off(lifecycle: Lifecycle, database: Database, pair: Pair, place: Place) -> CountedRun:
    """Upgrade a database and interrupt the upgrade. Afterwards the server is up again.

    Raises InfrastructureError if the upgrade never reached the place.
    """
    reached: list[Place] = []
    with statements.start_counting(lifecycle, pair.target, database, hold=place.statement.number) as tools:

        def held() -> None:
            reached.append(place)
            _DAMAGE[place.cut](tools, database)

        made = statements.run(tools, pair.origin, pair.target, held=held)
    if not reached:
        raise InfrastructureError(
            f"The upgrade never came to {place.statement}.",
            [("End of its output", "\n".join(text for _, text in made.run.lines[-15:]))],
        )
    if place.cut is Cut.SERVER:
        wait_until("The killed server ending", lambda: _ended(database), 30)
        database.restart()
    if place.cut is Cut.DISK:
        _make_room(database)
    return made


def _make_room(database: Database) -> None:
    """Free disk space, as an operator does first; and start the server, which may have died of the full disk."""
    with _beside(database) as box:
        box.need(["rm", "-f", BALLAST, f"{BALLAST}.rest"])

    def settled() -> bool:
        """Return whether the server lives.

        It may still be about to die: Retry is raised while it does not answer.
        """
        if database.container.ended() is not None:
            return False
        try:
            database.rows("SELECT 1")
        except pymysql.err.MySQLError as error:
            raise Retry("it neither answers nor ends") from error
        return True

    if not wait_until("The server with room again answering or ending", settled, 60):
        database.restart()


def _ended(database: Database) -> None:
    if database.container.ended() is None:
        raise Retry("it runs")


def _kill_upgrade(tools: Rt, database: Database) -> None:  # noqa: ARG001 - one signature for all
    statements.kill(tools)


def _kill_server(tools: Rt, database: Database) -> None:
    statements.release(tools)
    database.container.signal("KILL")


def _lose_network(tools: Rt, database: Database) -> None:  # noqa: ARG001
    """Disconnect the upgrade's network. It sends a statement, waits for an answer without end, and is killed."""
    for name in tools.container.docker.attrs["NetworkSettings"]["Networks"]:
        tools.container.client.networks.get(name).disconnect(tools.container.id, force=True)
    statements.release(tools)

    def sent() -> None:
        if not tools.run("awk", _UNANSWERED, "/proc/net/tcp").out:
            raise Retry("it has sent nothing that nobody confirmed")

    wait_until("The upgrade sending a statement to nobody", sent, 60)
    statements.kill(tools)


def _fill_disk(tools: Rt, database: Database) -> None:
    database.container.run(["dd", "if=/dev/zero", f"of={BALLAST}", "bs=1M"])
    database.container.run(["dd", "if=/dev/zero", f"of={BALLAST}.rest", "bs=4k"])
    statements.release(tools)


_DAMAGE = {
    Cut.UPGRADE: _kill_upgrade,
    Cut.SERVER: _kill_server,
    Cut.NETWORK: _lose_network,
    Cut.DISK: _fill_disk,
}


def restore(database: Database, dump: Dump) -> None:
    """Replace a database's content by a dump, on the same server.

    Raises InfrastructureError if the server's client fails.
    """
    backup.empty(database)
    done = programs.run_client(database, dump.chunks())
    if done.code:
        raise InfrastructureError(
            f"The backup could not be restored on the server of the cut off upgrade (exit code {done.code})."
        )
