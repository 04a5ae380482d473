"""The command lines of everything here: wrong usage ends with 3, for 2 means NOT PROVEN."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from harness.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with UsageError's exit code where the library's own would end with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is done."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {message}\n")
