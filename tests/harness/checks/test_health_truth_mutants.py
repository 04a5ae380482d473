"""Health that lies is found out by tests/deploy/test_rt_health_truth.py: each lie here must fail there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.common.waits import NotReadyError
from tests.deploy import living_through as truth


@dataclass
class Pretended(truth.Asked):
    """An instance that tells the truth about an outage, except for one lie."""

    lie: str = ""
    out: bool = False
    outages: int = 0

    def healthy(self) -> tuple[bool, str]:
        """Say how it is."""
        never_again = self.lie == "never healthy again" and self.outages > 0
        return (not self.out and not never_again) or self.lie == "always healthy", "pretended"

    def ready(self) -> bool:
        """Show the page, or not."""
        lost = self.lie == "the page stays away" and self.outages > 0
        return (not self.out and not lost) or self.lie == "the page is always there"

    def started(self) -> str:
        """Count restarts."""
        return str(self.outages if self.lie == "restarted by hand" else 0)

    def ended(self) -> str | None:
        """Go on for ever."""
        return None

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Be without a database."""
        self.out, self.outages = True, self.outages + 1
        yield
        self.out = False


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here takes time."""
    monkeypatch.setattr(truth, "UNHEALTHY_WITHIN", 0.2)
    monkeypatch.setattr(truth, "HEALTHY_WITHIN", 0.2)


@pytest.mark.control("health")
def test_the_truth_passes() -> None:
    """Else everything else here would prove nothing."""
    instance = Pretended()
    truth.lived_through(instance, instance.outage(), "pretended", lambda _: None)


LIES: dict[str, tuple[type[Exception], str]] = {
    "always healthy": (NotReadyError, "saying False"),
    "the page is always there": (AssertionError, "still send people"),
    "never healthy again": (NotReadyError, "saying True"),
    "the page stays away": (NotReadyError, "served again"),
    "restarted by hand": (AssertionError, "restarted"),
}


@pytest.mark.mutants("health")
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_out(lie: str) -> None:
    """Each for what it is."""
    kind, told = LIES[lie]
    instance = Pretended(lie)
    with pytest.raises(kind, match=told):
        truth.lived_through(instance, instance.outage(), lie, lambda _: None)
