"""A plain Debian base is obtained from one of several sources, with clear errors if none works."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from docker import DockerClient

from harness.common.notify import Notify
from harness.errors import InfrastructureError, UsageError
from harness.images import Images, bootstrap
from harness.images.mirror import Mirror
from harness.releases import Suite

pytestmark = pytest.mark.engine
NOBODYS = Suite("no-such-suite")
NOWHERE = Mirror("http://127.0.0.1:9/debian")


WAYS = {
    "everywhere": (NOWHERE, UsageError, "RT_HARNESS_BASE is 'everywhere'"),
    "registry": (NOWHERE, InfrastructureError, "No registry answered for debian:no-such-suite-slim"),
    "auto": (Mirror(), InfrastructureError, "this machine's apt names no Debian mirror"),
    "mirror": (NOWHERE, InfrastructureError, "Debian no-such-suite could not be bootstrapped"),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_a_sentence(engine: DockerClient, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The error must name the source that was tried and the repair, and no partial image may stay."""
    monkeypatch.setenv(bootstrap.VARIABLE, way)
    sources, error, said = WAYS[way]
    with pytest.raises(error, match=said) as caught:
        bootstrap.origin(engine, NOBODYS, sources, lambda _: None)
    assert "What to do: " in str(caught.value)
    tags = [tag for one in engine.api.images() for tag in one["RepoTags"] or []]
    assert not [tag for tag in tags if "no-such-suite" in tag]


def test_the_registry_is_not_asked_where_the_mirror_was_named(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the mirror is requested, no registry must be asked; a slow registry is given up after four seconds."""
    asked: list[str] = []

    def absent(_: DockerClient, name: str, __: Notify) -> str:
        asked.append(name)
        return "No registry answered."

    monkeypatch.setattr(bootstrap, "_from_registry", absent)
    for way in ("mirror", "auto"):
        monkeypatch.setenv(bootstrap.VARIABLE, way)
        with pytest.raises(InfrastructureError, match="no Debian mirror"):
            bootstrap.origin(engine, NOBODYS, Mirror(), lambda _: None)
    assert asked == ["debian:no-such-suite-slim"]


def test_a_base_from_another_source_is_another_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one at hand the variable changed nothing, and a misspelt one was taken for a yes.

    The tags of `auto`, the default, do not depend on it: nobody's images are built anew.
    """
    there = cast("DockerClient", SimpleNamespace(images=SimpleNamespace(get=lambda _: None)))
    images = Images(there, sources=NOWHERE)
    tags = {}
    for way in ("auto", "registry", "mirror"):
        monkeypatch.setenv(bootstrap.VARIABLE, way)
        tags[way] = images.base(NOBODYS)
    assert len({*tags.values()}) == 3
    monkeypatch.setenv(bootstrap.VARIABLE, "everywhere")
    with pytest.raises(UsageError, match="RT_HARNESS_BASE is 'everywhere'"):
        images.base(NOBODYS)
    monkeypatch.delenv(bootstrap.VARIABLE)
    assert images.base(NOBODYS) == tags["auto"]
