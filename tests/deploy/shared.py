"""What the deploy tests share besides fixtures: which release is deployed, and on whose behalf."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RELEASE = "5.0.3"
Say = Callable[[str], None]


def on_stage(item: pytest.Item) -> bool:
    """Whether a test needs the upgrade of its pair."""
    return "stage" in getattr(item, "fixturenames", ())
