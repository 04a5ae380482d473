"""Two instances on one database, without any coordination: either may die at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fixtures.healthcheck_user import ROOT
from harness.common.waits import Retry, wait_until
from harness.dump.choice import DEFAULT_TARGET
from harness.rt import Rt, rest, web
from tests.smoke.instances import ALIKE, LOGIN, Instances, begun


@pytest.fixture
def mortal(instances: Instances) -> Iterator[Rt]:
    """Another instance on the database of the shared one, for this test to kill."""
    site = instances.start()
    yield site
    site.remove()


@ALIKE
def test_state_is_in_the_database_alone(instances: Instances, mortal: Rt, served: Rt) -> None:
    """Sessions and tickets begun on one must continue at the other, also after either was killed.

    Neither instance is a primary: the one that started first holds no state for later ones.
    """
    assert_work_goes_on(dying=served, survivor=mortal, kill=instances.kill_shared)
    assert_work_goes_on(dying=mortal, survivor=instances.shared(), kill=lambda: mortal.container.signal("KILL"))
    assert served.run("rt-validator", "--check").code == 0


def assert_work_goes_on(*, dying: Rt, survivor: Rt, kill: Callable[[], None]) -> None:
    """Work on both, kill one of them; all acknowledged writes must be there, and sessions of both continue."""
    sessions = [web.login(site, *ROOT) for site in (dying, survivor)]
    acknowledged = {name: created(site, name) for name, site in {"dying": dying, "survivor": survivor}.items()}
    kill()
    for session, (name, number) in zip(sessions, acknowledged.items(), strict=True):
        shown = web.page(session, survivor, f"/Ticket/History.html?id={number}", expect=f"Made at the {name}")
        assert "the last word before the kill" in shown
    with rest.client(survivor, *ROOT) as client:
        assert {client.read(number)["Subject"] for number in acknowledged.values()} == {
            f"Made at the {name}" for name in acknowledged
        }


def created(site: Rt, name: str) -> int:
    """Create a ticket with a reply, both acknowledged by RT."""
    with rest.client(site, *ROOT) as client:
        number = client.create("General", f"Made at the {name}", "Text")
        client.reply(number, "the last word before the kill")
    return number


ENDS_WITHIN = 10.0
"""Seconds from SIGTERM on, as documented: orchestrators kill after about this time."""


@ALIKE
def test_it_ends_gracefully_when_asked_to(instances: Instances) -> None:
    """An orchestrator sends SIGTERM and kills after a while; a request in progress must not be cut off before."""
    with begun(instances.shared(), len(LOGIN)) as request, instances.ending() as end:
        request.sendall(LOGIN)
        answer = b"".join(iter(lambda: request.recv(65536), b""))
        ended = end()
    assert b"# Ticket 1 does not exist" in answer or b"id: ticket/1" in answer, answer
    assert (ended.code, ended.seconds <= ENDS_WITHIN) == (0, True), ended


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_who_never_ends_a_request_does_not_keep_it(instances: Instances) -> None:
    """A client that sends half of a request and stops would otherwise prevent the graceful end of the others."""
    with begun(instances.shared(), len(LOGIN)), instances.ending() as end:
        ended = end()
    assert (ended.code, ended.seconds <= ENDS_WITHIN) == (0, True), ended


STOPPED = 143
"""Exit code of an instance that was terminated before it served."""
SLOW = {
    "slow.pm": b"""
if ($INC{'Apache2/ServerUtil.pm'}) { open my $mark, '>', '/tmp/loads'; close $mark; sleep 60 }
1;
"""
}
"""A configuration that takes as long to read as RT may load on a slow machine, and logs when it begins."""


@ALIKE
def test_it_ends_when_asked_to_while_it_loads_rt(instances: Instances) -> None:
    """Apache stops gracefully only after it has loaded RT: it would be killed, and may be serving by then."""

    def loading() -> None:
        if site.run("test", "-e", "/tmp/loads").code:
            raise Retry("RT is not being loaded")

    with instances.start(SLOW, wait=False) as site:
        wait_until("Apache loading RT", loading, 60, gone=site.container.ended)
        with instances.ending(site) as end:
            ended = end()
    assert (ended.code, ended.seconds <= ENDS_WITHIN) == (STOPPED, True), ended
