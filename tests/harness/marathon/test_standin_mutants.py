"""The tests of the stand-in catch planted defects: each mutant must make the tests named with it fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.marathon.planted import CONFORMANCE, ON_ENGINE, PURE, UNITS, Mutant
from tests.harness.marathon.planting import Outcome, copy_of_the_code, outcome, outcome_with, places


@pytest.mark.slow
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", PURE, ids=str)
def test_unit_tests_catch(tmp_path: Path, mutant: Mutant) -> None:
    """One defect at a time, in a copy of the stand-in."""
    found = outcome_with(tmp_path, mutant, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", ON_ENGINE, ids=str)
def test_conformance_items_catch(tmp_path: Path, tiny_image: str, mutant: Mutant) -> None:
    """The same for defects that only a request to a real server shows."""
    del tiny_image
    found = outcome_with(tmp_path, mutant, CONFORMANCE, "-k", mutant.tests[0])
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.control("stand-in")
def test_the_copy_itself_passes(tmp_path: Path) -> None:
    """Otherwise any mutant would count as caught."""
    found = outcome(copy_of_the_code(tmp_path), *UNITS)
    assert found.code == 0, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.control("stand-in")
def test_the_conformance_items_of_the_copy_itself_pass(tmp_path: Path, tiny_image: str) -> None:
    """Otherwise a mutant could be caught because of a defect of the copy."""
    del tiny_image
    items = sorted({f"({mutant.tests[0]})" for mutant in ON_ENGINE})
    found = outcome(copy_of_the_code(tmp_path), CONFORMANCE, "-k", " or ".join(items))
    assert found.code == 0, found.text


def test_an_error_around_a_test_catches_nothing() -> None:
    """Pytest's exit code is 1 for a failed fixture too."""
    assert Outcome(1, "FAILED a.py::test - assert 1 == 2\n1 failed").caught
    assert not Outcome(1, "ERROR a.py::test - NotReadyError\n1 error").caught
    assert not Outcome(2, "FAILED a.py::test\n!!! Interrupted").caught


@pytest.mark.parametrize("mutant", PURE + ON_ENGINE, ids=str)
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    """A slow test would be late to show that the code has changed."""
    assert places(mutant) == 1
