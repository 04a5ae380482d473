"""The tests of the decision, of `replace` and of its claim catch planted defects, one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.marathon.planted import Mutant
from tests.harness.marathon.planted_deploy import ENGINE_UNITS, ON_ENGINE, PURE, UNITS
from tests.harness.marathon.planting import copy_of_the_code, outcome, outcome_with, places


@pytest.mark.slow
@pytest.mark.mutants("deploy")
@pytest.mark.parametrize("mutant", PURE, ids=str)
def test_tests_without_an_engine_catch(tmp_path: Path, mutant: Mutant) -> None:
    """In a copy of the code the test that is named with the defect must fail."""
    found = outcome_with(tmp_path, mutant, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.mutants("deploy")
@pytest.mark.parametrize("mutant", ON_ENGINE, ids=str)
def test_tests_on_a_marathon_catch(tmp_path: Path, tiny_image: str, mutant: Mutant) -> None:
    """The same for defects that only a Marathon with its apps shows."""
    del tiny_image
    found = outcome_with(tmp_path, mutant, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.control("deploy")
def test_the_copy_itself_passes(tmp_path: Path, tiny_image: str) -> None:
    """Otherwise any mutant would count as caught."""
    del tiny_image
    found = outcome(copy_of_the_code(tmp_path), *UNITS, *ENGINE_UNITS)
    assert found.code == 0, found.text


@pytest.mark.parametrize("mutant", PURE + ON_ENGINE, ids=str)
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    """A slow test would be late to show that the code has changed."""
    assert places(mutant) == 1
