"""Test results become a verdict: unanswered questions count, and only the known failure of a pair is expected."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures import gate_plugin, outcome
from fixtures.gate_plugin import OutcomePlugin
from harness import releases
from harness.common.progress import Progress
from harness.releases import Broken
from harness.stage import Stage
from harness.verdict import MOST_SAMPLES, Finding, Outcome, Report, Verdict

pytest_plugins = ("pytester",)
CLEAN = Report("rows", "?", looked_at=5)
BAD = Report("rows", "?", [Finding("rows", "Tickets", "1 of 5 rows removed")], looked_at=5)
TEST = """
import pytest
@pytest.fixture
def hand_in(record_property):
    def hand_in(bad=False): record_property({property!r}, {bad!r} if bad else {clean!r})
    return hand_in
@pytest.fixture
def broken(): raise ZeroDivisionError("said 'Jane'")
@pytest.fixture
def broken_afterwards():
    yield
    raise ZeroDivisionError()
@pytest.mark.gate("rows")
def test_rows({fixtures}):
    {body}
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no installed plugins in inner sessions, which would take longer than the sessions themselves."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_a_finding_keeps_the_first_samples() -> None:
    """Its sentence has the number, and a report with thousands of keys would not be read."""
    report = Report("rows", "?")
    report.find("Tickets", "20 of 30 rows removed", samples=[str(number) for number in range(20)])
    assert report.findings[0].samples == tuple(map(str, range(MOST_SAMPLES)))


def asked(pytester: pytest.Pytester, body: str, fixtures: str = "hand_in") -> tuple[Outcome, dict[str, str]]:
    """Return outcome and logs of a session with this one test, whose check is promised to the gate."""
    text = TEST.format(
        property=gate_plugin.REPORT_PROPERTY,
        bad=BAD.to_json(),
        clean=CLEAN.to_json(),
        fixtures=fixtures,
        body=body,
    )
    pytester.makepyfile(test_it=text)
    made, logs = Outcome(expected=(CLEAN.check,)), dict[str, str]()
    plugin = OutcomePlugin(made, Progress(io.StringIO()), logs, {})
    pytester.inline_run("-o", "markers=gate", plugins=[plugin])
    return made, logs


@pytest.mark.parametrize(
    ("body", "fixtures", "verdict", "why"),
    [
        ("hand_in()", "hand_in", Verdict.GO, ""),
        ("hand_in(bad=True); pytest.fail()", "hand_in", Verdict.NO_GO, ""),
        ("pytest.skip('not today')", "hand_in", Verdict.NOT_PROVEN, "Not answered: rows. .*not today"),
        ("hand_in()", "hand_in, broken", Verdict.NOT_PROVEN, r"rows\. .*\(ZeroDivisionError: said '\.\.\."),
        ("1 / 0", "hand_in", Verdict.NOT_PROVEN, r"Not answered: rows\. The harness itself failed"),
        ("hand_in(); 1 / 0", "hand_in", Verdict.NOT_PROVEN, r"Not answered: rows\. The harness itself failed"),
        ("hand_in()", "hand_in, broken_afterwards", Verdict.NOT_PROVEN, r"Not answered: rows\. "),
        ("hand_in()", "hand_in, missing", Verdict.NOT_PROVEN, r"Not answered: rows\. "),
        ("pass", "hand_in", Verdict.NOT_PROVEN, r"\[rows\] never reported"),
        ("hand_in(", "hand_in", Verdict.NOT_PROVEN, "test_it.py could not be read"),
    ],
)
def test_what_was_promised_and_not_asked_is_not_proven(
    pytester: pytest.Pytester, body: str, fixtures: str, verdict: Verdict, why: str
) -> None:
    """A test that was skipped, or failed before its check, must not leave a GO."""
    made, logs = asked(pytester, body, fixtures)
    said = "\n".join(made.unproven())
    assert made.verdict() is verdict, said
    assert bool(re.search(why, said, re.DOTALL)) if why else not said
    assert "Traceback" not in said
    assert "Jane" not in said + "".join(logs.values())


def test_an_interrupted_run_keeps_what_was_done(pytester: pytest.Pytester) -> None:
    """The plan shows such a check as done, so the report must not say that it never reported.

    Without an interruption a check that no test asked for stays unproven.
    """
    done = cast(Stage, SimpleNamespace(reports=lambda: [CLEAN]))
    for body, missing in {"raise KeyboardInterrupt": ["schema"], "pass": ["rows", "schema"]}.items():
        made = Outcome(expected=(CLEAN.check, "schema"))
        plugin = OutcomePlugin(made, Progress(io.StringIO()), {}, {}, done)
        pytester.makepyfile(test_it=f"def test_it(): {body}")
        pytester.inline_run("-p", "no:cacheprovider", plugins=[plugin], no_reraise_ctrlc=True)
        assert (made.missing(), made.verdict()) == (missing, Verdict.NOT_PROVEN)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ("hand_in()", Verdict.GO),
        ("hand_in(bad=True); pytest.fail()", Verdict.NO_GO),
        ("1 / 0", Verdict.NOT_PROVEN),
        ("hand_in(); pytest.skip('not today')", Verdict.NOT_PROVEN),
    ],
)
def test_a_remark_is_told_and_changes_no_verdict(pytester: pytest.Pytester, after: str, verdict: Verdict) -> None:
    """What could not be removed after a deploy neither hides an error nor counts as one; every run tells of it."""
    pytester.makeconftest("pytest_plugins = ['fixtures.outcome']")
    made, _ = asked(pytester, f"remark('it is left'); {after}", "hand_in, remark")
    assert (made.remarks, made.verdict()) == (["it is left"], verdict)
    assert ("ZeroDivisionError" in str(made.unanswered)) == (after == "1 / 0")
    assert "it is left" in pytester.runpytest_inprocess("-o", "markers=gate").stdout.lines


def test_a_traceback_is_kept_and_not_shown(pytester: pytest.Pytester) -> None:
    """Readers of a verdict need a sentence, developers of the harness the traceback."""
    made, logs = asked(pytester, "1 / 0")
    [name] = logs
    assert f"logs/{name}.log" in made.unanswered[0]
    assert len(made.unanswered[0].splitlines()) == 1
    assert "ZeroDivisionError" in logs[name]
    assert "test_it.py" in logs[name]


@pytest.mark.parametrize(
    ("options", "code", "said"), [((), 0, False), (("-m", "not engine"), Verdict.NOT_PROVEN.exit_code, True)]
)
def test_a_run_without_an_engine_is_never_green(
    pytester: pytest.Pytester, options: tuple[str, ...], code: int, said: bool
) -> None:
    """The fast tests must not be mistaken for those that try an upgrade."""
    pytester.makepyfile("def test_it(): pass")
    done = pytester.runpytest_inprocess("-p", "fixtures.proven", *options)
    assert (done.ret, "no upgrade was tried" in done.stdout.str()) == (code, said)


JUDGED = """
import pytest
from harness.releases import Pair
from harness.verdict import Finding, Report

@pytest.mark.parametrize("pair", [Pair("4.4.6", "5.0.7", "mariadb-10.11")])
def test_it(pair, verify):
    verify(Report("run", "?", [Finding("run", "log", what) for what in {found!r}], looked_at=1))
"""


@pytest.mark.parametrize(
    ("found", "options", "passes"),
    [
        (["it is known", "also that"], (), True),
        (["it is known", "also that", "and so is it known"], (), True),
        (["it is known"], (), False),
        (["also that"], (), False),
        (["it is strange"], (), False),
        (["it is known", "also that", "it is strange"], (), False),
        ([], (), False),
        (["it is known", "also that"], ("--dump=mine.sql",), False),
    ],
)
def test_a_pair_known_to_fail_must_fail_in_that_way(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    found: list[str],
    options: tuple[str, ...],
    passes: bool,
) -> None:
    """A second defect must not hide behind a known one, and a repaired one must be reported.
    A user's own dump is judged without exceptions.
    """
    patterns = tuple(map(re.compile, ("known", "also")))
    known = {"run": Broken("run", patterns, "its step is wrong")}
    monkeypatch.setattr(releases, "broken", lambda _: known)
    pytester.makepyfile(JUDGED.format(found=found))
    done = pytester.inline_run("-p", "fixtures.options", plugins=[outcome], *options)  # noqa: B026
    done.assertoutcome(passed=int(passes), failed=int(not passes))
