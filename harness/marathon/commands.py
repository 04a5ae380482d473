"""placeholder"""

from typing import Any


def add_commands(chosen: Any) -> None:
    """None yet."""
