"""Write docs/traps.md from traps.toml: `python -m harness.traps`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness.common.arguments import Parser
from harness.engine import faults
from harness.releases import ROOT
from harness.traps import Trap, read

PAGE = ROOT / "docs" / "traps.md"
_HEAD = """# Real traps

What has stopped real upgrades, or let them lose something while all looked well. Each is a small patch of a
bundled dump in `harness/traps/traps.toml`, of which `.venv/bin/python -m harness.traps` makes this page.
To run one:

    .venv/bin/python -m pytest tests/upgrade/test_traps.py -k NAME
"""


def page(traps: list[Trap]) -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *map(_section, traps)])


def _section(trap: Trap) -> str:
    lines = [
        f"## {trap.name}",
        "",
        f"`{trap.dump}` as {trap.declared} to {trap.target} on {trap.server}: **{trap.verdict.value}**"
        f"{', and the upgrade is not even run' if trap.refused else ''}",
        "",
        f"- Symptom: {trap.symptom}",
        f"- Cause: {trap.cause}",
    ]
    for sign in trap.signs:
        word = "Note" if sign.note else "Finding"
        lines.append(f'- {word} of `{sign.check}`: "... {sign.text} ..."')
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return the exit code."""
    Parser(prog="python -m harness.traps", description=__doc__).parse_args(arguments)

    def work() -> int:
        traps = read()
        PAGE.write_text(page(traps), encoding="utf-8")
        print(f"{PAGE.relative_to(ROOT)}: {len(traps)} traps")
        return 0

    return faults.run_command("traps", work)


if __name__ == "__main__":
    sys.exit(main())
