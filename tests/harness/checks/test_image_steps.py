"""An image that lacks a step of its release is refused, and one with other files in a step is found."""

from __future__ import annotations

import contextlib
import io
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from fixtures.tally import Tally
from harness.checks.preflight import image_steps
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle
from harness.upgrade.promised_steps import digests
from harness.verdict import Finding, Report
from tests.harness.gate.running_gate import NO_GO, gate

RELEASE, PATH = "5.0.3", ("4.4.6", "5.0.3")
PLANTED = {
    "step-removed": ("4.5.6", "rm -r {}", "image lacks"),
    "step-added": ("5.0.1", "mkdir {}", "image has"),
    "step-emptied": ("5.0.2", "truncate -s 0 {}/content", "not those of RT"),
    "step-without-files": ("4.5.5", "rm {}/content", "not those of RT"),
    "step-altered": ("4.5.7", "sed -i '1i -- altered' {}/schema.mysql", "not those of RT"),
    "file-in-addition": ("4.5.0", "echo '1;' >{}/content", "not those of RT"),
}
"""By name: a step, the command that plants a defect into its folder, and words of the finding."""
OF_AN_OLDER_PATH = "rm -r 4.4.5"
"""A step that this upgrade does not need."""


@contextlib.contextmanager
def altered(engine: DockerClient, lifecycle: Lifecycle, *commands: str) -> Iterator[str]:
    """Make an image in which the steps of its release were altered; remove it afterwards."""
    text = f"FROM {lifecycle.rt_image(RELEASE)}\nUSER root\nRUN cd /opt/rt/upgrade/ && {' && '.join(commands)}\n"
    tag = f"rt-harness/planted:{secrets.token_hex(6)}"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=tag, rm=True, forcerm=True)
    try:
        yield tag
    finally:
        engine.images.remove(tag, force=True)


@pytest.mark.engine
def test_steps_that_are_not_those_of_the_release_are_found(
    engine: DockerClient, lifecycle: Lifecycle, tally: Tally
) -> None:
    """RT would apply what is there and say that all is done. Missing and strange steps forbid the upgrade."""
    report = Report("preflight", "")
    commands = [command.format(step) for step, command, _ in PLANTED.values()]
    with altered(engine, lifecycle, *commands, OF_AN_OLDER_PATH) as tag, Rt(engine, RELEASE, tag, None) as tools:
        stops = image_steps.judge(report, tools, PATH)
    for name, (step, _, words) in PLANTED.items():
        named = [one for one in report.findings if words in one.what and f"step {step}" in one.samples]
        tally(name, "preflight", named)
    assert sum(len(one.samples) for one in report.findings) == len(PLANTED), "and nothing else"
    assert {step for one in stops for step in one.samples} == {"step 4.5.6", "step 5.0.1"}
    assert all(one.repair for one in report.findings)


def test_the_order_in_which_a_shell_sorts_names_is_nothing() -> None:
    """A shell that sorts as a language does has schema.mysql before schema.Pg, and its image the same files."""
    names = ("content", "schema.Pg", "schema.mysql")
    listing = ["4.5.6/", "5.0.1/", *(f"{number}  4.5.6/{name}" for number, name in enumerate(names))]
    by_bytes, by_language = digests("\n".join(listing)), digests("\n".join([*listing[:3], *listing[:2:-1]]))
    assert by_language == by_bytes
    assert list(by_bytes) == ["4.5.6", "5.0.1"]
    assert digests("\n".join(listing[:-1]))["4.5.6"] != by_bytes["4.5.6"]


@pytest.mark.engine
def test_a_gate_does_not_run_an_upgrade_that_lacks_a_step(
    engine: DockerClient, lifecycle: Lifecycle, tmp_path: Path
) -> None:
    """Everything else would be found in order: the steps expected are those that are there."""
    with altered(engine, lifecycle, "rm -r 4.5.6") as tag:
        named = f"rt-{RELEASE}={tag}"
        done = gate("--from", PATH[0], "--to", RELEASE, folder=tmp_path / "reports", RT_HARNESS_IMAGES=named)
    assert done.returncode == NO_GO, done.stderr
    assert "the target's image lacks 1 upgrade step of RT 5.0.3" in done.stdout
    assert "The upgrade was not run, because of what preflight found" in done.stderr


@pytest.mark.engine
@pytest.mark.control("preflight")
def test_the_steps_of_a_good_image_are_no_finding(lifecycle: Lifecycle) -> None:
    """Held against each path that leads to the release."""
    with lifecycle.tools(RELEASE, None) as tools:
        for origin in ("4.2.11", "4.4.4", "4.4.6", RELEASE):
            report = Report("preflight", "")
            found: list[Finding] = image_steps.judge(report, tools, (origin, RELEASE))
            assert found == report.findings == []
