"""Let asserts in helpers beside the tests show compared values, as asserts in the tests do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.deploy", "tests.harness", "tests.smoke", "tests.upgrade")
