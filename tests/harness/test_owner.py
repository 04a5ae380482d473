"""Whose a thing is: of a machine by its own id, of a container by the engine; nobody's run is taken for dead."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from harness import leftovers
from harness.common import cache, owner
from harness.common.owner import Host
from harness.engine.runners import Runners
from harness.upgrade.lifecycle import Lifecycle

HERE = Host("ci", "11111111", owner.FIRST_NAMESPACE, "aaaaaaaaaaaa")
ENDED = {owner.PID: str(os.getpid()), owner.STARTED: "1"}
"""A process that is not there: its number was given out again."""
AGENT = Host("ci", "11111111", "4026532999")
"""A container on that machine, in the same boot of it."""
Runner = Callable[..., Container]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[Host], None]:
    """Return a function that has this process run elsewhere."""
    return lambda host: monkeypatch.setattr(owner, "host", lambda: host)


def labels(host: Host | str) -> dict[str, str]:
    """Return the labels of a thing whose creator ran there and has ended, if that can be seen."""
    return {**owner.labels("test"), **ENDED, owner.HOST: str(host)}


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
    ids=["here", "rebooted", "another-machine", "no-machine", "another-name", "renamed", "container", "of-before",
         "strange", "none"],
)  # fmt: skip
def test_a_name_is_not_a_machine(here: Callable[[Host], None], there: Host | str, lives: bool | None) -> None:
    """Two machines of one name may share an engine: a live run on one is no reboot of the other."""
    here(HERE)
    assert owner.creator_lives(labels(there)) is lives


def test_a_machine_without_an_id_knows_no_reboot(here: Callable[[Host], None]) -> None:
    """Else all machines that have none would be one."""
    here(dataclasses.replace(HERE, machine=""))
    assert owner.creator_lives(labels(dataclasses.replace(HERE, machine="", boot="22222222"))) is None
    here(Host("ci", owner.UNKNOWN, "0"))
    assert owner.creator_lives(labels(Host("other", owner.UNKNOWN, "0"))) is None


def test_what_outlives_a_boot_is_the_machines(here: Callable[[Host], None]) -> None:
    """A prepared database whose directory is missing here may be another one's of the same name."""
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
    """And this machine's id is in no label: it is nobody's business."""
    assert [Host.read(str(one)) for one in (HERE, AGENT, owner.host())] == [HERE, AGENT, owner.host()]
    with contextlib.suppress(OSError):
        assert Path("/etc/machine-id").read_text(encoding="ascii").strip()[:8] not in owner.host_identity()


def test_a_private_directory_of_another_container_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: Callable[[Host], None], engine: DockerClient
) -> None:
    """Containers may share a cache, and in each of them there is a process of every small number."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    pid = owner.session().split("-")[0]
    mine, other, dead = (f"{pid}-{started}-{secrets.token_hex(3)}" for started in ("1", "2", "3"))
    for session, host in ((mine, None), (other, AGENT), (dead, HERE)):
        monkeypatch.setenv(owner.SESSION_VARIABLE, session)
        here(host or HERE)
        leftovers.private_directory()
    here(HERE)
    monkeypatch.setattr(Runners, "_namespaces", {AGENT.space})
    monkeypatch.setattr(leftovers, "_labelled", lambda _: ())
    leftovers.sweep(engine)
    assert [path.name for path in (tmp_path / "private").iterdir()] == [other]


@pytest.mark.parametrize(("seen", "lives"), [({AGENT.space}, True), (set(), False), (None, None)])
def test_from_the_machine_its_containers_are_seen(
    here: Callable[[Host], None], monkeypatch: pytest.MonkeyPatch, seen: set[str] | None, lives: bool | None
) -> None:
    """Where there is a process in a namespace, somebody lives; who may not look at all of them does not know."""
    here(HERE)
    monkeypatch.setattr(Runners, "_namespaces", seen)
    assert Runners(DockerClient.__new__(DockerClient)).lives(labels(AGENT)) is lives


def test_every_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is one; with a single one that is hidden nothing is known, and it may be for who is not root."""
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


@pytest.fixture
def runner(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[Runner]:
    """Start containers as a CI server does for its runs, which are none of the harness's own."""
    image, made = lifecycle.server_image("mariadb-10.11"), list[Container]()

    def start(name: str | None = None) -> Container:
        made.append(engine.containers.run(image, ["infinity"], entrypoint="sleep", detach=True, hostname=name))
        return made[-1]

    yield start
    for one in made:
        with contextlib.suppress(NotFound):
            one.remove(force=True, v=True)


@pytest.mark.engine
@pytest.mark.parametrize("name", [None, f"agent-{secrets.token_hex(4)}"], ids=["by-id", "by-name"])
def test_what_a_killed_run_in_a_container_left_goes(
    engine: DockerClient, runner: Runner, here: Callable[[Host], None], monkeypatch: pytest.MonkeyPatch,
    name: str | None,
) -> None:  # fmt: skip
    """The next run has another name and other pids; the copy of the data would stay for ever."""
    other = runner(name)
    found = labels(Host(name or str(other.id)[:12], "11111111", "4026532888"))
    volume = engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=found)
    alone = dataclasses.replace(AGENT, name="not-of-this-engine")
    monkeypatch.setattr(leftovers, "_labelled", only(volume.name))
    try:
        here(alone)
        assert Runners(engine).lives(found) is None, "a run on another engine is not asked for here"
        here(dataclasses.replace(AGENT, name=str(runner().id)[:12]))
        leftovers.sweep(engine)
        assert (Runners(engine).lives(found), leftovers.doubtful(engine)) == (True, "")
        assert engine.volumes.get(volume.name)
        other.remove(force=True, v=True)
        here(alone)
        assert f"docker volume rm {volume.name}" in leftovers.doubtful(engine)
        here(dataclasses.replace(AGENT, name=str(runner().id)[:12]))
        assert leftovers.sweep(engine) == [f"volume {volume.name}"]
    finally:
        with contextlib.suppress(NotFound):
            volume.remove()


def only(name: str) -> Callable[[DockerClient], list[leftovers.Thing]]:
    """Return how things are listed, with this one alone: others work on this engine."""
    listed = leftovers._labelled
    return lambda client: [one for one in listed(client) if one[1] == name]


@pytest.mark.engine
def test_a_name_that_the_machine_lends_is_not_trusted(
    engine: DockerClient, runner: Runner, here: Callable[[Host], None]
) -> None:
    """A container may bear its machine's name, and then no other container's name tells that it has ended."""
    here(dataclasses.replace(AGENT, name=str(runner().id)[:12]))
    lent = Host(engine.info()["Name"], "11111111", "4026532888")
    assert Runners(engine).lives(labels(lent)) is None


@pytest.mark.engine
def test_clean_names_what_it_leaves(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """ "Nothing was left behind" beside a container with somebody's data is worse than no word."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    found = labels(Host("agent-7", "22222222", "4026532888"))
    volume = engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=found)
    monkeypatch.setattr(leftovers, "_labelled", only(volume.name))
    monkeypatch.setattr(leftovers, "_forgotten", lambda _: [])
    try:
        assert leftovers.main([]) == 0
        said = capsys.readouterr().out
    finally:
        volume.remove()
    assert "run on agent-7 lives cannot be seen from here" in said
    assert f"docker volume rm {volume.name}" in said
    assert "nothing was left behind" not in said
