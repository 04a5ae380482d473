"""Read a dump's manifest: the facts beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.releases import parse

_TEXTS = ("release", "server", "sha256", "why")


class DumpError(UsageError):
    """The dump is missing, damaged, truncated, or does not match its manifest."""


@dataclass(frozen=True)
class Manifest:
    """Facts beside a dump. `rows` maps table to row count; `accounts` maps name to password of test accounts."""

    release: str
    server: str
    sha256: str
    why: str
    rows: dict[str, int]
    accounts: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def manifest_of(path: Path) -> Path:
    """Return the path of a dump's manifest."""
    return path.with_name(path.name.partition(".sql")[0] + ".toml")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises DumpError if it cannot be read, or a fact is missing or of the wrong type."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DumpError(
            f"The manifest {path.name} cannot be used: {why}.",
            repair="write it as the bundled ones are, or take it away: less can be checked then",
        ) from error
    known = {key: data.pop(key, None) for key in _TEXTS}
    tables = {key: data.pop(key, standard) for key, standard in (("rows", None), ("accounts", {}))}
    wrong = [f"{key} must be a text" for key, value in known.items() if not isinstance(value, str)]
    wrong += [
        f"{key} must be a table of {kind.__name__} values"
        for (key, table), kind in zip(tables.items(), (int, str), strict=True)
        if not isinstance(table, dict) or not all(type(value) is kind for value in table.values())
    ]
    if wrong:
        raise DumpError(
            f"The manifest {path.name} cannot be used: {', '.join(wrong)}.",
            repair="write it as the bundled ones are, or take it away: less can be checked then",
        )
    parse(known["release"])
    return Manifest(**known, **tables, facts=data)
