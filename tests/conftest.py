"""Helpers beside the tests show what they compared when it was not so, as the tests themselves do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.deploy", "tests.harness", "tests.smoke", "tests.upgrade")
