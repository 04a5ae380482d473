"""Properties of the image that hold without any database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks import image, layers
from harness.dump.choice import DEFAULT_TARGET
from harness.images import named
from harness.releases import ROOT, release, releases
from harness.releases import promised_steps as promised
from harness.rt import Rt
from harness.upgrade import promised_steps
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import clean, of_the_image, text_of

SOURCE = ROOT / "image" / "rt"
NOT_IN_IT = ("Dockerfile", "README.md", "precompile")
PROGRAMS = ("run", "guard", "healthcheck", "apache2.conf", "Fence.pm")
TOOLS = ("rt-setup-database", "rt-validator", "rt-mailgate", "rt-crontool", "rt-email-dashboards", "rt-shredder")


@pytest.fixture(scope="module")
def tools(lifecycle: Lifecycle, version: str) -> Iterator[Rt]:
    """An idle container of the release; the tests only look at it."""
    idle = lifecycle.tools(version, None)
    yield idle
    idle.remove()


def test_the_row_of_the_release_is_what_was_installed(tools: Rt, version: str) -> None:
    """Otherwise a mirror that moved on would cause another release to be tested under the old name."""
    package = f"request-tracker{release(version).major}"
    installed = tools.need("dpkg-query", "-W", "-f", "${Version}", package)
    spoken = tools.need("perl", "-I/opt/rt/share/lib", "-MRT", "-e", "print $RT::VERSION")
    assert installed.startswith((f"{version}+", f"{version}-"))
    assert spoken.partition("+")[0] == version


def test_every_file_is_what_the_packages_brought(lifecycle: Lifecycle, tools: Rt, version: str) -> None:
    """A file that was edited or lost in the build belongs to no release."""
    assert of_the_image(lifecycle, version, lambda: clean(image.check(tools)), text_of(image))


def test_it_has_the_upgrade_steps_of_its_release(tools: Rt, version: str) -> None:
    """The list is what images built elsewhere are held against: it must be that of the release."""
    assert promised_steps.installed(tools) == promised(version)


def test_its_own_programs_are_those_of_every_image(tools: Rt, version: str) -> None:
    """Tests of what these do are run with some releases only."""
    if named.named_by_user(f"rt-{version}"):
        pytest.skip("the image was built elsewhere, and has programs of its own version")
    files = [path for path in SOURCE.rglob("*") if path.is_file() and path.name not in NOT_IN_IT]
    assert {*PROGRAMS} < {path.name for path in files}
    wanted = {path_in_image(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    listed = tools.need(
        "sh", "-c", "find /opt/rt -type f -exec sha256sum {} +; sha256sum /etc/apache2/apache2.conf"
    )
    found = {path: digest for digest, path in map(str.split, listed.splitlines())}
    assert {path: found.get(path) for path in wanted} == wanted
    assert {path for path in found.keys() - wanted.keys() if not path.startswith("/opt/rt/site.d/")} == {
        "/opt/rt/release"
    }


def path_in_image(source: Path) -> str:
    """Return where the Dockerfile puts a file."""
    return (
        "/etc/apache2/apache2.conf" if source.name == "apache2.conf" else f"/opt/rt/{source.relative_to(SOURCE)}"
    )


def test_the_labels_name_the_release(lifecycle: Lifecycle, version: str) -> None:
    """Deployments are distinguished by this label; a wrong one would hide an upgrade that did not happen."""
    labels = lifecycle.client.images.get(lifecycle.rt_image(version)).labels
    assert labels["org.opencontainers.image.version"] == version
    assert labels["rt.release"] == version
    assert labels["rt.scratch"] == "1"


def test_apache_accepts_its_configuration(tools: Rt) -> None:
    """A syntax error must show here and not at the first deploy."""
    done = tools.run("apachectl", "configtest")
    assert (done.code, "Syntax OK" in done.err + done.out) == (0, True), done.err


def test_the_tools_are_on_the_path_without_a_suffix(tools: Rt) -> None:
    """Scripts that call the tools must not change with the release."""
    found = tools.need("sh", "-c", f"for one in {' '.join(TOOLS)}; do command -v $one; done").split()
    assert [path.rpartition("/")[2] for path in found] == list(TOOLS)


@pytest.mark.parametrize(
    "version",
    [one if one == DEFAULT_TARGET else pytest.param(one, marks=pytest.mark.slow) for one in releases()],
    scope="package",
)
def test_no_layer_holds_a_secret(lifecycle: Lifecycle, version: str) -> None:
    """Every layer, and what a later one removed, can be read after a pull.

    All images have one recipe, and exporting an image takes long: one image is enough at every change.
    """
    name = lifecycle.rt_image(version)
    assert of_the_image(lifecycle, version, lambda: clean(layers.check(lifecycle.client, name)), text_of(layers))
