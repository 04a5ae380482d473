"""The engine tells whether a run in a container is alive, and no other run is taken for dead."""

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

from harness import engine as engines
from harness import leftovers
from harness.common import cache, owner, private
from harness.common.owner import Host
from harness.engine import runners
from harness.engine.runners import Runners
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.elsewhere import AGENT, labels, only

Runner = Callable[..., Container]


@pytest.fixture
def runner(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[Runner]:
    """Return a function that starts containers as a CI server does, outside of the harness."""
    image, made = lifecycle.server_image("mariadb-10.11"), list[Container]()

    def start(name: str | None = None) -> Container:
        made.append(engine.containers.run(image, ["infinity"], entrypoint="sleep", detach=True, hostname=name))
        return made[-1]

    yield start
    for one in made:
        with contextlib.suppress(NotFound):
            one.remove(force=True, v=True)


@pytest.fixture
def inside(
    here: Callable[[Host], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Host, str], None]:
    """Return a function that makes this process appear to run in a container, unconfirmed, with these mounts."""

    def enter(host: Host, mounts: str) -> None:
        here(host)
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
        (tmp_path / "mountinfo").write_text(mounts)
        monkeypatch.setattr(runners, "MOUNTS", tmp_path / "mountinfo")
        monkeypatch.setattr(owner, "_confirmed", set())

    return enter


def mounts_of(container: Container) -> str:
    """Return the mounts that a process in a container sees."""
    said = container.exec_run(["cat", "/proc/self/mountinfo"]).output
    assert isinstance(said, bytes)
    return said.decode()


@pytest.mark.engine
@pytest.mark.parametrize("name", [None, f"agent-{secrets.token_hex(4)}"], ids=["by-id", "by-name"])
def test_what_a_killed_run_in_a_container_left_goes(
    engine: DockerClient,
    runner: Runner,
    inside: Callable[[Host, str], None],
    monkeypatch: pytest.MonkeyPatch,
    name: str | None,
) -> None:
    """The next run has another name and other pids, so the copy of the data would stay for ever."""
    other = runner(name)
    inside(Host(name or str(other.id)[:12], "11111111", "4026532888"), mounts_of(other))
    with contextlib.closing(engines.connect()):
        found = labels(owner.host())
    assert found[owner.RUNNER] == f"{other.id}@{engine.info()['ID']}"
    volume = engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=found)
    monkeypatch.setattr(leftovers, "_labelled", only(volume.name))
    try:
        inside(AGENT, "")
        assert (leftovers.sweep(engine), Runners(engine).lives(found), leftovers.describe_undecided(engine)) == (
            [],
            True,
            "",
        )
        other.pause()
        assert Runners(engine).lives(found) is True
        other.unpause()
        elsewhere = {**found, owner.RUNNER: f"{other.id}@another-engine"}
        other.remove(force=True, v=True)
        assert Runners(engine).lives(elsewhere) is None, "a run on another engine is not asked for here"
        assert leftovers.sweep(engine) == [f"volume {volume.name}"]
    finally:
        with contextlib.suppress(NotFound):
            volume.remove()


@pytest.mark.engine
@pytest.mark.parametrize("state", ["created", "exited"])
def test_a_container_that_does_not_run_has_no_run(engine: DockerClient, runner: Runner, state: str) -> None:
    """Many CI servers keep the container of a run that was killed."""
    image = runner().image
    assert image is not None
    made = engine.containers.create(str(image.id), ["-c", ":"], entrypoint="sh")
    try:
        if state == "exited":
            made.start()
            made.wait()
        found = {**labels(AGENT), owner.RUNNER: f"{made.id}@{engine.info()['ID']}"}
        assert Runners(engine).lives(found) is False
    finally:
        made.remove(force=True, v=True)


@pytest.mark.engine
@pytest.mark.parametrize("name", ["ci", "agent-7", "0123456789ab"], ids=["machine", "lxc", "another-engine"])
def test_a_name_that_no_container_here_bears_is_no_dead_run(
    engine: DockerClient, runner: Runner, here: Callable[[Host], None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A live run in LXC, or in a container of another engine on this machine, may use this engine too."""
    here(dataclasses.replace(AGENT, name=str(runner().id)[:12]))
    found = labels(Host(name, "11111111", "4026532888"))
    volume = engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=found)
    monkeypatch.setattr(leftovers, "_labelled", only(volume.name))
    try:
        assert leftovers.sweep(engine) == []
        assert f"docker volume rm {volume.name}" in leftovers.describe_undecided(engine)
    finally:
        volume.remove()


@pytest.mark.engine
def test_only_an_engine_that_knows_it_confirms_a_container(
    engine: DockerClient, inside: Callable[[Host, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next run would ask this engine for another one's container, and take it for dead."""
    strange = f"1 2 0:1 /containers/{secrets.token_hex(32)}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
    for mounts in (strange, ""):
        inside(AGENT, mounts)
        runners.confirm(engine)
        assert owner.RUNNER not in owner.labels("test")
    monkeypatch.setattr(runners, "MOUNTS", Path("/no/such/file"))
    runners.confirm(engine)
    assert owner.runner() == ""


def test_who_uses_two_engines_is_asked_for_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two engines, resources on one would be labelled with the other's confirmation."""
    monkeypatch.setattr(owner, "_confirmed", set())
    owner.runs_in("a" * 64, "first")
    owner.runs_in("a" * 64, "first")
    assert owner.labels("test")[owner.RUNNER] == f"{'a' * 64}@first"
    owner.runs_in("a" * 64, "second")
    assert owner.RUNNER not in owner.labels("test")


@pytest.mark.engine
def test_a_private_directory_tells_its_runner_too(
    engine: DockerClient,
    runner: Runner,
    here: Callable[[Host], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Raw data of a run whose container is gone must not stay in a shared cache."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(leftovers, "_labelled", lambda _: ())
    made = runner()
    here(AGENT)
    for engine_id in (engine.info()["ID"], "another-engine"):
        monkeypatch.setenv(owner.SESSION_VARIABLE, f"{os.getpid()}-1-{secrets.token_hex(3)}")
        monkeypatch.setattr(owner, "_confirmed", {f"{made.id}@{engine_id}"})
        private.directory()
    here(dataclasses.replace(AGENT, space="4026532888"))
    leftovers.sweep(engine)
    assert len(list((tmp_path / "private").iterdir())) == 2
    made.remove(force=True, v=True)
    leftovers.sweep(engine)
    assert [one.name for one in (tmp_path / "private").iterdir()] == [owner.session()]


@pytest.mark.engine
def test_clean_names_what_it_leaves(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The message "nothing was left behind" must not appear if a copy of a site's data may stay."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    found = labels(Host("agent-7", "22222222", "4026532888"))
    volume = engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=found)
    monkeypatch.setattr(leftovers, "_labelled", only(volume.name))
    monkeypatch.setattr(leftovers, "_remove_forgotten", lambda _: [])
    try:
        assert leftovers.main([]) == 0
        said = capsys.readouterr().out
    finally:
        volume.remove()
    assert "run on agent-7 lives cannot be seen from here" in said
    assert f"docker volume rm {volume.name}" in said
    assert "nothing was left behind" not in said
