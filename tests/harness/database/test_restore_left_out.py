"""A dump that lacks something is refused: sessions, which backups omit, or rows that its manifest tells."""

from __future__ import annotations

import gzip
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from docker import DockerClient

from fixtures.databases import CloneFactory
from harness import dump as dumps
from harness.database.restore import append_structure, restore
from harness.dump import DumpError, Manifest
from harness.dump.choice import choose
from harness.releases import server
from harness.rt.configuration import Configuration
from harness.stage import Scope, Stage
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.dump.dump_files import SQL, write
from tests.harness.gate.running_gate import USAGE, gate

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
FIRST = b"--\n-- Table structure for table `sessions`\n"
LAST = b"\n/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;"
SOCKET = "/run/mysqld/mysqld.sock"


def nightly(folder: Path, packer: str = "") -> Path:
    """Return a dump of a site without its table of sessions, which is the last one there."""
    sql = b"".join(dumps.load(dumps.bundled("4.4.6", "plain")).chunks())
    text = sql[: sql.index(FIRST)] + sql[sql.index(LAST) :]
    path = folder / "rt.sql"
    path.write_bytes(
        subprocess.run([packer, "-c"], input=text, capture_output=True, check=True).stdout if packer else text
    )
    return path


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("packer", ["", "gzip", "zstd"])
def test_the_command_that_is_advised_completes_it(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, packer: str
) -> None:
    """One sentence replaces forty findings; and the advised command must add everything that is missing."""
    path = nightly(tmp_path, packer)
    database = clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER)))
    with pytest.raises(DumpError, match=r"^The dump rt\.sql lacks the table sessions: ") as told:
        restore(database, dumps.load(path))
    command = told.value.repair.rpartition("\n")[2]
    packed = f" | {packer} -c" if packer else ""
    assert command == f"mariadb-dump --no-data rt sessions{packed} >> rt.sql"

    site = clone(lifecycle.restored(dumps.load(dumps.bundled("4.4.6", "plain")), SERVER))
    words = [*shlex.split(command.partition(packed or " >>")[0]), "-uroot", f"--socket={SOCKET}"]
    appended = site.container.need(words, environment={"MYSQL_PWD": site.credentials.root_password})
    pack = f"{packer or 'cat'} >> {shlex.quote(str(path))}"
    subprocess.run(["/bin/sh", "-c", pack], input=appended.encode(), check=True)
    again = clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER)))
    restore(again, dumps.load(path))
    assert again.counts() == site.counts() | {"sessions": 0}


@pytest.fixture
def restored_with(lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path) -> Callable[[dict[str, int]], None]:
    """Return a function that restores a dump with these rows in its manifest, onto an empty server."""
    found = dumps.load(write(tmp_path, SQL))

    def work(rows: dict[str, int]) -> None:
        known = replace(found, manifest=Manifest("4.4.6", SERVER, found.sha256, "test", rows))
        restore(clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER))), known)

    return work


@pytest.mark.control("dump")
def test_rows_that_the_manifest_tells_are_taken(restored_with: Callable[[dict[str, int]], None]) -> None:
    """A comparison that never agreed would refuse each dump with a manifest."""
    restored_with({"t": 3})


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    ("rows", "differing"),
    [({"t": 4}, ["t: manifest 4, restored 3"]), ({"u": 1}, ["t: manifest None, restored 3", "u: manifest 1, "])],
    ids=["a-row-less", "another-table"],
)
def test_rows_that_the_manifest_does_not_tell_are_refused(
    restored_with: Callable[[dict[str, int]], None], rows: dict[str, int], differing: list[str]
) -> None:
    """The file may be the one that was summed, and a server have kept less of it than was counted."""
    with pytest.raises(DumpError, match=f"{len(differing)} tables hold other rows than its manifest says") as told:
        restored_with(rows)
    assert told.value.exit_code == USAGE
    assert all(line in str(told.value) for line in differing)
    assert "make dump and manifest again together" in told.value.repair


def test_the_index_of_words_is_completed_by_the_same_command(engine: DockerClient, tmp_path: Path) -> None:
    """Appended as text, or from another database, it would damage a packed dump or leave the table out again."""
    sql = b"".join(dumps.load(dumps.bundled("4.4.6", "plain")).chunks())
    path = tmp_path / "rt.sql.gz"
    path.write_bytes(gzip.compress(sql))
    words = b"Set(%FullTextSearch, Enable => 1, Indexed => 1, Table => 'AttachmentsIndex');\n1;\n"
    site = Lifecycle(engine, Configuration({"site.pm": words}))
    stage = Stage(site, choose("4.4.6", "5.0.10", SERVER, path), scope=Scope(validates=False))
    try:
        [finding] = [one for one in stage.preflight().findings if one.where == "FullTextSearch"]
    finally:
        stage.close()
    assert finding.repair == append_structure(dumps.load(path), "rt", "AttachmentsIndex")
    assert finding.repair.endswith("mariadb-dump --no-data rt AttachmentsIndex | gzip -c >> rt.sql.gz")


def test_the_gate_ends_with_that_sentence(tmp_path: Path) -> None:
    """The gate must end before anything is upgraded: the dump is at fault and not the site."""
    asked = ("--dump", str(nightly(tmp_path)), "--from", "4.4.6", "--to", "5.0.10", "--server", SERVER)
    done = gate(*asked, folder=tmp_path / "reports")
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "The dump rt.sql lacks the table sessions" in done.stderr
