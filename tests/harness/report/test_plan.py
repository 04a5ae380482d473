"""The plan is readable before the run, marks the failure after it, and survives conversion to JSON."""

import json

from harness.common.plan import Status, Step
from tests.harness.report import example_run


def test_before_the_run_it_is_a_tree_of_titles() -> None:
    """Users must see what is about to happen, and how long it took last time."""
    plan = Step("gate", [Step("upgrade", [Step("4.5.2"), Step("5.0.2")], expected=2.4), Step("checks")])
    assert plan.text().splitlines() == [
        "gate",
        "├─ upgrade  (last time 2.4 s)",
        "│  ├─ 4.5.2",
        "│  └─ 5.0.2",
        "└─ checks",
    ]


def test_after_the_run_the_failed_step_is_marked() -> None:
    """Only the failed step itself must be marked, not its parents; steps that never ran must say so."""
    plan = Step("gate", [Step("upgrade", [Step("4.5.2"), Step("5.0.2")]), Step("checks")])
    upgrade = plan.children[0]
    plan.status = upgrade.status = upgrade.children[0].status = Status.FAILED
    plan.seconds, upgrade.seconds, upgrade.children[0].seconds = 3.04, 1.9, 0.06
    upgrade.children[0].note = "Duplicate entry"
    upgrade.children[1].status, upgrade.children[1].note = Status.SKIPPED, "half applied"
    assert plan.text(44).splitlines() == [
        "gate ................. FAILED          3.0 s",
        "├─ upgrade ........... FAILED          1.9 s",
        "│  ├─ 4.5.2 .......... FAILED         0.06 s  <== Duplicate entry",
        "│  └─ 5.0.2 .......... skipped: half applied",
        "└─ checks ............ not reached",
    ]


def test_long_titles_keep_the_columns() -> None:
    """A title longer than the line must be cut, so that results stay aligned."""
    plan = Step("x" * 200, status=Status.DONE, seconds=1.0)
    assert plan.text(60) == "x" * 34 + "... " + " done            1.0 s"


def test_it_survives_json() -> None:
    """The tree is passed between processes and stored in report.json."""
    plan = example_run.plan(broken=True)
    assert Step.from_dict(json.loads(json.dumps(plan.as_dict()))) == plan


def test_culprits_are_the_deepest_failures() -> None:
    """Failures on two branches are both causes."""
    one, two = Step("one", status=Status.FAILED), Step("two", status=Status.FAILED)
    plan = Step("all", [Step("left", [one], Status.FAILED), two, Step("ok", status=Status.DONE)], Status.FAILED)
    assert [step.title for step in plan.culprits()] == ["one", "two"]
