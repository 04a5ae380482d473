"""Basic use of RT by a person and a program, on every release: pages, tickets, replies, searches, attachments."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import ROOT
from fixtures.rt import RtFactory
from harness import rt
from harness.releases import releases, server
from harness.rt import Rt, rest, web
from harness.rt.new_site import initialise
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import of_the_image, text_of

INTERFACES = [
    (one.version, number) for one in releases().values() for number in ((1, 2) if one.major > 4 else (1,))
]
"""Each release with each of its REST interfaces."""
BINARY = bytes(range(256)) * 40 + "naïve 日本語 🙂".encode()


def test_init_fills_an_empty_database_with_a_clean_log(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, version: str, server_name: str
) -> None:
    """`init` exits with 0 even if objects failed; only its log shows it."""
    image = lifecycle.server_image(server_name)

    def ask() -> list[str]:
        done = initialise(rt_tools(version, clone(lifecycle.baselines.empty(server(server_name), image))))
        assert (done.code, done.err) == (0, "")
        return done.out.split()

    assert of_the_image(lifecycle, version, ask, image, text_of(rt))[-1] == "Done."


def test_pages(served: Rt) -> None:
    """A person must see the login page, log in by the form, and find a home page and a ticket without errors."""
    with rest.client(served, *ROOT) as client:
        number = client.create("General", "Smoke test", "A ticket to look at")
    session = web.login(served, *ROOT)
    home = web.page(session, served, "/", expect="Logout")
    web.page(session, served, f"/Ticket/Display.html?id={number}", expect="Smoke test")
    history = web.page(session, served, f"/Ticket/History.html?id={number}")
    assert "RT at a glance" in home
    assert "A ticket to look at" in history


@pytest.mark.parametrize(("version", "interface"), INTERFACES, scope="package")
def test_rest_round_trip(served: Rt, interface: int) -> None:
    """A program must create, read, reply, search, and get an attachment back byte for byte."""
    person = f"person-{interface}@example.org"
    with rest.client(served, *ROOT, version=interface) as client:
        number = client.create(
            "General",
            "Ein Täst",
            "first line\nsecond line",
            [rest.File("all.bin", BINARY)],
            Requestor=person,
        )
        client.reply(number, "an answer")
        read = client.read(number)
        files = client.attachments(number)
        found = client.search(f"Subject LIKE 'Täst' AND Requestor.EmailAddress = '{person}'")
        [attachment] = [one for one, name in files.items() if name == "all.bin"]
        assert client.attachment(number, attachment) == BINARY
    assert (read["Subject"], read["Status"], read["Requestor"]) == ("Ein Täst", "open", [person])
    assert found == [number]


@pytest.mark.parametrize(("version", "interface"), INTERFACES, scope="package")
def test_a_refused_ticket_says_why(served: Rt, interface: int) -> None:
    """A finding must name RT's own reason: REST 1 gives it in lines of text below a 200, REST 2 by its status."""
    with rest.client(served, *ROOT, version=interface) as client, pytest.raises(rest.RestError) as caught:
        client.create("no such queue", "refused", "text")
    assert caught.value.what.endswith(
        {1: "Could not create ticket. Queue not set", 2: "code 403 instead of 200."}[interface]
    )
