"""Defects planted in the proofs of a deploy and of a stop: each must make the fast tests named with it fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness.marathon.planted import UNIT, Mutant
from tests.harness.marathon.planting import copy_of_the_code, outcome, places, spoil

PACKAGE = "harness/marathon"
GATE, STOP, ANSWERS, SLOW = FILES = [
    f"{UNIT}/test_marathon_{name}.py" for name in ("gate", "stop_proof", "answers", "slow_answers")
]
LAST_WORD = f"{UNIT}/test_marathon_stopall_unreachable.py::test_the_last_word_of_a_task_counts"


def _in(module: str, old: str, new: str, tests: Sequence[str]) -> Mutant:
    return Mutant(module, old, new, tests, PACKAGE)


MUTANTS = [
    _in("stopping", "if empty < 2:", "if empty < 1:", [STOP]),
    _in("stopping", "served |= _served(tasks)", "pass", [STOP]),
    _in("stopping", "proof.record(before.tasks)", "pass", [STOP]),
    _in("stopping", "proof.record_app(now, heard)", "proof.record((), heard)", [STOP]),
    _in("stop_proof", 'failure.state == "TASK_FAILED"', "failure.state in ENDED", [STOP]),
    _in("stop_proof", '"RUNNING", "KILLING")', '"RUNNING", "KILLING", "UNREACHABLE")', [LAST_WORD]),
    _in("stop_proof", "event.type == TASK_STATUS and event.app_id == self.app_id", "True", [LAST_WORD]),
    _in("watch", "self.good_polls >= 2", "self.good_polls >= 1", [GATE]),
    _in("watch", "now - self._good_since >= self.soak and", "", [GATE]),
    _in("watch", "and snapshot.probes is not None", "", [GATE]),
    _in("live_rule", 'yield Unmet("probe", f"task {task.id} was not asked")', "continue", [GATE]),
    _in("live_rule", "elif not result.good:", "elif not result.reached:", [GATE]),
    _in("live_rule", "    return accepted and task.version is not None and", "    return accepted or", [GATE]),
    _in("live_rule", "if failure.timestamp >= wanted.since", "if failure.timestamp > wanted.since", [GATE]),
    _in("connection", "answer.status_code >= 300", "answer.status_code >= 400", [ANSWERS]),
    _in("connection", "or (kind is dict and not value)", "", [ANSWERS]),
    _in("timed", "        left(end)\n    return", "    return", [SLOW]),
    _in("timed", "self._received.limit_each_read()", "pass", [SLOW]),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the code for planting defects."""
    return copy_of_the_code(tmp_path)


@pytest.mark.slow
@pytest.mark.mutants("deploy")
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_fast_tests_catch(tree: Path, mutant: Mutant) -> None:
    """One defect at a time."""
    spoil(tree, mutant)
    found = outcome(tree, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.control("deploy")
def test_the_copy_itself_passes(tree: Path) -> None:
    """Otherwise any mutant would count as caught."""
    found = outcome(tree, *FILES, LAST_WORD)
    assert found.code == 0, found.text


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    """A slow test would be late to show that the code has changed."""
    assert places(mutant) == 1
