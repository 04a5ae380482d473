"""The lint rules about health checks: L01, L03 to L05, L08 to L14, L17, L18, L23."""

from __future__ import annotations

from tests.harness.marathon.lint_cases import FORMS, findings


def test_grace_against_a_measured_start() -> None:
    """The minimum grace period is twice the measured start."""
    for form in FORMS:
        assert "L13" in {one.rule.id for one in findings(form, measured_start=50)}
        assert findings(form, measured_start=45) == []
