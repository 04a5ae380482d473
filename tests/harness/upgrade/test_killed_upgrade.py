"""An upgrade killed from outside says nothing about the site; one ended by its time limit does."""

from __future__ import annotations

import pytest

from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks import run
from harness.engine.commands import EXIT_KILLED
from harness.errors import InfrastructureError

pytestmark = pytest.mark.engine
ORIGIN, TARGET = "4.4.6", "5.0.3"
KILLED = "echo Processing 5.0.2; kill -KILL $$"
DEAF = "trap '' TERM; echo Working; while :; do sleep 1; done"


def upgrading(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Replace the upgrade by a script."""
    monkeypatch.setattr(upgrade, "command", lambda *_: ("sh", "-c", script))


def test_one_that_was_killed_proves_nothing(rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Usually the kernel killed it for lack of memory, so advice about the database server would not help."""
    upgrading(monkeypatch, KILLED)
    with pytest.raises(InfrastructureError, match=r"^The upgrade to 5\.0\.3 was killed after \d+ s") as told:
        upgrade.run(rt_tools(TARGET, None), ORIGIN, TARGET)
    assert "Processing 5.0.2" in str(told.value)
    assert "memory" in told.value.repair


def test_whoever_kills_it_on_purpose_is_told(rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drills kill it on purpose and inspect the database; no limit was exceeded then."""
    upgrading(monkeypatch, KILLED)
    made = upgrade.run(rt_tools(TARGET, None), ORIGIN, TARGET, may_be_killed=True)
    assert (made.code, made.timed_out) == (EXIT_KILLED, False)
    assert "ended with exit code 137" in str(run.check(made, ["5.0.2"]))


@pytest.mark.parametrize("script", ["echo Working; sleep 60", DEAF], ids=["usual", "deaf"])
def test_one_that_takes_too_long_is_a_finding(
    rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """An upgrade that ignores SIGTERM and must be killed at its limit has exceeded it as well."""
    upgrading(monkeypatch, script)
    made = upgrade.run(rt_tools(TARGET, None), ORIGIN, TARGET, limit=0.5)
    assert made.timed_out
    assert "it was still running after" in str(run.check(made, ["5.0.2"]))
