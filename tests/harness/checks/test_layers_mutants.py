"""A secret that a later layer deletes is still in the image, and can be read after a pull."""

from __future__ import annotations

import contextlib
import io
import secrets
import shlex
import tarfile
from collections.abc import Iterable, Iterator

import pytest
from docker import DockerClient

from fixtures.tally import Tally
from harness.checks import layers
from harness.common import owner
from harness.errors import InfrastructureError
from tests.harness.mutants.layers import HARMLESS, MUTANTS


def archive(files: Iterable[tuple[str, str]]) -> bytes:
    """Return the files as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for path, text in files:
            member = tarfile.TarInfo(path)
            member.size = len(text)
            made.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@contextlib.contextmanager
def image_of(engine: DockerClient, base: str, files: list[tuple[str, str]]) -> Iterator[str]:
    """Make an image in which one layer adds files and the next one deletes them; remove it afterwards."""
    paths = " ".join(shlex.quote(f"/{path}") for path, _ in files)
    text = f"FROM {base}\nADD files.tar /\nRUN ls {paths} && rm {paths}\n"
    tag = f"rt-harness/planted:{secrets.token_hex(6)}"
    context = archive([("Dockerfile", text), ("files.tar", archive(files).decode())])
    engine.images.build(fileobj=io.BytesIO(context), custom_context=True, tag=tag, rm=True, forcerm=True)
    try:
        yield tag
    finally:
        engine.images.remove(tag, force=True)


@pytest.mark.engine
def test_every_secret_of_an_earlier_layer_is_found(engine: DockerClient, tiny_image: str, tally: Tally) -> None:
    """Each must be reported by path and layer; a container would show none of them."""
    with image_of(engine, tiny_image, [(mutant.path, mutant.text) for mutant in MUTANTS]) as tag:
        shown = engine.containers.run(
            tag, ["sh", "-c", "find / -xdev -type f"], remove=True, labels=owner.labels("planted")
        ).decode()
        report = layers.check(engine, tag)
    assert not any(f"/{mutant.path}\n" in shown for mutant in MUTANTS)
    found = "\n".join(text for finding in report.findings for _, text in finding.blocks).splitlines()
    for mutant in MUTANTS:
        tally(mutant.name, mutant.check, mutant.path in found)
    assert len(report.findings) == 1, str(report)


@pytest.mark.engine
@pytest.mark.control("layers")
def test_what_is_no_secret_is_left_alone(engine: DockerClient, tiny_image: str) -> None:
    """Files of packages, and a setting without a password, must cause no finding."""
    with image_of(engine, tiny_image, list(dict(HARMLESS).items())) as tag:
        report = layers.check(engine, tag)
    assert report, str(report)
    assert not any(layers.secret(path, text.encode()) for path, text in HARMLESS)


@pytest.mark.engine
@pytest.mark.mutants("layers")
@pytest.mark.parametrize("line", ["ENV RT_DB_PASSWORD=sesame", "RUN PASSWORD=sesame true"], ids=["env", "command"])
def test_a_secret_in_the_commands_is_found(engine: DockerClient, tiny_image: str, line: str) -> None:
    """The commands of a build are stored in the image."""
    tag = f"rt-harness/planted:{secrets.token_hex(6)}"
    text = f"FROM {tiny_image}\n{line}\n"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=tag, rm=True, forcerm=True)
    try:
        report = layers.check(engine, tag)
    finally:
        engine.images.remove(tag, force=True)
    assert [finding.where for finding in report.findings] == ["commands"]
    assert "sesame" not in str(report), "the report is read by more people than the image"


@pytest.mark.engine
def test_a_layer_that_was_not_handed_out_is_no_pass(
    engine: DockerClient, tiny_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unread layer proves nothing. No engine leaves one out on request, so the reader is changed to do so."""
    whole = layers.read_layers
    monkeypatch.setattr(layers, "read_layers", lambda pieces: list(whole(pieces))[1:])
    with pytest.raises(InfrastructureError, match=r"handed out \d of the \d layers"):
        layers.check(engine, tiny_image)
