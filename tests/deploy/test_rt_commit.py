"""If a database dies in the middle of a write, RT must not acknowledge the write.

A ticket is written in one transaction, and its mail is sent within that transaction. So a server may die between
the first row and the commit, and unpatched RT says "created" all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import ROOT
from fixtures.rt import PSGI
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.database.baseline_record import Baseline
from harness.database.profiles import DURABLE
from harness.dump.choice import DEFAULT_SERVER
from harness.releases import releases
from harness.rt import Rt, rest
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.shared import RELEASE

pytestmark = pytest.mark.engine

SENDMAIL = "/opt/rt/slow-mail"
AS_SHIPPED = b"""use lib '/opt/rt/share/lib'; require RT; my $application = do '/opt/rt/share/libexec/rt-server';
die $@ if $@; $application;"""
SLOW_MAIL = b"#!/bin/sh\ncat >/dev/null\ntouch /tmp/sending\nuntil [ -e /tmp/go-on ]; do sleep 0.05; done\n"
Write = Callable[[rest.Client], object]
REQUESTOR = "root@localhost"
WRITES: dict[str, Write] = {
    "create": lambda client: client.create("General", "lost?", "text", Requestor=REQUESTOR),
    "reply": lambda client: client.reply(1, "lost?"),
}


def answer_of(site: Rt, database: Database, write: Write) -> str:
    """Kill the server while the mail of a write is sent; return RT's refusal, "" if it acknowledges the write."""
    said: list[str] = []

    def work() -> None:
        with rest.client(site, *ROOT) as client:
            try:
                write(client)
                said.append("")
            except rest.RestError as error:
                said.append(error.sentence)

    person = threading.Thread(target=work)
    person.start()
    try:
        wait_until("Mail being sent", lambda: _sending(site), 30)
        database.container.signal("KILL")
    finally:
        site.container.need(["touch", "/tmp/go-on"])
        person.join(60)
    return said[0]


def _sending(site: Rt) -> None:
    if site.container.run(["test", "-e", "/tmp/sending"]).code:
        raise Retry("not yet")


def site_of(lifecycle: Lifecycle, database: Database, release: str, *files: tuple[str, bytes]) -> Rt:
    """Serve a release whose mail program blocks until it is told to go on."""
    site = lifecycle.site(
        release,
        database,
        environment={"RT_MAIL_COMMAND": SENDMAIL},
        files=[(SENDMAIL, SLOW_MAIL), *files],
    )
    site.container.need(["chmod", "755", SENDMAIL])
    return site


others = [pytest.param(one, marks=pytest.mark.slow) for one in releases() if one != RELEASE]


@pytest.mark.parametrize("release", [RELEASE, *others])
def test_what_was_not_committed_is_not_acknowledged(
    lifecycle: Lifecycle, clone: CloneFactory, release: str
) -> None:
    """No part of the write may be there once the server is back, and it must not have been acknowledged."""
    origin: Baseline = lifecycle.fresh(release, DEFAULT_SERVER)
    database = clone(origin, DURABLE)
    site = site_of(lifecycle, database, release)
    try:
        site.container.need(["touch", "/tmp/go-on"])
        with rest.client(site, *ROOT) as client:
            client.create("General", "first", "text", Requestor=REQUESTOR)
        before = counted(database)
        for what, write in WRITES.items():
            site.container.need(["rm", "/tmp/go-on", "/tmp/sending"])
            assert answer_of(site, database, write), what
            database.restart()
            assert counted(database) == before, what
    finally:
        site.remove()


def test_rt_as_it_ships_says_that_all_is_well(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """The defect that the test above must catch; once RT has fixed it, the image need not."""
    database = clone(lifecycle.fresh(RELEASE, DEFAULT_SERVER), DURABLE)
    site = site_of(lifecycle, database, RELEASE, (PSGI, AS_SHIPPED))
    try:
        assert answer_of(site, database, WRITES["create"]) == ""
        database.restart()
        assert counted(database)[0] == 0
    finally:
        site.remove()


def counted(database: Database) -> tuple[int, int]:
    """Return the numbers of tickets and of their transactions."""
    tickets = database.rows("SELECT COUNT(*) FROM Tickets")
    steps = database.rows("SELECT COUNT(*) FROM Transactions WHERE ObjectType = 'RT::Ticket'")
    return int(tickets[0][0]), int(steps[0][0])
