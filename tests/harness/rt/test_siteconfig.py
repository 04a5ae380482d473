"""A configuration is read in its server's layout, or refused with a sentence, but never silently ignored."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fixtures.rt import RtFactory
from harness.checks.preflight.configuration import options
from harness.common import cache
from harness.errors import UsageError
from harness.releases import ROOT
from harness.rt import siteconfig
from harness.rt.configuration import Configuration
from tests.harness.gate.running_gate import NOT_PROVEN, USAGE, gate

NAMED = "Set($rtname, '{}');\n1;\n"


def laid(folder: Path, *names: str) -> Path:
    """Create files below a directory, each with its own name as content; return the directory."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(NAMED.format(path.stem)))
    return folder


DEBIAN = (
    "RT_SiteConfig.pm",
    "RT_SiteConfig.d/60-late.pm",
    "RT_SiteConfig.d/50-debconf.pm",
    "RT_SiteConfig.d/50-debconf.pm.dpkg-old",
    "RT_SiteModules.pm",
    "apache2-modperl2.conf",
)
SOURCE = ("RT_Config.pm", "RT_SiteConfig.pm", "schema.mysql", "upgrade/4.4.0/content", "initialdata")


def test_debians_folder_is_read_in_rts_order(tmp_path: Path) -> None:
    """A Debian site has all its settings in RT_SiteConfig.d."""
    found = Configuration.read(laid(tmp_path, *DEBIAN))
    assert list(found.files) == ["0-RT_SiteConfig.pm", "1-50-debconf.pm", "1-60-late.pm"]
    assert sorted(found.files) == list(found.files), "as an image reads them"
    assert (options(found)["options"], found.remarks) == ({"rtname"}, ())


def test_the_releases_own_options_are_left_out_and_told(tmp_path: Path) -> None:
    """The old release's defaults would override all of the new release's."""
    found = Configuration.read(laid(tmp_path / "etc", *SOURCE))
    assert list(found.files) == ["0-RT_SiteConfig.pm"]
    assert found.remarks == (
        "Of the configuration etc RT reads RT_SiteConfig.pm and RT_SiteConfig.d, so RT_Config.pm was left out: "
        "the release's own.",
    )


def test_what_is_beside_is_kept(tmp_path: Path) -> None:
    """Plugins and overlays are part of the configuration in either layout."""
    beside = ("plugins/X/lib/X.pm", "lib/RT/User_Local.pm", "html/Elements/Logo", "po/de.po", "static/a.css")
    expected = {"0-RT_SiteConfig.pm", "1-50-debconf.pm", "1-60-late.pm", *beside}
    assert set(Configuration.read(laid(tmp_path / "one", *DEBIAN, *beside)).files) == expected
    plain = laid(tmp_path / "two", "10-site.pm", *beside)
    assert set(Configuration.read(plain).files) == {"10-site.pm", *beside}


def test_files_beside_the_folder_of_debians_are_told(tmp_path: Path) -> None:
    """Copying into an existing directory puts one layout into the other, and some files are then not read."""
    found = Configuration.read(laid(tmp_path / "site.d", "RT_SiteConfig.d/50-a.pm", "mine.pm"))
    assert list(found.files) == ["1-50-a.pm"]
    assert "mine.pm was left out" in found.remarks[0]


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["etc/RT_SiteConfig.pm", "local/html/x"], "etc/RT_SiteConfig.pm"),
        (["RT_Config.pm"], "RT_Config.pm"),
        (["plugins/X/lib/X.pm", "lib/RT/User_Local.pm"], "plugins/X/lib/X.pm"),
        (["request-tracker4/RT_SiteConfig.d/50-debconf.pm"], "request-tracker4/RT_SiteConfig.d/50-debconf.pm"),
    ],
    ids=["root-of-an-installation", "no-site-configuration", "local", "folder-above"],
)
def test_a_folder_of_which_nothing_would_be_read_is_refused(tmp_path: Path, names: list[str], named: str) -> None:
    """Otherwise the gate would judge the site without its configuration, and not say so."""
    with pytest.raises(UsageError, match=r"holds no \.pm file that RT would read, only .*" + named) as told:
        Configuration.read(laid(tmp_path, *names))
    assert "RT_SiteConfig.d" in told.value.repair


def test_the_releases_own_file_is_refused(tmp_path: Path) -> None:
    """The release's own file is recognised by its name."""
    with pytest.raises(UsageError, match="is the release's own, and not the site's"):
        Configuration.read(laid(tmp_path, "RT_Config.pm") / "RT_Config.pm")


def test_overlays_alone_are_a_configuration(tmp_path: Path) -> None:
    """A site may have changed code and no options."""
    assert list(Configuration.read(laid(tmp_path, "lib/RT/User_Local.pm")).files) == ["lib/RT/User_Local.pm"]


def test_another_file_than_perls_is_refused(tmp_path: Path) -> None:
    """A mistaken path, such as the dump's, would be read by RT as code, or break it."""
    (tmp_path / "text.sql").write_text("hello\n")
    with pytest.raises(UsageError, match=r"text\.sql is not a \.pm file\.\nWhat to do: CONFIG is a \.pm file; "):
        Configuration.read(tmp_path / "text.sql")


def test_the_folder_that_may_not_be_read_is_the_one_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a part of it that was looked for and may not even be there. (Root can read every directory.)"""
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(UsageError, match=rf"^The configuration {tmp_path} cannot be read: Permission denied\."):
        Configuration.read(laid(tmp_path, *DEBIAN))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the web server may read Debian's file with the database password. (Root can read everything.)"""

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(UsageError, match=r"RT_SiteConfig\.pm cannot be read: Permission denied"):
        Configuration.read(laid(tmp_path, *DEBIAN))


@pytest.mark.parametrize("link", ["html", "plugins/X", "lib/RT", "RT_SiteConfig.d"])
def test_what_lies_behind_a_link_is_read(tmp_path: Path, link: str) -> None:
    """Stow and Capistrano install links only, and without its overlays it would be another site."""
    folder = laid(
        tmp_path / "site", "RT_SiteConfig.pm", "RT_SiteConfig.d/50-a.pm", "plugins/Y/lib/Y.pm", "lib/Z.pm"
    )
    real = laid(tmp_path / "shared", "60-b.pm", "deep/er.pm")
    if (folder / link).exists():
        shutil.rmtree(folder / link)
    (folder / link).symlink_to(real)
    (real / "again").symlink_to(folder)  # a link back, which must not be followed without end
    found = Configuration.read(folder).files
    assert (f"{link}/deep/er.pm" if link != "RT_SiteConfig.d" else "1-60-b.pm") in found
    assert len(found) < 20


@pytest.mark.parametrize(
    "link", ["RT_SiteConfig.pm", "RT_SiteConfig.d", "RT_SiteConfig.d/60-b.pm", "plugins", "html/Elements/Logo"]
)
@pytest.mark.parametrize("layout", ["RT_Config.pm", "10-site.pm"])
def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, layout: str, link: str) -> None:
    """A copied link without its target must be reported, because RT would have read the target."""
    folder = laid(tmp_path, layout, "RT_SiteConfig.d/50-a.pm", "lib/Z.pm")
    if link == "RT_SiteConfig.d":
        shutil.rmtree(folder / link)
    (folder / link).parent.mkdir(parents=True, exist_ok=True)
    (folder / link).symlink_to("/nowhere/of/ours")
    with pytest.raises(UsageError, match=f"{link} is a link to /nowhere/of/ours, which is not there"):
        Configuration.read(folder)


@pytest.mark.parametrize("shut", ["RT_SiteConfig.d", "plugins/X", "html"])
def test_a_folder_that_nobody_may_look_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shut: str
) -> None:
    """It would be skipped, and a part of the site not be checked. (Root can read every directory.)"""
    folder = laid(tmp_path, *DEBIAN, "plugins/X/lib/X.pm", "html/Elements/Logo")
    listed = os.scandir, os.listdir

    def asked(path: str | Path, look: int) -> Any:
        if str(path) == str(folder / shut):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed[look](path)

    monkeypatch.setattr(os, "scandir", lambda path: asked(path, 0))
    monkeypatch.setattr(os, "listdir", lambda path: asked(path, 1))
    with pytest.raises(UsageError, match=f"{shut} cannot be read: Permission denied"):
        Configuration.read(folder)


def test_the_gate_says_what_it_left_out(tmp_path: Path) -> None:
    """The gate's remarks must name the files that were left out."""
    done = gate(
        "--config",
        str(laid(tmp_path / "etc", *SOURCE)),
        folder=tmp_path / "reports",
        DOCKER_HOST="unix:///nowhere",
    )
    assert (done.returncode, "so RT_Config.pm was left out" in " ".join(done.stdout.split())) == (NOT_PROVEN, True)


@pytest.mark.engine
def test_the_last_word_is_the_sites_last_file(rt_tools: RtFactory, tmp_path: Path) -> None:
    """As on the site's own server, the files of the directory come after RT_SiteConfig.pm, in order."""
    tools = rt_tools("5.0.3", None, configuration=Configuration.read(laid(tmp_path, *DEBIAN)))
    asked = "use RT; RT::LoadConfig(); print RT->Config->Get('rtname')"
    assert tools.perl(asked).out == "60-late"


LATIN = os.fsdecode(b"static/images/B\xfcro.png")
"""A file name from before UTF-8: Linux allows any bytes, and old sites have such names."""


@pytest.mark.engine
def test_a_name_that_is_not_utf8_is_taken_as_it_is(rt_tools: RtFactory, tmp_path: Path) -> None:
    """The file must be stored under the name at which RT looks for it."""
    laid(tmp_path, *DEBIAN, LATIN)
    configuration = Configuration.read(tmp_path)
    tools = rt_tools("5.0.3", None, configuration=configuration)
    asked = "print map { unpack 'H*', $_ } glob '/opt/rt/site.d/static/images/*.png'"
    assert tools.perl(asked).out == os.fsencode(f"/opt/rt/site.d/{LATIN}").hex()


def test_such_a_name_has_a_digest() -> None:
    """The name is part of the cache keys of the old side."""
    assert cache.digest(LATIN) == cache.digest(os.fsencode(LATIN)) != cache.digest("static/images/Büro.png")


@pytest.mark.parametrize("name", [os.fsdecode(b"B\xfcro.pm"), "Büro.pm"])
def test_such_a_name_is_told(tmp_path: Path, name: str) -> None:
    """Neither a terminal nor a report can show the bytes of the name."""
    folder = laid(tmp_path / "etc", *SOURCE, name)
    assert "".join(Configuration.read(folder).remarks).encode(), "a report is UTF-8"
    done = gate("--config", str(folder), folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere")
    assert (done.returncode, "so B" in done.stdout) == (NOT_PROVEN, True), done.stderr
    (folder / name).unlink()
    (folder / "RT_SiteConfig.d").mkdir()
    (folder / "RT_SiteConfig.d" / name).symlink_to("nowhere")
    done = gate("--config", str(folder), folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere")
    assert (done.returncode, "which is not there" in done.stderr) == (USAGE, True), done.stderr


def test_the_document_shows_both_layouts() -> None:
    """An error message refers to this page."""
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert "/etc/request-tracker4/RT_SiteConfig.d" in text
    assert "/opt/rt4/etc/RT_SiteConfig.pm" in text


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("own.pm", b"Set($rtname, 'a');\nSet(%Lifecycles, default => {});\n1;\n", True),
        ("own.pm", b"# Plugin('x')\n=pod\n\nrequire it\n\n=cut\nuse strict;\nuse utf8;\n1;\n", True),
        ("html/Elements/Tabs", b"require RT::X;", True),
        ("own.pm", b"Set($WeekInSeconds, 7 * 24 * 60 * 60);\nSet($x, sub { 1 });", True),
        ("own.pm", b"use warnings;\nsub helper { 1 }\n1;\n", False),
        ("own.pm", b"{ package RT::User; our $x = 1 }", False),
        ("own.pm", b"*RT::User::X = sub { 1 };", False),
        ("own.pm", b"push @more, 'X';", False),
        ("own.pm", b"=pod\n\n=cut \nPlugin('X');\n=pod\n\n=cut\n", False),
        ("own.pm", b"Plugin('RT::Extension::X');", False),
        ("own.pm", b"Set(@Plugins, 'X');", False),
        ("own.pm", b"Set($x, 1); use lib '/srv/rt';", False),
        ("own.pm", b"unshift @INC, '/srv';", False),
        ("own.pm", b"require RT::Ticket; *RT::Ticket::x = sub { 1 };", False),
        ("own.pm", b"# only a comment\ndo '/etc/rt/more.pl';", False),
        ("lib/RT/Ticket_Local.pm", b"1;", False),
        ("plugins/X/lib/X.pm", b"1;", False),
        ("other.txt", b"", False),
    ],
)
def test_what_may_bring_code_is_told_from_options(name: str, content: bytes, expected: bool) -> None:
    """If that is uncertain, RT must be loaded anew for each program, as in production."""
    assert siteconfig.only_sets_options({"good.pm": b"Set($a, 1);", name: content}) is expected
