"""Every check has planted defects of its own: one that has lost them may find nothing, and nobody would notice."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.stage import QUESTIONS
from tests.harness.mutants import guard, image, layers, preflight

pytestmark = pytest.mark.xdist_group("collected")
FEWEST = 5
FOLDER = "tests/harness/checks"
TOGETHER = {
    f"{FOLDER}/test_preflight_mutants.py::test_defects_of_the_database": ("preflight", len(preflight.MUTANTS)),
    f"{FOLDER}/test_image_mutants.py::test_every_altered_file_is_found": ("image", len(image.MUTANTS)),
    f"{FOLDER}/test_layers_mutants.py::test_every_secret_of_an_earlier_layer_is_found": (
        "layers",
        len(layers.MUTANTS),
    ),
    f"{FOLDER}/test_guard_mutants.py::test_what_must_not_be_served_is_told": (
        "guard",
        len((*guard.HISTORIES, *guard.TABLES)),
    ),
}
"""Tests that plant many defects one after the other, each with its check and how many there are."""
CHECKS = {*QUESTIONS, "acknowledged", "dump", "guard", "image", "killed", "layers", "paths", "stand-in", "time"}


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_each_check_has_planted_defects(
    every_test: dict[str, bool], every_planted: dict[str, str], check: str
) -> None:
    """They are counted as pytest collects them, so a file that is not collected does not count."""
    found = Counter(every_planted.values())
    for name, (about, number) in TOGETHER.items():
        found[about] += number if name in every_test else 0
    assert found[check] >= FEWEST
