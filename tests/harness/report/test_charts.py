"""The charts draw any run, and what is wrong in it catches the eye."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.common.plan import Status, Step
from harness.report import RunFacts, charts
from harness.report.document import Document
from harness.report.facts import StepFact
from harness.report.html import as_html
from harness.report.timeline import MANY, MARKS, SPANS, timeline
from harness.verdict import Outcome, Report
from tests.harness.mutants.run import good_run


@given(st.lists(st.floats(0, 1e6), max_size=12), st.floats(0, 1e6))
def test_any_durations_can_be_drawn(seconds: list[float], total: float) -> None:
    """Steps of zero length or a week, and runs of zero length, must be drawn."""
    children = [Step(str(at), [], Status.DONE, one, "", total / 2, one) for at, one in enumerate(seconds)]
    rows, axis = charts.plan_rows(Step("gate", children, Status.DONE, total, "", 0.0))
    assert all(0 <= (row.left or 0) <= 100 and 0 <= row.width <= 100 for row in rows)
    assert [tick.at for tick in axis] == sorted({tick.at for tick in axis})
    assert len(charts.step_rows([StepFact("x", one) for one in seconds])) == len(seconds)


def test_ticks_are_round_and_few() -> None:
    """The axis must have round numbers to be readable."""
    assert [tick.label for tick in charts.ticks(41.7)] == ["0", "10 s", "20 s", "30 s", "40 s"]
    assert [tick.label for tick in charts.ticks(0.31)] == ["0", "0.1 s", "0.2 s", "0.3 s"]
    assert [tick.label for tick in charts.ticks(1500)] == ["0", "5 min", "10 min", "15 min", "20 min"]
    assert charts.ticks(0) == []


def test_the_upgrade_steps_have_an_axis() -> None:
    """A bar without a scale says only which step was the longest."""
    facts = RunFacts("run", "pair", steps=[StepFact("4.5.2", 1.6), StepFact("5.0.2", 0.4)])
    page = as_html(Document(facts, Outcome(), Step("gate")))
    chart = page[page.index('id="steps"') :].partition("</section>")[0]
    assert [label for label in ("0.5 s", "1 s", "1.5 s") if f">{label}</text>" not in chart] == []


def test_unexplained_row_changes_come_first() -> None:
    """One lost row is more important than a thousand that a step may change."""
    chart = charts.row_changes(
        [
            {"table": "Attributes", "before": 9, "after": 1009, "added": 1000},
            {"table": "Users", "before": 4, "after": 4},
            {"table": "Tickets", "before": 9, "after": 8, "removed": 1, "unexplained": 1},
        ]
    )
    assert [row.table for row in chart.rows] == ["Tickets", "Attributes"]
    assert (chart.same, chart.unexplained) == (["Users"], 1)


def test_what_checks_noted_is_drawn_as_well() -> None:
    """The check of rows records its counts by table, and the page must draw them without further settings."""
    change = {"table": "Attributes", "before": 9, "after": 11, "added": 2, "removed": 0, "changed": 0}
    report = Report("rows", "?", looked_at=9, facts={"row_changes": [change], "seconds for checksums": 0.4})
    text = as_html(Document(RunFacts("run", "pair"), Outcome([report]), Step("gate")))
    assert "Row changes by table" in text
    assert "seconds for checksums" in text
    assert "<title>Attributes: 2 added</title>" in text


def test_many_moments_become_a_density() -> None:
    """A minute of writes must be drawn as their rate, so that a gap is visible.

    Each kill keeps a mark of its own.
    """
    writes = [{"t": at / 10, "kind": "write", "lane": "writes"} for at in range(MANY * 4) if not 100 < at < 200]
    chart = timeline([*writes, {"t": 12.0, "kind": "kill", "label": "SIGKILL", "lane": "instance 1"}])
    lane, other = chart.lanes
    assert not lane.marks
    assert not [one for one in lane.bins if 33 < one.left < 61]
    assert [mark.kind for mark in other.marks] == ["kill"]
    assert chart.kinds == ["kill", "write"]
    assert [moment.lane for moment in chart.moments] == ["instance 1"]


@pytest.mark.parametrize("kind", [*MARKS, *SPANS, "something new"])
def test_every_kind_of_event_may_last(kind: str) -> None:
    """A kind with a mark keeps it however long the event took: a kill of half a second is no bar."""
    event = {"t": 12.0, "until": 12.5, "kind": kind, "label": "SIGKILL", "lane": "instance 1"}
    facts = RunFacts("kills", "RT", facts={"timeline": [event]})
    page = as_html(Document(facts, Outcome(), Step("kills")))
    [lane] = timeline([event]).lanes
    assert [mark.kind for mark in lane.marks] == ([kind] if kind in MARKS else [])
    assert len(lane.spans) == (kind not in MARKS)
    assert "12.00 s: SIGKILL" in page


def steps_drawn(*steps: StepFact, report: Report) -> dict[str, tuple[str, str]]:
    """Return the class of each step's bar and what stands beside it, by the step's name."""
    facts = RunFacts("run", "pair", steps=list(steps))
    page = as_html(Document(facts, Outcome([report]), Step("gate")))
    chart = page[page.index('id="steps"') :].partition("</section>")[0]
    pattern = r'<span class="mono">([\d.]+)</span>.*?<rect class="b-(\w+)".*?<div class="value">(.*?)</div>'
    drawn = re.findall(pattern, chart, re.DOTALL)
    return {name: (kind, re.sub("<.*?>", "", said)) for name, kind, said in drawn}


def test_a_step_that_failed_looks_like_none_that_is_done() -> None:
    """It is the first thing that a reader looks for; so is one whose SQL failed while the upgrade went on."""
    report = Report("run", "?", looked_at=9)
    report.find("step 4.5.1", "an SQL error was logged at level warning")
    steps = StepFact("4.5.0", 1.0), StepFact("4.5.1", 1.0), StepFact("4.5.2", 1.0, failed=True)
    assert steps_drawn(*steps, report=report) == {
        "4.5.0": ("done", "1.0 s"),
        "4.5.1": ("found", "findings 1.0 s"),
        "4.5.2": ("failed", "failed 1.0 s"),
    }


@pytest.mark.parametrize(("code", "failed"), [(0, []), (255, ["5.0.2"])])
def test_the_step_in_which_the_upgrade_ended_has_failed(code: int, failed: list[str]) -> None:
    """RT says which step it begins, and not in which one it ends."""
    run = replace(good_run("4.4.6", "5.0.3", ["4.5.0", "4.5.2", "5.0.2"]), code=code)
    assert [step.name for step in run.steps if step.failed] == failed
