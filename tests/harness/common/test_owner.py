"""Resources belong to a machine identified by its id, not its name, and a live run is never taken for dead."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from docker import DockerClient

from harness import leftovers
from harness.common import cache, owner, private
from harness.common.owner import Host
from harness.engine.runners import Runners
from tests.harness.elsewhere import AGENT, HERE, labels


@pytest.mark.parametrize(
    ("there", "lives"),
    [
        (HERE, False),
        (dataclasses.replace(HERE, boot="22222222"), False),
        (dataclasses.replace(HERE, boot="22222222", machine="bbbbbbbbbbbb"), None),
        (dataclasses.replace(HERE, boot="22222222", machine=""), None),
        (dataclasses.replace(HERE, boot="22222222", name="other"), None),
        (dataclasses.replace(HERE, name="renamed"), False),
        (AGENT, None),
        ("ci/22222222/4026531836", None),
        ("ci", None),
        ("", None),
    ],
    ids=[
        "here",
        "rebooted",
        "another-machine",
        "no-machine",
        "another-name",
        "renamed",
        "container",
        "of-before",
        "strange",
        "none",
    ],
)
def test_a_name_is_not_a_machine(here: Callable[[Host], None], there: Host | str, lives: bool | None) -> None:
    """Two machines with one name may share an engine: a live run on one is no reboot of the other."""
    here(HERE)
    assert owner.creator_lives(labels(there)) is lives


def test_a_machine_without_an_id_knows_no_reboot(here: Callable[[Host], None]) -> None:
    """Otherwise all machines without an id would count as the same one."""
    here(dataclasses.replace(HERE, machine=""))
    assert owner.creator_lives(labels(dataclasses.replace(HERE, machine="", boot="22222222"))) is None
    here(Host("ci", owner.UNKNOWN, "0"))
    assert owner.creator_lives(labels(Host("other", owner.UNKNOWN, "0"))) is None


def test_what_outlives_a_boot_is_the_machines(here: Callable[[Host], None]) -> None:
    """A prepared database whose directory is missing here may belong to another machine of the same name."""
    names = set()
    for one in (
        HERE,
        dataclasses.replace(HERE, machine="bbbbbbbbbbbb"),
        AGENT,
        dataclasses.replace(AGENT, space="1"),
    ):
        here(one)
        names.add(owner.host_name())
    here(dataclasses.replace(HERE, boot="22222222"))
    assert (len(names), owner.host_name() in names) == (4, True)


def test_a_host_is_read_as_it_is_written() -> None:
    """Labels must survive writing and reading, and must not contain the machine's id, which is confidential."""
    assert [Host.read(str(one)) for one in (HERE, AGENT, owner.host())] == [HERE, AGENT, owner.host()]
    with contextlib.suppress(OSError):
        assert Path("/etc/machine-id").read_text(encoding="ascii").strip()[:8] not in owner.host_identity()


@pytest.mark.engine
def test_a_private_directory_of_another_container_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: Callable[[Host], None], engine: DockerClient
) -> None:
    """Containers may share a cache, and small pids exist in each of them."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    pid = owner.session().split("-")[0]
    mine, other, dead = (f"{pid}-{started}-{secrets.token_hex(3)}" for started in ("1", "2", "3"))
    for session, host in ((mine, None), (other, AGENT), (dead, HERE)):
        monkeypatch.setenv(owner.SESSION_VARIABLE, session)
        here(host or HERE)
        private.directory()
    here(HERE)
    monkeypatch.setattr(Runners, "_namespaces", {AGENT.space})
    monkeypatch.setattr(leftovers, "_labelled", lambda _: ())
    leftovers.sweep(engine)
    assert [path.name for path in (tmp_path / "private").iterdir()] == [other]


@pytest.mark.parametrize(("seen", "lives"), [({AGENT.space}, True), (set(), False), (None, None)])
def test_from_the_machine_its_containers_are_seen(
    here: Callable[[Host], None], monkeypatch: pytest.MonkeyPatch, seen: set[str] | None, lives: bool | None
) -> None:
    """A namespace with a process means a live run; if some namespaces are hidden, that is unknown."""
    here(HERE)
    monkeypatch.setattr(Runners, "_namespaces", seen)
    assert Runners(DockerClient.__new__(DockerClient)).lives(labels(AGENT)) is lives


def test_every_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's namespace is included; one hidden process, or not being root, makes the result unknown."""
    asked = Runners(DockerClient.__new__(DockerClient))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(owner, "namespace", lambda pid: AGENT.space if pid == str(os.getpid()) else HERE.space)
    assert {AGENT.space, HERE.space} <= (asked._namespaces or set())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Runners(asked.client)._namespaces is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def hidden(_: str) -> str:
        raise PermissionError

    monkeypatch.setattr(owner, "namespace", hidden)
    assert Runners(asked.client)._namespaces is None
