"""The command lines of everything here: wrong usage ends with 3, for 2 means NOT PROVEN.

Words that say nothing are refused: `--to "$RELEASE"`, where the variable is empty, must not mean the default.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from harness.errors import UsageError

_NO = ("", "0", "no", "false", "off")
_EMPTY = re.compile(r"(--[\w-]+)=\s*")


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with UsageError's exit code where the library's own would end with 2."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse as the library does; words without content are wrong usage."""
        words = list(sys.argv[1:] if args is None else args)
        for before, word in zip(["", *words], words, strict=False):
            option = _EMPTY.fullmatch(word)
            if option or not word.strip():
                where = option[1] if option else before if before.startswith("-") else "an argument"
                self.error(f"{where} has an empty value: give it one, or leave it out")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is done."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {message}\n")


def positive(text: str) -> float:
    """Return an option's value as a number above 0 that is one: neither infinite nor "nan"."""
    number = float(text)
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def count(text: str) -> int:
    """Return an option's value as a number of times, one at least."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def is_on(variable: str) -> bool:
    """Tell whether a variable of the environment says yes: whatever is not nothing, 0, no, false or off."""
    return os.environ.get(variable, "").strip().lower() not in _NO
