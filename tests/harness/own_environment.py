"""Name the variables that a program in a session of its own must not get from ours."""

from __future__ import annotations

from harness.common import owner

NOT_ITS_OWN = (owner.SESSION_VARIABLE, owner.HELD_VARIABLE, "PYTEST_ADDOPTS")
