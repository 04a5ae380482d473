"""False health answers must be found by tests/deploy/test_rt_health_truth.py: each of these must fail there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.common.waits import NotReadyError
from tests.deploy import living_through as truth


@dataclass
class Pretended(truth.ObservedInstance):
    """A simulated instance that reports an outage correctly, except for one lie."""

    lie: str = ""
    out: bool = False
    outages: int = 0

    def healthy(self) -> tuple[bool, str]:
        """Return the simulated health."""
        never_again = self.lie == "never healthy again" and self.outages > 0
        return (not self.out and not never_again) or self.lie == "always healthy", "pretended"

    def ready(self) -> bool:
        """Return whether the page is shown."""
        lost = self.lie == "the page stays away" and self.outages > 0
        return (not self.out and not lost) or self.lie == "the page is always there"

    def started(self) -> str:
        """Return the number of restarts."""
        return str(self.outages if self.lie == "restarted by hand" else 0)

    def ended(self) -> str | None:
        """Never end."""
        return None

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Simulate an outage of the database."""
        self.out, self.outages = True, self.outages + 1
        yield
        self.out = False


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the waiting times."""
    monkeypatch.setattr(truth, "UNHEALTHY_WITHIN", 0.2)
    monkeypatch.setattr(truth, "HEALTHY_WITHIN", 0.2)


@pytest.mark.control("health")
def test_the_truth_passes() -> None:
    """Otherwise the other tests here would prove nothing."""
    instance = Pretended()
    truth.assert_survives_outage(instance, instance.outage(), "pretended", lambda _: None)


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
    """Each must be found for its own reason."""
    kind, told = LIES[lie]
    instance = Pretended(lie)
    with pytest.raises(kind, match=told):
        truth.assert_survives_outage(instance, instance.outage(), lie, lambda _: None)
