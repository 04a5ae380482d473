"""`make distclean` removes what the harness made, and no other files or resources beside it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.images import Image

from harness import leftovers
from harness.common import cache, owner
from harness.common.plan import Status, Step
from harness.common.timings import Timings
from harness.engine import kept
from harness.images import MANAGED_LABEL
from harness.marathon.standin.state import State
from harness.setup.engine import ATTEMPTS, link_programs
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
OTHERS = (
    "engine-docs/read.me",
    "engine-firmware/blob",
    "engine-turbines/iptables",
    "facts/mine.json",
    "facts/tmpfiles_ab",
    "key.pem",
    "letters/to-mother.txt",
    "locks/front-door.lock",
    "locks/timings.lock",
    "logs/build-website.log",
    "logs/engine.log",
    "logs/mine.log",
    "marathon/address",
    "marathon/state.json",
    "marathon/state.of-my-legs",
    "notes.txt",
    "private/2019-01-backup/diary",
    "private/my-own-notes/diary",
    "runs/marathon.json",
    "timings/steps.csv",
    "timings/steps.json",
)
Asked = dict[str, list[str]]


@pytest.fixture
def asked(engine: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Use a cache of the test's own; removals on the engine are recorded and not done, as others work on it."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    found: Asked = {"image": [], "volume": []}
    monkeypatch.setattr(engine.api, "remove_image", lambda name, **_: found["image"].append(name))
    monkeypatch.setattr(engine.api, "remove_volume", lambda name, **_: found["volume"].append(name))
    return found


def names(folder: Path) -> list[str]:
    """Return the paths of all files below a directory."""
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.mark.usefixtures("asked")
def test_in_a_directory_that_is_somebodys_home(engine: DockerClient, tmp_path: Path) -> None:
    """The harness recommends to name a directory of one's own, which may contain other files."""
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    (tmp_path / "engine-firmware" / "iptables").symlink_to("blob")
    cache.cached(lambda: 1, "something")
    cache.secret()
    assert (tmp_path / "key").exists()
    leftovers.sweep(engine)  # as each run does at its start
    kept.remove(engine)
    assert names(tmp_path) == sorted([*OTHERS, "engine-firmware/iptables"])
    (tmp_path / "key").write_text("of a door")
    kept.remove(engine)
    assert (tmp_path / "key").exists()


@pytest.mark.usefixtures("asked")
def test_all_that_the_harness_makes_goes(engine: DockerClient, lifecycle: Lifecycle, tmp_path: Path) -> None:
    """Files recognised by their content must be recognised in the form in which they are really written."""
    cache.secret()
    cache.cached(lambda: 1, "something")
    digest, session = cache.digest(), owner.session()
    tag = lifecycle.server_image("mariadb-10.11").rpartition(":")[2]
    for name in (
        "apt",
        "engine",
        "timings",
        "build-slot-0",
        f"image-{tag}",
        f"image-{digest}",
        f"baseline-{digest}",
        f"baseline-private-{digest}",
        f"network-{session}",
    ):
        with cache.lock(name):
            pass
    Timings().remember(Step('a "gate"', [Step("images", status=Status.DONE)], status=Status.DONE))
    State(cache.directory("marathon")).save(0)
    for attempt in ATTEMPTS:
        link_programs(attempt.programs)
    for name, text in (
        ("marathon/address", "http://127.0.0.1:8080"),
        ("logs/build-rt-harness_rt_5.0.3.log", "Step 1"),
        ("logs/engine.log", 'time="2026-11-26T01:29:14.4Z" level=info msg="libcontainerd: started"\n'),
        (f"facts/{digest}.abcd_123.new", "{"),
        (f"baselines/{digest}.new", "{"),
        (f"runs/{digest}.0123456789ab", "{"),
        (f"private/{session}/raw", "data"),
    ):
        (cache.directory(str(Path(name).parent)) / Path(name).name).write_text(text)
    kept.remove(engine)
    assert list(tmp_path.rglob("*")) == []


@pytest.fixture
def ours(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[Image]:
    """Return an image of the harness with two names, ours and one for a registry, and an image built from it."""
    tag = secrets.token_hex(4)
    container = engine.containers.create(lifecycle.server_image("mariadb-10.11"))
    names = [f"rt-harness/trial:{tag}", f"registry.example.org/rt-harness/trial:{tag}", f"trial/derived:{tag}"]
    try:
        label = f'LABEL {MANAGED_LABEL}="1"'
        image = container.commit("rt-harness/trial", tag, changes=label)
        image.tag("registry.example.org/rt-harness/trial", tag)
        container.commit("trial/derived", tag, changes=label)
        image.reload()
        yield image
    finally:
        container.remove(v=True)
        for name in names:
            engine.images.remove(name)


def test_names_from_elsewhere_stay(engine: DockerClient, ours: Image, asked: Asked) -> None:
    """An image tagged for a registry, or built by a site from ours, is no longer the harness's."""
    tag = ours.tags[0].rpartition(":")[2]
    kept.remove(engine)
    assert [name for name in asked["image"] if name.endswith(tag)] == [f"rt-harness/trial:{tag}"]


@pytest.fixture
def databases(engine: DockerClient, tmp_path: Path) -> Iterator[list[str]]:
    """Return names of prepared databases: of this cache, of another one on this host, and of another host."""
    (tmp_path / "baselines").mkdir()
    mine = {owner.CACHE: "baseline", owner.BASELINE: "x", owner.HOST: owner.host_name()}
    mine |= {owner.PLACE: str(tmp_path / "baselines")}
    all_labels = (mine, mine | {owner.PLACE: str(tmp_path)}, mine | {owner.HOST: "elsewhere.example.org"})
    made = [engine.volumes.create(f"rt-harness-{secrets.token_hex(4)}", labels=labels) for labels in all_labels]
    yield [str(volume.name) for volume in made]
    for volume in made:
        volume.remove()


def test_prepared_databases_of_others_stay(engine: DockerClient, databases: list[str], asked: Asked) -> None:
    """On a shared engine, kept data of another cache must be left to its owner."""
    kept.remove(engine)
    assert [name for name in asked["volume"] if name in databases] == databases[:1]


@pytest.fixture
def noted(engine: DockerClient, tmp_path: Path) -> Iterator[list[str]]:
    """Return names of volumes in notes: one of this cache under another host name and path, and others."""
    labels = {owner.HOST: "another-agent", owner.PLACE: "../cache/baselines"}
    key, other = cache.digest("mine"), cache.digest("another's")
    made = [
        engine.volumes.create(f"{beginning}-{secrets.token_hex(3)}", labels=labels | more)
        for beginning, more in (
            (f"rt-harness-baseline-{key}", {owner.CACHE: "baseline", owner.BASELINE: key}),
            (f"rt-harness-baseline-{key}", {}),
            ("somebodys-wiki", {owner.CACHE: "baseline", owner.BASELINE: other}),
        )
    ]
    names = [str(volume.name) for volume in made]
    (tmp_path / "baselines").mkdir()
    for stem, name in ((key, names[0]), (cache.digest("x"), names[1]), (other, names[2]), ("mine", names[0])):
        (tmp_path / "baselines" / f"{stem}.json").write_text(json.dumps({"volume": name}))
    for stem, text in (
        ("broken", "{"),
        ("list", "[1]"),
        ("of a gone one", json.dumps({"volume": f"{names[0]}-gone"})),
    ):
        (tmp_path / "baselines" / f"{cache.digest(stem)}.json").write_text(text)
    yield names
    for volume in made:
        volume.remove()


def test_what_the_cache_itself_knows_goes_under_any_name_of_its_host(
    engine: DockerClient, noted: list[str], asked: Asked
) -> None:
    """An agent in a container has another name in each run, so kept copies of real data would stay for ever."""
    removed = kept.remove(engine)
    assert [name for name in asked["volume"] if name in noted] == noted[:1]
    assert f"volume {noted[0]}" in removed


def test_what_somebody_else_removed_meanwhile_is_gone(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Others use the same engine, so an image that vanished after it was listed must not end the removal."""
    gone = {"Id": f"sha256:{secrets.token_hex(32)}", "RepoTags": [f"rt-harness/trial:{secrets.token_hex(4)}"]}
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(engine.api, "images", lambda *_, **__: [gone, {"Id": gone["Id"], "RepoTags": None}])
    assert kept.remove(engine) == []
