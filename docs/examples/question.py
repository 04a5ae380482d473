"""What the check needs of both sides."""

from __future__ import annotations

from docs.examples import parentage as parentage_check
from harness.stage.sides import Sides
from harness.verdict import Report


def parentage(sides: Sides) -> Report:
    """Check all attachments of the upgraded copy."""
    return parentage_check.check(sides.after())
