"""Images keep their promises when they are built, named by the user, or pulled."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from fixtures import gate as program
from fixtures import gate_command
from harness.common import owner
from harness.database import Database
from harness.database.address import Credentials
from harness.dump.choice import DEFAULT_SERVER, DEFAULT_TARGET
from harness.errors import InfrastructureError, UsageError
from harness.images import ImageBuildError, Images
from harness.images.named import OVERRIDE_VARIABLE, digest_of, is_pinned
from harness.marathon.in_image import need_scratch_switch
from harness.releases import server
from harness.stage.visitor import untested_of_image
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.dump.dump_files import FORMATS

pytestmark = pytest.mark.engine
FIRST = "/docker-entrypoint-initdb.d"
BY_SQL = b"CREATE TABLE made (word VARCHAR(20)); INSERT INTO made VALUES ('sql');"
BY_SH = b"""client=$(command -v mariadb || command -v mysql)
echo "INSERT INTO made VALUES ('sh')" | "$client" --no-defaults --socket=/run/mysqld/mysqld.sock -uroot rt
"""
PACKED = {"gz": FORMATS["gzip"], "xz": FORMATS["xz"], "zst": FORMATS["zstd"]}


def test_the_server_runs_what_is_mounted_for_its_first_start(lifecycle: Lifecycle) -> None:
    """The official images' contract: scripts run in order, in the database named by the environment."""
    files = [(f"{FIRST}/1-table.sql", BY_SQL), (f"{FIRST}/2-row.sh", BY_SH)]
    for number, (name, packed) in enumerate(PACKED.items(), 3):
        files.append((f"{FIRST}/{number}-row.sql.{name}", packed(f"INSERT INTO made VALUES ('{name}')".encode())))
    database = Database(
        lifecycle.client,
        server(DEFAULT_SERVER),
        lifecycle.server_image(DEFAULT_SERVER),
        Credentials("mine", "roots"),
        first_start=True,
        files=files,
    )
    try:
        assert database.rows("SELECT word FROM made") == [("sql",), ("sh",), *((name,) for name in PACKED)]
    finally:
        database.remove()


LIKE_THE_OFFICIAL_ONES = """FROM {image}
RUN cd /usr/local/bin && mv docker-entrypoint.sh own.sh && printf '%s\\n' '#!/bin/sh' \\
    'case "$1" in -*) set -- own.sh "$@" ;; esac; exec "$@"' >docker-entrypoint.sh && \\
    chmod 755 docker-entrypoint.sh
"""


@pytest.fixture
def official(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[str]:
    """Build a server image with an entry point like the official images': it puts the server before options."""
    text = LIKE_THE_OFFICIAL_ONES.format(image=lifecycle.server_image(DEFAULT_SERVER))
    name = f"rt-harness-named/official:{owner.session()}"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True)
    yield name
    engine.images.remove(name)


def test_a_server_image_as_the_official_ones_can_be_named(
    lifecycle: Lifecycle, official: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another word before the options would be run as a program there, and end the container."""
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"{DEFAULT_SERVER}={official}")
    database = Database(
        lifecycle.client,
        server(DEFAULT_SERVER),
        lifecycle.server_image(DEFAULT_SERVER),
        Credentials("mine", "roots"),
        first_start=True,
    )
    try:
        named = lifecycle.client.images.get(official).id
        assert database.container.docker.attrs["Image"] == named
        assert database.value("SELECT DATABASE()") == "rt"
    finally:
        database.remove()


@pytest.fixture
def named(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[str]:
    """Tag an image with a name that is neither the harness's nor another worker's."""
    name = f"rt-harness-named/rt:mine-{os.getpid()}"
    engine.images.get(lifecycle.rt_image(DEFAULT_TARGET)).tag(*name.split(":"))
    yield name
    engine.images.remove(name, noprune=True)


def test_an_image_that_was_named_is_the_one_that_runs(
    lifecycle: Lifecycle, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate on the image that will be deployed must not judge another one."""
    built = lifecycle.rt_image("4.4.6")
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"mariadb-10.5=other:1, rt-{DEFAULT_TARGET}={named}")
    tools = lifecycle.tools(DEFAULT_TARGET, None)
    try:
        assert tools.container.docker.attrs["Image"] == lifecycle.client.images.get(named).id
        assert lifecycle.rt_image(DEFAULT_TARGET) != named, "what is remembered of it must not outlive its content"
        assert lifecycle.rt_image("4.4.6") == built
    finally:
        tools.remove()


def test_an_image_that_nobody_has_is_wrong_usage(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error must name the variable, and a built image must not be used instead."""
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"rt-{DEFAULT_TARGET}=registry.invalid/rt:none")
    with pytest.raises(UsageError, match=rf"registry\.invalid/rt:none is neither .*(?s:.*){OVERRIDE_VARIABLE}"):
        lifecycle.rt_image(DEFAULT_TARGET)


def test_a_build_that_fails_says_its_last_words(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """The reason is at the end of a long log, so its last lines must be in the error."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM {lifecycle.server_image(DEFAULT_SERVER)}\nRUN seq 1000; echo 'no room for the package'; exit 7\n"
    )
    tag = f"rt-harness/rt:never-built-{secrets.token_hex(3)}"
    with pytest.raises(ImageBuildError) as caught:
        Images(lifecycle.client)._build(tag, tmp_path, {})
    (title, last), (_, log) = caught.value.blocks
    assert title == "Last lines of the build"
    assert "no room for the package" in last
    assert "returned a non-zero code: 7" in last.splitlines()[-1]
    assert "\n1\n" not in last
    assert "\n1\n" in Path(log).read_text(encoding="utf-8")
    with pytest.raises(ImageNotFound):
        lifecycle.client.images.get(tag)


def test_what_is_not_asked_of_a_named_image_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """All checks run in it, but none tests its health check or its shutdown, so the user must be told."""
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"rt-{DEFAULT_TARGET}=registry.invalid/rt:1")
    tag, said = untested_of_image(DEFAULT_TARGET)
    assert "whether registry.invalid/rt:1 is the same image elsewhere" in tag
    assert "NAME@sha256:" in tag, "what to do"
    assert f"pytest tests/smoke -k '[{DEFAULT_TARGET}'" in said
    assert untested_of_image("4.4.4") == []
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"rt-{DEFAULT_TARGET}=registry.invalid/rt@sha256:{'0a' * 32}")
    assert untested_of_image(DEFAULT_TARGET) == [said], "a digest leads to one image, wherever it is pulled"


def test_a_named_image_is_noted_by_its_name_and_by_what_that_means(
    lifecycle: Lifecycle, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict on a tag must record which image it was; a built one has its name from its content."""
    gate = program.Gate(gate_command.parser().parse_args([]))
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"rt-{DEFAULT_TARGET}={named}")
    gate._image(f"RT {DEFAULT_TARGET}", lifecycle.rt_image(DEFAULT_TARGET), lifecycle)
    gate._image("RT 4.4.6", lifecycle.rt_image("4.4.6"), lifecycle)
    own, built = gate.facts.images
    assert (own.tag, own.id) == (named, lifecycle.client.images.get(named).id)
    assert built.tag.startswith("rt-harness/rt:")
    assert [one for one in gate.outcome.remarks if own.tag in one and own.id in one and "no registry" in one]
    assert not any(built.tag in one for one in gate.outcome.remarks)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry.example.org:5000/rt:5.0.3-1", "registry.example.org:5000/rt@sha256:0a"),
        ("registry.example.org:5000/rt", "registry.example.org:5000/rt@sha256:0a"),
        ("mirror.example.org/rt:5.0.3-1", "mirror.example.org/rt@sha256:0b"),
        ("rt:5.0.3-1", "mirror.example.org/rt@sha256:0b"),
    ],
)
def test_the_digest_is_that_of_the_registry_which_was_named(image: str, expected: str) -> None:
    """An image in two registries has a name with digest for each."""
    known = ["mirror.example.org/rt@sha256:0b", "registry.example.org:5000/rt@sha256:0a"]
    images = SimpleNamespace(get=lambda _: SimpleNamespace(attrs={"RepoDigests": known}))
    assert digest_of(cast("DockerClient", SimpleNamespace(images=images)), image) == expected
    assert [is_pinned(one) for one in (image, expected)] == [False, True]


def test_a_build_leaves_no_stage_behind(engine: DockerClient, tiny_image: str) -> None:
    """The classic builder keeps each stage as an unnamed image: a third of a gigabyte per build."""
    key = tiny_image.rpartition(":")[2]
    assert engine.api.images(filters={"dangling": True, "label": f"rt-harness.stage={key}"}) == []


def test_a_trial_needs_an_image_that_keeps_to_its_own_database(lifecycle: Lifecycle) -> None:
    """An older image would follow production's own files to its database, whatever the definition says."""
    need_scratch_switch(lifecycle.client, lifecycle.rt_image(DEFAULT_TARGET))
    need_scratch_switch(lifecycle.client, "registry.invalid/rt:only-on-the-agents")
    with pytest.raises(InfrastructureError, match="does not know the switch RT_SCRATCH"):
        need_scratch_switch(lifecycle.client, lifecycle.server_image(DEFAULT_SERVER))
