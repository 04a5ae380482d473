"""Preflight must read a site's configuration, and the documents about the upgrade, as RT and people do."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks.preflight import configuration as preflight_configuration
from harness.checks.preflight import start as preflight_start
from harness.checks.preflight.upgrading import Passage
from harness.database.schema import read
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
SITE = Configuration(
    {
        "site.pm": b"Set($Known, 1);\n# Set($Commented, 1);\nSet(@Other, qw(a b));\n"
        b"Plugin('RT::Extension::One');\n"
        b"Set(@Plugins, qw(RT::Extension::Two));\n"
    }
)


def passages(origin: str, target: str, *headings: str) -> list[str]:
    """Return those of the headings that apply to this path."""
    return [one for one in headings if Passage("UPGRADING", one, ()).applies(origin, target)]


def test_the_passages_of_a_way() -> None:
    """An operator would not read an overlong report."""
    heads = ("RT 4.4.0 and greater", "5.0.2 AND EARLIER", "5.0.5 AND EARLIER", "Somewhere")
    assert passages("4.4.6", "5.0.3", *heads) == ["RT 4.4.0 and greater", "5.0.2 AND EARLIER"]
    assert passages("5.0.3", "5.0.10", *heads) == ["5.0.5 AND EARLIER"]


def test_what_a_site_sets() -> None:
    """Options and plugins are found in each form that RT accepts, but not if commented out."""
    found = preflight_configuration.options(SITE)
    assert found == {"options": {"Known", "Other"}, "plugins": {"RT::Extension::One", "RT::Extension::Two"}}


def test_an_absorbed_plugin_is_found() -> None:
    """Core and extension would both define the same tables and pages."""
    report = Report("preflight", "")
    paragraphs = ("=head2 Extensions Integrated into RT", "=item RT::Extension::One")
    said = [Passage("UPGRADING", "RT 4.4.0 and greater", paragraphs)]
    plugins = {"RT::Extension::One", "RT::Extension::OneMore"}
    assert preflight_configuration.absorbed_plugins(report, said, plugins) == ["RT::Extension::One"]
    assert [one.where for one in report.findings] == ["Plugin RT::Extension::One"]


def test_a_passage_reads_without_its_marks() -> None:
    """Operators read it in the report, not in a POD viewer."""
    passage = Passage(
        "UPGRADING",
        "5.0.2 AND EARLIER",
        (
            "=over",
            "=item *",
            "The option C<$One> is L<elsewhere|https://example.org/>; see F<docs/C<two>.pod>.",
            "    Set( $One, C<1> );",
            "=item A title",
            "And C<< a < b >>, E<lt>1E<gt>.",
            "=back",
            "=head2 More of it",
        ),
    )
    assert passage.text().split("\n\n") == [
        "- The option $One is elsewhere (https://example.org/); see docs/two.pod.",
        "    Set( $One, C<1> );",
        "- A title",
        "And a < b, <1>.",
        "MORE OF IT",
    ]


@pytest.mark.engine
def test_options_of_a_release_that_has_no_image(rt_tools: RtFactory) -> None:
    """The release's options are unknown, which must not be taken for none dropped by the target."""
    target, report = rt_tools(TARGET, None), Report("preflight", "")
    preflight_configuration.judge(report, SITE, None, target, ("4.4.5", TARGET))
    assert "options that the target no longer knows" not in report.facts
    assert "RT 4.4.5 has no image here" in "".join(report.out_of_scope)


@pytest.mark.engine
def test_an_index_that_the_dump_lacks(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """Backups leave it out, as it can be recreated; the target's error at its start is not its own fault."""
    words = b"Set(%FullTextSearch, Enable => 1, Indexed => 1, Table => 'AttachmentsIndex');\n1;\n"
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    site = Configuration({"site.pm": words})
    probed = preflight_start.probe(rt_tools(TARGET, database, configuration=site), ["5.0.8"])

    def found(former: Configuration | None = None, probed: dict[str, Any] = probed) -> list[str]:
        report, copy = Report("preflight", ""), dict(probed)
        preflight_configuration.index(report, read(database), copy, former, append_structure=str.upper)
        assert [one.repair for one in report.findings] == ["ATTACHMENTSINDEX"] * len(report.findings)
        assert not (report.findings and copy["complaints"])
        return [one.where for one in report.findings]

    tally("index left out", "preflight", found() == found(site) == ["FullTextSearch"])
    assert found(Configuration({"site.pm": b"1;\n"})) == [], "an index that is new with the new side"
    assert found(probed=preflight_start.probe(rt_tools(TARGET, database), ["5.0.8"])) == []
    database.execute("CREATE TABLE attachmentsindex (id int)")
    assert found() == []


@pytest.mark.engine
def test_a_plugin_that_is_missing(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """RT with it does not start, neither for the upgrade nor afterwards."""
    site = Configuration({"site.pm": b"Plugin('RT::Extension::NotThere');\n1;\n"})
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    target = rt_tools(TARGET, database, configuration=site)
    report = Report("preflight", "")
    preflight_configuration.loads(report, preflight_start.probe(target, ["5.0.8"]))
    assert report.findings


@pytest.mark.engine
def test_a_start_that_was_ended_is_no_finding(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """The kernel kills when memory is short, and that says nothing about the site's configuration."""
    killed = Configuration({"site.pm": b"kill KILL => $$;\n1;\n"})
    target = rt_tools(TARGET, clone(lifecycle.fresh(ORIGIN, "mariadb-10.11")), configuration=killed)
    with pytest.raises(InfrastructureError, match=r"was ended as it started on the database \(exit code 137\)"):
        preflight_start.probe(target, ["5.0.8"])


@pytest.mark.engine
@pytest.mark.parametrize(("path", "found"), [("/rt", ["WebPath"]), ("", [])])
def test_a_site_below_another_path(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, path: str, found: list[str]
) -> None:
    """The image refuses to serve it, but copies do not take the option: the gate's deploy alone would be GO."""
    site = Configuration({"site.pm": f"Set($WebPath, '{path}');\n1;\n".encode()})
    target = rt_tools("5.0.3", clone(lifecycle.fresh("5.0.3", "mariadb-10.11")), configuration=site)
    report = Report("preflight", "")
    preflight_configuration.loads(report, preflight_start.probe(target, []))
    assert [one.where for one in report.findings] == found


def test_a_path_that_is_only_a_slash_has_its_own_sentence() -> None:
    """The old path is not to be redirected to itself; and CONFIG may serve both sides."""
    report = Report("preflight", "")
    preflight_configuration.loads(report, {"web_path": "/"})
    preflight_configuration.loads(report, {"web_path": "/rt"})
    root, below = report.findings
    assert "RT wants no / at its end" in root.what
    assert "redirect" not in root.repair
    assert "redirect /rt to /" in below.repair
    assert all(one.repair.startswith("Set($WebPath, '') in CONFIG, or ") for one in report.findings)
