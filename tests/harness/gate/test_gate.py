"""The gate handles bad input, an engine that is missing or goes away, and configurations, as its users need."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docker import DockerClient

from fixtures import gate as program
from fixtures import gate_command
from fixtures.engine_proxy import Proxy
from harness import dump
from harness.common import cache, owner
from harness.errors import UsageError
from harness.releases import ROOT
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.gate.running_gate import NO_GO, NOT_PROVEN, USAGE, gate
from tests.upgrade.old_sites import AS_OF_4_2


def test_a_damaged_dump_is_refused(tmp_path: Path) -> None:
    """A flipped bit in a backup must be reported at once, not after an evening's work."""
    whole = dump.bundled("4.4.6").read_bytes()
    path = tmp_path / "mine.sql.zst"
    path.write_bytes(whole[: len(whole) // 2])
    dump.manifest_of(path).write_bytes(dump.manifest_of(dump.bundled("4.4.6")).read_bytes())
    done = gate("--dump", str(path), folder=tmp_path / "reports")
    assert (done.returncode, "is not the one that mine.toml describes" in done.stderr) == (USAGE, True), (
        done.stderr
    )


def test_half_a_dump_without_a_manifest_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Building images takes minutes, and restoring a large dump hours, until its missing end is met."""
    path = tmp_path / "mine.sql.zst"
    path.write_bytes(dump.bundled("4.4.6").read_bytes()[:-1000])
    done = gate(
        "--dump", str(path), "--from", "4.4.6", folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere.sock"
    )
    assert (done.returncode, "The dump mine.sql.zst is damaged" in done.stderr) == (USAGE, True), done.stderr
    assert "Traceback" not in done.stderr


def test_no_engine_is_not_proven(tmp_path: Path) -> None:
    """Nothing was checked, which is neither GO nor NO-GO."""
    done = gate(folder=tmp_path, DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == NOT_PROVEN
    assert "NOT PROVEN" in done.stdout
    assert "no engine answers there" in done.stdout
    assert "Traceback" not in done.stderr
    [report] = tmp_path.iterdir()
    assert {"report.json", "report.html", "verdict.txt", "junit.xml"} <= {path.name for path in report.iterdir()}


@pytest.mark.parametrize(("server", "doubted"), [([], True), (["--server", "mariadb-10.11"], False)])
def test_a_server_that_nobody_named_is_told(tmp_path: Path, server: list[str], doubted: bool) -> None:
    """A MySQL dump tried on MariaDB, only because no server was named, is not the site that will run."""
    path = tmp_path / "mine.sql"
    path.write_bytes(b"-- MySQL dump 10.13\n-- Server version\t5.7.44\n-- Dump completed\n")
    arguments = ["--dump", str(path), "--from", "4.4.6", *server]
    done = gate(*arguments, folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere.sock")
    assert (done.returncode, "read from MySQL 5.7" in done.stdout) == (NOT_PROVEN, doubted), done.stdout


def steps_of(folder: Path) -> list[str]:
    """Return the names of the upgrade steps in the only report in a directory."""
    [report] = folder.glob("*/report.json")
    return [one["name"] for one in json.loads(report.read_text(encoding="utf-8"))["run"]["steps"]]


@pytest.mark.engine
def test_a_release_without_an_image_is_not_taken_at_its_word(tmp_path: Path) -> None:
    """No image of RT 4.2.8 exists, but the target can tell that the dump is newer, so no upgrade may run."""
    path = tmp_path / "mine.sql.zst"
    path.write_bytes((dump.FOLDER / "rt-4.4.6-plain.sql.zst").read_bytes())
    arguments = ["--dump", str(path), "--from", "4.2.8", "--server", "mariadb-10.11"]
    done = gate(*arguments, folder=tmp_path / "reports")
    assert done.returncode == NO_GO, done.stderr
    assert done.stdout.startswith("NO-GO\n")
    assert "from RT 4.2.8 on, other steps are applied than it lacks: it has 4.2.10, 4.2.11, 4.3.0" in done.stdout
    assert "say --from 4.4.6 (make: FROM=4.4.6)" in done.stdout
    assert "The upgrade was not run, because of what preflight found" in done.stderr
    assert steps_of(tmp_path / "reports") == []


NEVER_SEEN = (
    "DELETE FROM Attributes WHERE Name = 'UpgradeHistory'",  # it names later releases
    "DELETE FROM Links WHERE Base LIKE 'asset:%' OR Target LIKE 'asset:%'",
)
"""Statements that remove content of that dump which a site of 4.2 cannot have."""


@pytest.mark.engine
@pytest.mark.slow
def test_a_site_that_nobody_here_can_read_is_not_proven(tmp_path: Path) -> None:
    """Its tables are older than every image: the upgrade runs and is checked, and open questions are reported."""
    with dump.load(dump.FOLDER / "rt-4.4.6-plain.sql.zst").open() as text:
        content = text.read()
    path = tmp_path / "mine.sql"
    more = "".join(f"{one};\n" for one in (*AS_OF_4_2, *NEVER_SEEN))
    path.write_bytes(content + more.encode() + b"-- Dump completed\n")
    arguments = ["--dump", str(path), "--from", "4.2.8", "--server", "mariadb-10.11"]
    done = gate(*arguments, folder=tmp_path / "reports")
    assert done.returncode == NOT_PROVEN, done.stdout + done.stderr
    assert done.stdout.startswith("NOT PROVEN\n")
    assert steps_of(tmp_path / "reports")[:2] == ["4.2.10", "4.2.11"]
    assert "which steps the database lacks: it has no upgrade history" in done.stdout
    assert "step 4.3.1 or 4.4.2 may have done so, and there are no rules for it here" in done.stdout


def test_a_configuration_without_a_file_is_refused(tmp_path: Path) -> None:
    """A configuration that is named but holds nothing must not be ignored."""
    (tmp_path / "plugins").mkdir()
    with pytest.raises(UsageError, match=r"holds no \.pm file"):
        Configuration.read(tmp_path)


def test_a_configuration_of_the_new_side_alone_is_refused(tmp_path: Path) -> None:
    """The old release would run without any, and effects of the site's settings be attributed to the upgrade."""
    (tmp_path / "new.pm").write_text("1;\n")
    done = gate(
        "--config-new", str(tmp_path / "new.pm"), folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere"
    )
    assert (
        done.returncode,
        "--config-new (make: CONFIG_NEW=) was given without --config (make: CONFIG=)" in done.stderr,
    ) == (USAGE, True), done.stderr
    with pytest.raises(UsageError, match="without --config"):  # also for users who call pytest directly
        Lifecycle(
            DockerClient.__new__(DockerClient), Configuration(), new_configuration=Configuration({"a.pm": b""})
        )


@pytest.mark.engine
def test_an_engine_that_goes_away_in_the_middle_is_not_a_finding(proxy: Proxy, tmp_path: Path) -> None:
    """A failure of the infrastructure must neither be reported as a defect of the site nor hidden."""
    settings = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    settings |= {"DOCKER_HOST": f"unix://{proxy.path}", cache.VARIABLE: str(cache.directory())}
    process = subprocess.Popen(
        [sys.executable, "-m", "fixtures.gate", "--reports", str(tmp_path / "reports")],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "both sides: done" in line:
            break
    proxy.vanish()
    out, err = process.communicate(timeout=120)
    assert process.returncode == NOT_PROVEN, err
    assert "The container engine gave way in the middle" in out
    assert "Traceback" not in err


def test_how_to_repeat_it_is_the_whole_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It must include named images, leave out passwords, and work from any directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RT_SCRATCH_SECRETS", raising=False)
    monkeypatch.setenv("RT_HARNESS_IMAGES", "rt-5.0.3=registry.example.org/rt:1, mariadb-10.11=mariadb:10.11")
    for name in ("RT_IMAGE", *gate_command.ENGINE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://me:secret@engine.example.org:2376")
    options = gate_command.parser().parse_args(
        ["--dump=a dump.sql", "--config", "site.d", "--marathon-url", "https://me:secret@marathon.example.org"]
    )
    assert shlex.split(gate_command.reproduce_command(options)) == [
        "cd",
        str(ROOT),
        "&&",
        "DOCKER_HOST=tcp://engine.example.org:2376",
        "RT_HARNESS_IMAGES=rt-5.0.3=registry.example.org/rt:1, mariadb-10.11=mariadb:10.11",
        "./gate",
        "--dump",
        f"{tmp_path}/a dump.sql",
        "--config",
        f"{tmp_path}/site.d",
        "--marathon-url",
        "https://marathon.example.org",
    ]


def test_how_to_repeat_it_works_from_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command is copied from a mail into any shell."""
    monkeypatch.setenv("MARATHON_URL", "https://me:secret@marathon.example.org")
    options = gate_command.parser().parse_args(["--to", "5.0.99", "--marathon-url"])
    said = gate_command.reproduce_command(options)
    assert said.endswith(" ./gate --to 5.0.99 --marathon-url"), "the address stays where it was"
    done = subprocess.run(["sh", "-c", said], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no RT release" in done.stderr) == (USAGE, True), done.stderr


def test_it_runs_from_anywhere(tmp_path: Path) -> None:
    """Cron and CI call it from their own directories, which may contain modules with the same names."""
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "__init__.py").write_text("raise SystemExit(1)")
    done = subprocess.run(
        [ROOT / "gate", "--to", "5.0.99"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "There is no RT release" in done.stderr) == (USAGE, True), done.stderr


def test_a_clone_of_somebody_else_is_told_in_a_sentence(tmp_path: Path) -> None:
    """The shell would end with 126, which pipelines do not know, for libraries that another user installed."""
    for name in ("gate", "harness/setup/python.sh", "requirements.lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch(0o600)
    key = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()[:16]
    (tmp_path / ".venv" / f".made-from-{key}").touch()
    done = subprocess.run([tmp_path / "gate"], capture_output=True, text=True, check=False)
    assert done.returncode == NOT_PROVEN
    assert f"may not run {tmp_path}/.venv/bin/python. What to do: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_address_of_a_marathon_may_stay_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address contains a password, and all users of a machine can read command lines."""
    monkeypatch.setenv("MARATHON_URL", "http://127.0.0.1:9")
    assert gate_command.marathon_url(gate_command.parser().parse_args(["--marathon-url"])) == "http://127.0.0.1:9"
    assert gate_command.marathon_url(gate_command.parser().parse_args([])) is None
    monkeypatch.delenv("MARATHON_URL")
    assert program.main(["--marathon-url"]) == USAGE
    assert "put the address into the variable MARATHON_URL" in capsys.readouterr().err
