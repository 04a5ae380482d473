"""A database with a full disk, slow, or frozen and replaced: health must be true, and RT recover by itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pymysql
import pytest
from docker.types import Mount

from fixtures.healthcheck_user import CHEAP, PASSWORD
from harness.database import PORT, Database
from harness.database.baseline_record import Baseline
from harness.database.copying import DATA, PREPARED
from harness.database.profiles import DURABLE
from harness.load import network_faults
from harness.rt import secret_files
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.living_through import HEALTHY_WITHIN, UNHEALTHY_WITHIN, Instance, assert_survives_outage
from tests.deploy.shared import RELEASE, Say

pytestmark = pytest.mark.engine

SIZE = 300 * 2**20
"""A new site's data directory takes about 210 MB."""
FILLER = f"{DATA}/filler"
WHOLE_FILES = f'find {DATA} -type f -size +0 | while read -r f; do fallocate -l "$(stat -c %s "$f")" "$f"; done'
NO_ROOM = (1114, 1021, 1026, 3)
"""The table is full; disk full; error writing a file."""
BEARABLE, UNBEARABLE = 0.002, 0.5
"""Seconds of delay per piece of data and direction: a server in the next building, and an unusable line."""


@contextlib.contextmanager
def disk_full(instance: Instance) -> Iterator[None]:
    """Another file has filled the disk, and the sessions' table has no free pages left.

    A full disk shows only when a table has to grow; until then RT works. Each login writes to that table.
    """
    database = instance.database
    # The copy left out empty space; a server created on its disk has its files, of logs, at full size.
    database.container.need(["sh", "-c", WHOLE_FILES])
    database.container.run(["dd", "if=/dev/zero", f"of={FILLER}", "bs=1M"], limit=60)
    row = "INSERT INTO sessions (id, a_session) VALUES (LEFT(MD5(RAND()), 32), REPEAT('x', 3000))"
    # Smaller rows may still fit where larger ones do not, and a row refused in one page may fit in another.
    # Rows that need pages of their own are left out: MariaDB 10.11 crashes when it finds no room for those.
    for size, times in (("3000", 1), ("1000", 5), ("200", 20), ("20", 60)):
        assert _refusal(database, row.replace("3000", size), times) in NO_ROOM
    yield
    database.container.need(["rm", FILLER])


def _refusal(database: Database, statement: str, times: int) -> int:
    """Repeat a statement until the server refuses it `times` times in a row; return its error, 0 if never."""
    refused = 0
    with database.connection() as connection, connection.cursor() as cursor:
        for _ in range(5000):
            try:
                cursor.execute(statement)
                refused = 0
            except pymysql.err.Error as error:
                refused += 1
                if refused == times:
                    return int(error.args[0])
    return 0


def test_health_is_the_truth_while_the_disk_is_full(lifecycle: Lifecycle, deployable: Baseline, say: Say) -> None:
    """Logins fail, and health must report it; once there is room, everything must work again."""
    server = Database(
        lifecycle.client,
        deployable.server,
        deployable.image,
        deployable.credentials,
        DURABLE,
        volumes={deployable.volume: (PREPARED, "ro")},
        copy_from=PREPARED,
        mounts=[Mount(DATA, None, type="tmpfs", tmpfs_size=SIZE)],
    )
    with (
        server as database,
        lifecycle.site(RELEASE, database, healthcheck_password=PASSWORD, configuration=CHEAP) as site,
    ):
        instance = Instance(site, database)
        assert_survives_outage(instance, disk_full(instance), "disk full", say)


def test_a_slow_line_is_no_outage_until_it_is_one(lifecycle: Lifecycle, deployable: Baseline, say: Say) -> None:
    """A few milliseconds must be tolerated, half a second per query not; recovery must need no intervention."""
    database = lifecycle.baselines.clone(deployable, DURABLE)
    site = None
    try:
        with network_faults.SlowLine(lifecycle.client, database.container.address(PORT)) as line:
            password = database.credentials.password
            secrets = secret_files(line.host, password, port=line.port, healthcheck=PASSWORD)
            site = lifecycle.site(
                RELEASE, database, files=secrets, healthcheck_password=PASSWORD, configuration=CHEAP
            )
            instance = Instance(site, database)
            line.seconds = BEARABLE
            took, _ = instance.until(True, time.monotonic(), HEALTHY_WITHIN)
            line.seconds = UNBEARABLE
            unhealthy, words = instance.until(False, time.monotonic(), UNHEALTHY_WITHIN)
            line.seconds = 0
            healthy, _ = instance.until(True, time.monotonic(), HEALTHY_WITHIN)
    finally:
        if site:
            site.remove()
        lifecycle.baselines.discard(database)
    say(
        f"line slow: healthy in {took:.1f} s at {BEARABLE * 1000:g} ms, unhealthy after {unhealthy:.1f} s at "
        f"{UNBEARABLE * 1000:g} ms, healthy again {healthy:.1f} s later ({words})"
    )


NAME = "database.example.org"
SILENCE = 3
"""Seconds after which a page gives a silent server up."""
MOVE = 'grep -v "$1" /etc/hosts >/tmp/hosts; echo "$2 $1" >>/tmp/hosts; cat /tmp/hosts >/etc/hosts'
"""Lead a name elsewhere. The engine mounts the file, so it cannot be replaced."""


@contextlib.contextmanager
def frozen_and_replaced(instance: Instance, other: Database) -> Iterator[None]:
    """The server's machine freezes, which closes no connection; after the block its name leads to another one."""
    instance.database.container.docker.pause()
    yield
    address = network_faults.address_in_session(other.container)
    instance.site.need("sh", "-c", MOVE, "move", NAME, address)


def test_a_frozen_database_is_given_up_for_its_replacement(
    lifecycle: Lifecycle, deployable: Baseline, say: Say
) -> None:
    """A failover names another server, and the old one says nothing: each worker would wait for that for ever.

    There is one worker, so it is certain that it has a connection to the frozen server.
    """
    first, second = (lifecycle.baselines.clone(deployable, DURABLE) for _ in range(2))
    site = None
    try:
        site = lifecycle.site(
            RELEASE,
            first,
            files=secret_files(NAME, first.credentials.password, healthcheck=PASSWORD),
            healthcheck_password=PASSWORD,
            configuration=CHEAP,
            environment={"RT_WORKERS": "1", "RT_DB_TIMEOUT": str(SILENCE)},
            extra_hosts={NAME: network_faults.address_in_session(first.container)},
        )
        instance = Instance(site, first)
        assert_survives_outage(instance, frozen_and_replaced(instance, second), "frozen and replaced", say)
    finally:
        if site:
            site.remove()
        if first.container.docker.status == "paused":
            first.container.docker.unpause()
        for database in (first, second):
            lifecycle.baselines.discard(database)
