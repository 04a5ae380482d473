"""A server that refuses a dump, which is wrong usage, is told from one with a full disk or one that died."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from fixtures.databases import CloneFactory
from harness import dump
from harness.database.restore import restore
from harness.dump import Dump
from harness.dump.choice import choose
from harness.dump.text import Text
from harness.errors import InfrastructureError, UsageError
from harness.releases import server
from harness.stage import Stage
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.gate.running_gate import USAGE, gate

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
FEW = 3
NEWER = ["CREATE TABLE `t` (`a` text COLLATE utf8mb4_uca1400_ai_ci)"]
LARGE = ["CREATE TABLE `t` (`a` longtext)", *[f"INSERT INTO `t` VALUES ('{'x' * 1_000_000}')"] * 120]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Iterable[str]], Dump]:
    """Return a function that writes a user's own dump with these statements."""

    def write(statements: Iterable[str]) -> Dump:
        path = tmp_path / "mine.sql"
        lines = ["-- MariaDB dump 10.19", *(f"{one};" for one in statements), "-- Dump completed"]
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return dump.load(path)

    return write


Written = Callable[[Iterable[str]], Dump]


def test_a_refusal_is_wrong_usage(written: Written, tmp_path: Path) -> None:
    """The gate must report at once, in a sentence, that this server cannot hold the dump."""
    path = written(NEWER).path
    asked = ("--dump", str(path), "--from", "4.4.4", "--to", "4.4.6", "--server", "mariadb-10.5")
    done = gate(*asked, folder=tmp_path / "reports")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "mariadb-10.5 cannot hold the dump mine.sql: its client ended with 1." in done.stderr
    assert "ERROR 1273" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_dump_cannot_have_programs_run(written: Written, lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """A client that reads a file like typed input also executes commands that begin with a backslash."""
    found = written(["CREATE TABLE `t` (`a` int)"])
    text = found.path.read_text(encoding="ascii")
    found.path.write_text(text.replace("CREATE", "\\! touch /tmp/done\nCREATE", 1), encoding="ascii")
    database = clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER)))
    with pytest.raises(UsageError):
        restore(database, dump.load(found.path))
    assert database.container.run(["test", "-e", "/tmp/done"]).code == 1


def test_a_full_disk_is_not_the_dumps_fault(
    lifecycle: Lifecycle, written: Written, small_disks: list[str]
) -> None:
    """Whether the server would accept the dump is unknown, so it is NOT PROVEN; nothing may be left behind."""
    with pytest.raises(
        InfrastructureError, match=r"^The disk of mariadb-10\.11 was full before the end of"
    ) as told:
        lifecycle.restored(written(LARGE), SERVER)
    [volume] = small_disks
    with pytest.raises(NotFound):
        lifecycle.client.volumes.get(volume)
    assert not lifecycle.client.api.containers(all=True, filters={"volume": volume})
    assert "xxx" not in str(told.value), "a server that crashes writes down the query that it was at"


def test_a_server_that_dies_is_not_the_dumps_fault(
    lifecycle: Lifecycle, clone: CloneFactory, written: Written
) -> None:
    """The kernel kills the largest process when memory is short, and that is the database server."""
    database = clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER)))

    class Deadly(Dump):
        def chunks(self, text: Text | None = None) -> Iterator[bytes]:
            for number, chunk in enumerate(super().chunks(text)):
                yield chunk
                if number == FEW:
                    database.container.signal("KILL")

    mine = written(LARGE)
    deadly = Deadly(mine.path, mine.format, mine.sha256, None)
    with pytest.raises(InfrastructureError, match=r"^mariadb-10\.11 went away during the restore of mine\.sql"):
        restore(database, deadly)


@pytest.mark.parametrize(("error", "raised"), [(UsageError, None), (InfrastructureError, InfrastructureError)])
def test_the_witness_tells_them_apart(
    lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, error: type[Exception], raised: type[Exception] | None
) -> None:
    """A server that refuses the dump cannot be a witness; one with a full disk must be reported."""

    def restored(*_: Any) -> None:
        raise error("for some reason")

    stage = Stage(lifecycle, choose("5.0.3", "5.0.10", "mysql-9.7"))
    monkeypatch.setattr(lifecycle, "restored", restored)
    if raised is None:
        assert stage.old_side.witness.copy() is None
    else:
        with pytest.raises(raised):
            stage.old_side.witness.copy()
