"""Provide the example runs as fixtures."""

from pathlib import Path

import pytest

from harness.report import write
from harness.report.document import Document
from tests.harness.report import examples


@pytest.fixture(params=list(examples.EXAMPLES))
def example(request: pytest.FixtureRequest) -> Document:
    """Return each of the example runs in turn."""
    made = examples.EXAMPLES[request.param]()
    assert request.param.startswith(made.outcome.verdict().value.replace(" ", "-").lower())
    return made


@pytest.fixture
def written(example: Document, tmp_path: Path) -> Path:
    """Return the directory of an example run's report."""
    write(tmp_path / "run", example.facts, example.outcome, example.plan, example.logs)
    return tmp_path / "run"
