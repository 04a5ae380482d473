"""All cases of all lint rules: changes that a rule must report, and similar ones that it must not."""

from __future__ import annotations

from tests.harness.marathon import lint_cases_deploy as deploy
from tests.harness.marathon import lint_cases_health as health
from tests.harness.marathon import lint_cases_proof as proof
from tests.harness.marathon import lint_cases_shape as shape

CATCHES = [*health.CATCHES, *proof.CATCHES, *shape.TYPES_AND_RANGES, *shape.TOGETHER, *deploy.CATCHES]
SILENT = [*health.SILENT, *proof.SILENT, *shape.SILENT, *deploy.SILENT]
