"""The end of a scratch deploy: what it does not prove stays said, and a failed removal is no error."""

from __future__ import annotations

import io
import socket
from datetime import date

import pytest

from fixtures.gate_plugin import OutcomePlugin
from harness.common.progress import Progress
from harness.marathon.client import Marathon
from harness.report import acceptance
from harness.report.acceptance import Acceptance
from harness.verdict import Outcome, Verdict
from tests.deploy.on_trial import remove_or_remark

pytest_plugins = ("pytester",)
CHECK, RESERVATION = "marathon-deploy", "The upgraded copy was not what was deployed."
SIGNED_OFF = Acceptance(CHECK, "/trial/*", "it is slow", "J. Example", "known", date.max)
TRIAL = """
import pytest
from harness.verdict import Finding, Report
from tests.deploy.on_trial import hand_in

@pytest.mark.gate({check!r})
def test_trial(verify):
    found = [Finding({check!r}, "/trial/rt", what) for what in {found!r}]
    hand_in(Report({check!r}, "?", found, looked_at=2), {reservation!r}, verify)
"""


@pytest.mark.parametrize(
    ("found", "reservation", "verdict"),
    [
        ([], "", Verdict.GO),
        ([], RESERVATION, Verdict.NOT_PROVEN),
        (["it is slow"], "", Verdict.GO),
        (["it is slow"], RESERVATION, Verdict.NOT_PROVEN),
        (["it is slow", "it is ill"], RESERVATION, Verdict.NO_GO),
    ],
)
def test_a_reservation_outlives_findings_that_are_signed_off(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    found: list[str],
    reservation: str,
    verdict: Verdict,
) -> None:
    """On a real Marathon the copy was never deployed, whatever was found there and accepted; it is said once."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['fixtures.outcome']")
    pytester.makepyfile(TRIAL.format(check=CHECK, found=found, reservation=reservation))
    outcome = Outcome(expected=(CHECK,))
    plugin = OutcomePlugin(outcome, Progress(io.StringIO()), {}, {})
    pytester.inline_run("-o", "markers=gate", plugins=[plugin])
    judged = acceptance.apply(outcome, [SIGNED_OFF])
    assert (judged.verdict(), len(judged.accepted)) == (verdict, int("it is slow" in found))
    assert str(judged.unproven()).count(RESERVATION) == bool(reservation)


@pytest.mark.parametrize(
    ("real", "how"), [(True, 'curl -X DELETE "$MARATHON_URL/v2/apps/trial/rt?force=true"'), (False, "make clean")]
)
def test_a_failed_removal_is_a_remark(real: bool, how: str) -> None:
    """It says what is left, why, and how to remove it. An error would hide that of the deploy, or its verdict."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    said: list[str] = []
    with Marathon(f"http://127.0.0.1:{port}") as gone:
        remove_or_remark(gone, "/trial/rt", said.append, real=real)
    (text,) = said
    assert text.startswith("/trial/rt, deployed on trial, may still run, for its removal failed: ")
    assert f"127.0.0.1:{port}" in text
    assert text.endswith(f". To remove it: {how}")
