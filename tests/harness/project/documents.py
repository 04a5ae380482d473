"""Read the documents of this repository."""

from __future__ import annotations

import pytest

from harness.releases import ROOT

FOLDERS = ("", "benchmarks", "docs", "fixtures/dumps", "image/rt")
DOCUMENTS = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
each = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
