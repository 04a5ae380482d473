"""If a server or program dies during a run, this proves nothing about the site: no check may report a finding."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from harness.checks import integrity
from harness.checks.integrity import Validation
from harness.common import cache
from harness.database import liveness
from harness.dump.choice import choose
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.stage import Stage
from harness.stage.shown import Shown, Silent
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
KILL = """
for process in /proc/[0-9]*; do
    case "$(readlink "$process/exe")" in
    */perl*) ! grep -qs rt-setup-database "$process/cmdline" || kill -KILL "${process#/proc/}" ;;
    esac
done
"""
"""Kills the upgrade's processes, but not the process that waits for their end."""


class Heard(Shown):
    """Calls a function with the upgrade's output before the upgrade continues."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        """Remember the function."""
        super().__init__()
        self._hear = hear

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Silent]:
        """Return a listening step for the upgrade, a silent one for anything else."""
        yield Listener(self._hear) if title.startswith("upgrade") else Silent()


class Listener(Silent):
    """A step that passes its notes on."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        """Remember the function."""
        self._hear = hear

    def note(self, text: str) -> None:
        """Pass the note on."""
        self._hear(text)


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the cache of facts."""
    monkeypatch.setattr(cache, "cached", lambda make, *_: make())


def test_during_the_upgrade(lifecycle: Lifecycle) -> None:
    """The kernel kills the largest process if memory is short; RT then ends as with a broken step."""

    def doom(said: str) -> None:
        """Kill the server when the upgrade reports that it begins a certain step."""
        if said == "Processing 4.5.1":
            stage.sides.untouched().container.signal("KILL")

    stage = Stage(lifecycle, choose(), shown=Heard(doom))
    try:
        for question in (stage.ran, stage.rows):
            with pytest.raises(
                InfrastructureError, match=r"^mariadb-10\.11 went away during upgrade to 5\.0\.3: "
            ):
                question()
        assert liveness.gone(stage.sides.before()) is None
    finally:
        stage.close()


def test_the_upgrade_itself(lifecycle: Lifecycle) -> None:
    """If Perl is the largest process, the kernel kills it; server and container live on."""

    def doom(said: str) -> None:
        """Kill the upgrade when it reports that it begins a certain step."""
        if said == "Processing 4.5.1":
            stage.sides.new().need("sh", "-c", KILL)

    stage = Stage(lifecycle, choose(), shown=Heard(doom))
    try:
        for question in (stage.ran, stage.rows):
            with pytest.raises(InfrastructureError, match=r"^The upgrade to 5\.0\.3 was killed after \d"):
                question()
    finally:
        stage.close()


def test_during_a_check(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A validator without its server reports new problems, which are no reason to run another one."""
    collect, asked = integrity.collect, list[Rt]()

    def noted(tools: Rt) -> Validation:
        """Note who is asked."""
        asked.append(tools)
        return collect(tools)

    monkeypatch.setattr(integrity, "collect", noted)
    stage = Stage(lifecycle, choose("5.0.3", "5.0.3"))
    try:
        assert stage.old_side.validation()  # the earlier result is cached, independent of the tests before
        asked.clear()
        stage.sides.after().container.signal("KILL")
        with pytest.raises(InfrastructureError, match=r"^mariadb-10\.11 went away during the check integrity: "):
            stage.integrity()
        assert asked == [stage.sides.new()]
    finally:
        stage.close()


@pytest.mark.usefixtures("nothing_known")
def test_while_something_is_learnt_to_be_remembered(lifecycle: Lifecycle) -> None:
    """A dead server's answer about the old side must not be cached for later runs."""
    stage = Stage(lifecycle, choose())
    try:
        assert stage.sides.old()
        stage.sides.before().container.signal("KILL")
        with pytest.raises(
            InfrastructureError, match=r"^mariadb-10\.11 went away during the reading of validation"
        ):
            stage.old_side.validation()
    finally:
        stage.close()
