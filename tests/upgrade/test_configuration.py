"""The site's own configuration and plugins must be used on the old and on the new side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from docker import DockerClient

from harness import dump
from harness.checks import preflight
from harness.checks.upgrade_history import History
from harness.common import cache, private
from harness.dump.choice import DEFAULT_SERVER, choose
from harness.releases import pair
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.stage import Scope, Stage, questions
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
SITE = """
Set($rtname, 'config.example.org');
Set(%Lifecycles, parcel => {
    initial => ['packed'], active => ['sent'], inactive => ['delivered'],
    defaults => {on_create => 'packed'},
    transitions => {'' => ['packed'], packed => ['sent'], sent => ['delivered']},
});
Plugin('RT::Extension::Probe');
1;
"""
PLUGIN = "package RT::Extension::Probe; use strict; our $VERSION = '1.0'; sub word { 'loaded' } 1;"
ASK = """
use RT -init;
my @statuses = RT::Lifecycle->Load(Name => 'parcel')->Valid;
print join '|', RT->Config->Get('rtname'), join(',', @statuses), RT::Extension::Probe->word;
"""


@pytest.fixture
def stage(engine: DockerClient, tmp_path: Path) -> Iterator[Stage]:
    """The default upgrade, with a configuration folder of the site's own."""
    library = tmp_path / "plugins" / "RT-Extension-Probe" / "lib" / "RT" / "Extension"
    library.mkdir(parents=True)
    (library / "Probe.pm").write_text(PLUGIN)
    (tmp_path / "20-site.pm").write_text(SITE)
    made = Stage(Lifecycle(engine, Configuration.read(tmp_path)), choose())
    yield made
    made.close()


def said(tools: Rt | None) -> str:
    """Return RT's own view of its configuration."""
    assert tools is not None
    done = tools.perl(ASK)
    assert done.code == 0, done.err
    return done.out


def test_both_sides_know_the_sites_lifecycles_and_plugins(stage: Stage) -> None:
    """RT cannot read a site's tickets without the lifecycles that they are in."""
    expected = "config.example.org|packed,sent,delivered|loaded"
    assert said(stage.sides.old()) == expected
    assert said(stage.sides.new()) == expected


def test_each_side_can_have_its_own(engine: DockerClient) -> None:
    """A plugin for the target does not load under the old release, nor an absorbed one beside the target."""
    one, other = (Configuration({"site.pm": f"Set($rtname, '{name}');\n1;\n".encode()}) for name in ("old", "new"))
    one = Configuration(
        {
            **one.files,
            "storage.pm": b"Set(%ExternalStorage, Type => 'Disk', Path => '/srv');\n"
            b"Set($MaxAttachmentSize, 100_000_000);\n1;\n",
        }
    )
    plain = choose(path=dump.FOLDER / "rt-4.4.6-plain.sql.zst")
    made = Stage(Lifecycle(engine, one, new_configuration=other), plain, scope=Scope(validates=False))
    program = "use RT -init; print RT->Config->Get('rtname');"
    try:
        sides = (
            made.sides.old(),
            made.sides.target_on_old_copy(),
            made.sides.new(),
            made.old_side.witness.tools(),
        )
        assert [side.perl(program).out for side in sides if side] == ["old", "new", "new", "old"]
        report = made.preflight()
    finally:
        made.close()
    assert report.facts["options that neither release knows"] == []
    told = {one["title"]: one["items"] for one in report.facts[preflight.BEFORE]}
    assert told["Set in CONFIG and not in CONFIG_NEW"] == ["MaxAttachmentSize"]
    assert "ExternalStorage" in {one.where for one in report.findings}, "forgotten on the new side"
    assert made.sides.lifecycle.new_side.images is made.sides.lifecycle.images


def test_upgrades_that_are_kept_have_it_too(engine: DockerClient, lifecycle: Lifecycle) -> None:
    """Tests of upgrade paths use cached upgrades, which would differ without the site's lifecycles."""
    asked = choose("4.4.4", "4.4.6")
    old, new = (
        Configuration({"site.pm": f"warn 'of the {side} side';\n1;\n".encode()}) for side in ("old", "new")
    )
    own = Lifecycle(engine, old, new_configuration=new)
    _, [run] = own.upgraded_along(("4.4.4", "4.4.6"), asked.pair.server, asked.dump)
    said = "\n".join(text for _, text in run.lines)
    assert "of the new side" in said
    assert "of the old side" not in said
    _, plain = lifecycle.upgraded(asked.pair, asked.dump)
    assert "of the new side" not in str(plain.lines), "one is not taken for the other"


def test_what_is_kept_of_a_dump_of_ones_own_goes_with_the_session(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """An upgrade's output may quote rows, and the cache stays on the disk."""
    mine = tmp_path / "mine.sql.zst"
    shutil.copy(dump.FOLDER / "rt-4.4.6-plain.sql.zst", mine)
    _, run = lifecycle.upgraded(pair("4.4.6", "5.0.3", DEFAULT_SERVER), dump.load(mine))
    told = json.dumps(asdict(run))
    for folder, there in ((private.directory(), True), (cache.directory("runs"), False)):
        assert (told in [file.read_text(encoding="utf-8") for file in folder.glob("*.json")]) == there


def test_an_extension_with_steps_of_its_own_is_named() -> None:
    """An upgrade of RT does not change an extension's tables."""
    before, after = (
        History({"RT": [], "RT::IR": []}),
        History({"RT": [], "RT-Extension-Assets": [], "who? <me>": []}),
    )
    assert [one.partition(",")[0] for one in questions.extensions(before, after)] == [
        "the steps of RT-Extension-Assets",
        "the steps of RT::IR",
    ]


def test_a_configuration_that_is_wrong_is_said_by_the_upgrade(engine: DockerClient, tmp_path: Path) -> None:
    """A syntax error must not look like a defect of the data."""
    (tmp_path / "site.pm").write_text("Set($rtname, 'unfinished;\n")
    stage = Stage(Lifecycle(engine, Configuration.read(tmp_path / "site.pm")), choose())
    try:
        report = stage.ran()
    finally:
        stage.close()
    assert "site.pm" in str(report)
    assert stage.sides.run().code != 0


LIFECYCLE = dump.FOLDER / "rt-4.4.6-lifecycle.sql.zst"
OWN = dump.FOLDER / "generator" / "local-lifecycle.pm"


@pytest.fixture
def lifecycles(engine: DockerClient, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """An upgrade of the dump whose tickets have statuses that no RT defines by itself."""
    configuration = Configuration.read(OWN if request.param else None)
    made = Stage(Lifecycle(engine, configuration), choose(path=LIFECYCLE), scope=Scope(validates=False))
    yield made
    made.close()


@pytest.mark.parametrize("lifecycles", [True], indirect=True)
def test_with_its_configuration_such_a_site_is_clean(lifecycles: Stage) -> None:
    """Effects of the site's own lifecycles must be no finding."""
    questions = (lifecycles.preflight, lifecycles.ran, lifecycles.rows, lifecycles.meaning)
    assert [str(report) for report in (ask() for ask in questions) if not report] == []


@pytest.mark.parametrize("lifecycles", [False], indirect=True)
def test_without_it_preflight_says_which_lifecycle_is_missing(lifecycles: Stage) -> None:
    """It must be said within seconds, not when a ticket is opened; the site may well have it."""
    report = lifecycles.preflight()
    assert [one.where for one in report.findings] == []
    assert "lifecycle equipment (Queues: 1 row" in "".join(report.unanswered)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lifecycles", [False], indirect=True)
def test_without_it_the_verdict_is_no_go(lifecycles: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both releases lack the lifecycles, so a comparison shows nothing; using the site does.

    The old release complains of the missing lifecycles as well, so the finding is reported with the pages that
    fail.
    """
    monkeypatch.setattr(lifecycles, "read_everything", lambda: None)  # checks that only read find nothing here
    report = lifecycles.application()
    assert any("RT gave up on the page" in one.what for one in report.findings), str(report)
    assert any("is missing in %Lifecycles config" in one for one in report.facts["said at every start"])
