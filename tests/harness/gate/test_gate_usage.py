"""The gate refuses what is wrong with a request, or tells what of it was not used, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures import gate_command
from harness.checks import preflight
from harness.checks.preflight import configuration as preflight_configuration
from harness.verdict import Outcome, Report
from tests.harness.gate.running_gate import USAGE, gate


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "5.0.99"], "There is no RT release '5.0.99' here"),
        (["--from", "5.0.7", "--to", "5.0.3"], "RT cannot go backwards from 5.0.7 to 5.0.3"),
        (["--from", "5.0.7", "--to", "5.0.3"], "What to do: look at both, as one may be mistyped, or swap --from"),
        (["--from", "9.9.9"], "RT 9.9.9 is newer than every release that there is an image of"),
        (["--from", "9.9.9"], "What to do: correct --from (make: FROM=)"),
        (["--dump", "/tmp"], "The dump /tmp is a directory"),
        (["--dump", "/dev/null"], "The dump /dev/null is a device"),
        (["--server", "mysql-9.7"], "RT 5.0.3 cannot run on mysql-9.7"),
        (["--server", "postgres"], "There is no database server 'postgres' here"),
        (["--dump", "/nowhere/dump.sql"], "There is no dump /nowhere/dump.sql"),
        (["--from", "4.2.0"], "No dump of RT 4.2.0 is bundled"),
        (["--config", "/nowhere"], "There is no configuration /nowhere"),
        (["--config-new", "/nowhere-new"], "There is no configuration /nowhere-new"),
        (["--accept", "/nowhere"], "/nowhere"),
        (["--sever", "mariadb-10.11"], "unrecognized arguments"),
        (["--marathon-url", ""], "--marathon-url has an empty value"),
        (["--marathon-url="], "--marathon-url has an empty value"),
        (["--to", " "], "--to has an empty value"),
        (["--server", ""], "--server has an empty value"),
        (["--dump", ""], "--dump has an empty value"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence_before_anything_starts(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """Wrong usage must give exit code 3 and a sentence with a repair, without a traceback."""
    done = gate(*arguments, folder=tmp_path, DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == USAGE
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/proc/x", "file/reports"])
def test_reports_that_cannot_be_written_are_told_before_anything_starts(tmp_path: Path, place: str) -> None:
    """The whole run would be for nothing: its report is what is kept of it."""
    (tmp_path / "file").touch()
    done = gate(folder=tmp_path / place, DOCKER_HOST="unix:///nowhere.sock")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith(f"gate: No report can be written in {tmp_path / place}: "), done.stderr
    assert "What to do: name a folder of yours" in done.stderr


def test_a_slip_in_what_was_signed_off_is_wrong_usage(tmp_path: Path) -> None:
    """An entry of an unknown check fits nothing, and the finding that it is about would be NO-GO."""
    words = (
        'check = "shema"',
        'where = "*"',
        'what = "a whole sentence"',
        'who = "me"',
        'why = "x"',
        "until = 2099-01-01",
    )
    (tmp_path / "accepted.toml").write_text("\n".join(("[[accept]]", *words)))
    done = gate("--accept", str(tmp_path / "accepted.toml"), folder=tmp_path / "reports", DOCKER_HOST="unix:///no")
    assert (done.returncode, "accepted.toml:2 names the check 'shema'" in done.stderr) == (USAGE, True), (
        done.stderr
    )
    (tmp_path / "accepted.toml").write_text("\n".join(("[[accept]]", 'check = "marathon-deploy"', *words[1:])))
    options = gate_command.parser().parse_args(["--accept", str(tmp_path / "accepted.toml")])
    assert len(gate_command.signed_off(options)) == 1


def test_options_that_a_copy_does_not_use_are_told() -> None:
    """The reader must know which of the site's own settings the verdict says nothing about."""
    report = Report(preflight.CHECK, "?", facts={preflight_configuration.PINNED: ["MailCommand", "WebDomain"]})
    [remark] = gate_command.options_unused(Outcome([report]))
    assert remark.endswith(": MailCommand, WebDomain.")
    assert gate_command.options_unused(Outcome([Report(preflight.CHECK, "?")])) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("rt-5.0.3", "RT_HARNESS_IMAGES names no image in 'rt-5.0.3'"),
        ("rt-5.0.3=", "RT_HARNESS_IMAGES names no image in 'rt-5.0.3='"),
        ("mariadb-10.11=mariadb:10.11, rt-5.03=nope:1", "an image for 'rt-5.03', which is neither a release nor"),
    ],
)
def test_an_image_for_nothing_is_wrong_usage(tmp_path: Path, said: str, sentence: str) -> None:
    """The built image would be judged instead of the one that will be deployed, and the verdict not say so."""
    done = gate(folder=tmp_path, DOCKER_HOST="unix:///nowhere.sock", RT_HARNESS_IMAGES=said)
    assert (done.returncode, sentence in done.stderr, "What to do: " in done.stderr) == (USAGE, True, True), (
        done.stderr
    )
    assert not list(tmp_path.iterdir())
