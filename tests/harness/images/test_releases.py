"""The manifest of releases is read correctly, and gives the pairs, servers and mirrors."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from harness import dump, releases
from harness.dump import choice
from harness.errors import UsageError
from harness.images import mirror


def test_versions_sort_as_numbers() -> None:
    """As text, 5.0.10 would come before 5.0.3, and half of the pairs would run backwards."""
    found = list(releases.releases())
    assert found == sorted(found, key=lambda version: [int(number) for number in version.split(".")])
    assert found.index("5.0.10") > found.index("5.0.3")


def test_all_forward_pairs_on_all_servers() -> None:
    """A pair missing here would not be tested. Every release is a target of all earlier ones."""
    found = releases.pairs()
    known = list(releases.releases().values())
    wanted = {(one.version, later.version) for at, one in enumerate(known) for later in known[at + 1 :]}
    assert {(pair.origin, pair.target) for pair in found} == wanted
    assert len(found) == len(set(map(str, found))) == sum(at * len(one.servers) for at, one in enumerate(known))
    assert not [pair for pair in found if pair.server == "mysql-9.7" and pair.target in ("4.4.6", "5.0.3")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("4.4.6", "5.0.99", "mariadb-10.11"), "no RT release '5.0.99'"),
        (("5.0.3", "4.4.6", "mariadb-10.11"), "cannot go backwards"),
        (("4.4.6", "5.0.3", "mysql-9.7"), r"cannot run on mysql-9.7(?s:.*)a target that can: .*5\.0\.10"),
        (("4.4.6", "5.0.3", "oracle"), "no database server 'oracle'"),
        (("four", "5.0.3", "mariadb-10.11"), "'four' is not an RT release"),
    ],
)
def test_impossible_pairs_are_refused_with_what_to_do(arguments: tuple[str, str, str], sentence: str) -> None:
    """A usage error must be a sentence with a repair, not a traceback."""
    with pytest.raises(UsageError, match=sentence) as caught:
        releases.pair(*arguments)
    assert caught.value.repair
    assert caught.value.exit_code == 3


def test_an_origin_without_an_image_is_fine() -> None:
    """A dump of 4.4.8 or 5.0.1 can be upgraded without an image of that release."""
    assert str(releases.pair("4.4.8", "5.0.10", "mysql-9.7")) == "4.4.8-to-5.0.10@mysql-9.7"


def test_every_release_has_a_list_of_its_upgrade_steps() -> None:
    """Each has those of the one before, and its own up to itself, if it has any."""
    names = [list(releases.promised_steps(version)) for version in releases.releases()]
    assert all(set(earlier) <= set(later) for earlier, later in itertools.pairwise(names))
    for version, steps in zip(releases.releases(), names, strict=True):
        assert steps == sorted(steps, key=releases.parse)
        assert releases.parse(steps[-1]) <= releases.parse(version)


def test_a_target_without_a_list_of_its_steps_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an image lacks would be known to nobody."""
    monkeypatch.setattr(releases, "STEPS", tmp_path)
    with pytest.raises(UsageError, match=r"which upgrade steps RT 5\.0\.3 has") as caught:
        releases.pair("4.4.6", "5.0.3", "mariadb-10.11")
    assert "harness.upgrade.promised_steps 5.0.3" in caught.value.repair


@pytest.mark.parametrize(("origin", "target", "server"), [("", None, None), (None, "", None), (None, None, "")])
def test_what_is_said_and_empty_is_not_unsaid(origin: str | None, target: str | None, server: str | None) -> None:
    """A script's empty variable must not select the default, which may be another release than the site's."""
    with pytest.raises(UsageError):
        choice.choose(origin, target, server)


def test_the_default_choice_is_the_readmes() -> None:
    """`make gate` without arguments must run the pair that the README shows."""
    made = choice.choose()
    assert (str(made.pair), made.dump.name) == ("4.4.6-to-5.0.3@mariadb-10.11", "rt-4.4.6-campus")


def test_a_dump_says_its_release_itself() -> None:
    """For a bundled dump, FROM need not be given, and must not be given wrongly."""
    path = dump.bundled("5.0.3")
    assert str(choice.choose(path=path).pair) == "5.0.3-to-5.0.7@mariadb-10.11"
    with pytest.raises(UsageError, match=r"is a dump of RT 5\.0\.3"):
        choice.choose(origin="4.4.6", path=path)


def test_a_dump_without_manifest_needs_from(tmp_path: Path) -> None:
    """A guessed release would make a wrong upgrade look right."""
    path = tmp_path / "mine.sql"
    path.write_bytes(b"-- MariaDB dump\n-- Dump completed\n")
    with pytest.raises(UsageError, match=r"Which RT release is mine\.sql from"):
        choice.choose(path=path)
    assert choice.choose(origin="4.4.8", path=path).pair.target == "5.0.3"


@pytest.mark.parametrize(
    ("server", "judged", "doubt"),
    [
        (b"10.11.6-MariaDB-0+deb12u1", "mariadb-10.11", ""),
        (b"10.5.29-MariaDB-log", "mariadb-10.11", ""),
        (b"11.4.2-MariaDB", "mariadb-10.11", "read from MariaDB 11.4, and this was tried on mariadb-10.11"),
        (b"5.7.44-48-log", "mariadb-10.11", "read from MySQL 5.7, and this was tried on mariadb-10.11"),
        (b"8.0.36", "mysql-9.7", ""),
    ],
)
def test_a_server_that_nobody_named_is_doubted(tmp_path: Path, server: bytes, judged: str, doubt: str) -> None:
    """On MySQL other names collide. The first line names the client, not the server."""
    path = tmp_path / "mine.sql.gz"
    head = b"-- MySQL dump 10.19  Distrib 10.11.4-MariaDB, for Linux\n-- Host: db    Database: rt4\n"
    path.write_bytes(gzip.compress(head + b"-- Server version\t" + server + b"\n-- Dump completed\n"))
    made = choice.choose("4.4.6", "5.0.10", judged, path)
    assert doubt in (choice.doubt(made) or "")
    assert (choice.doubt(made) is None) == (not doubt)


def test_a_bundled_dump_raises_no_doubt() -> None:
    """Bundled dumps are made for the servers that the tests name, older and newer ones."""
    assert choice.doubt(choice.choose("4.4.6", "5.0.10", "mysql-9.7")) is None
    assert choice.doubt(choice.choose()) is None


DEB822 = """Types: deb
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://vendor.example/repo
Suites: nodistro
"""


def test_the_mirror_is_the_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No host name of a mirror is in the project, so it must be read from the machine's configuration."""
    monkeypatch.delenv(mirror.VARIABLE, raising=False)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    found = mirror.of_machine(tmp_path)
    assert (found.archive, found.security) == (
        "http://archive.example/debian",
        "http://archive.example/debian-security",
    )
    assert found.sources("trixie", security=True).splitlines() == [
        "deb http://archive.example/debian trixie main",
        "deb http://archive.example/debian-security trixie-security main",
    ]


def test_an_old_style_list_works_and_the_option_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both styles are in use, and the user may know better than the machine."""
    monkeypatch.delenv(mirror.VARIABLE, raising=False)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb [arch=amd64] http://one.example/debian bookworm main\n")
    assert mirror.of_machine(tmp_path).archive == "http://one.example/debian"
    monkeypatch.setenv(mirror.VARIABLE, "http://two.example/debian")
    assert mirror.of_machine(tmp_path).archive == "http://two.example/debian"


def test_a_mirror_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be stored in the deployed image; a proxy's password is passed to the build alone."""
    monkeypatch.setenv(mirror.VARIABLE, "https://me:secret@mirror.example.org/debian")
    with pytest.raises(UsageError, match="holds a password") as caught:
        mirror.of_machine()
    assert "secret" not in str(caught.value)
    assert mirror.Mirror(proxy="http://me:secret@proxy.example.org").environment["http_proxy"]
    assert mirror.Mirror().environment == {}
