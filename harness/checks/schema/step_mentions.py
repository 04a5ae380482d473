"""Find the tables, columns and indexes that the applied steps mention in their own SQL and Perl.

A difference that the old database had already concerns the upgrade if a step mentions its place: then the step
should have changed it. Read from the files of RT's etc/upgrade in the target's image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.rt import Rt

_FILES = (
    'cd /opt/rt/upgrade; for step; do for file in "$step"/schema.mysql* "$step"/indexes; do'
    ' [ ! -f "$file" ] || { echo "== $file"; cat "$file"; echo; }; done; done'
)
_HEAD = re.compile(r"^== \S+/(\S+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$|--.*$|#\s.*$", re.MULTILINE)
_WRITTEN = re.compile(r"\s*(?:UPDATE|INSERT|REPLACE|DELETE)\b", re.IGNORECASE)
_EVENTS = {"INSERT": r"INSERT|REPLACE", "UPDATE": r"UPDATE", "DELETE": r"DELETE|REPLACE"}
"""Words of the statements by which each event comes about."""
_INTERPOLATED = re.compile(r"(\w+)\$\{?\w+")


@dataclass(frozen=True)
class StepMentions:
    """Passages: each one SQL statement, or a whole Perl file, because loops in it span statements."""

    passages: tuple[str, ...] = ()

    def include(self, table: str, *names: str) -> bool:
        """Tell whether a passage names the table and all of these columns or indexes."""
        return any(all(_names(one, name) for name in (table, *names)) for one in self.passages)

    def write(self, table: str, event: str) -> bool:
        """Tell whether a statement names the table and may cause an INSERT, UPDATE or DELETE of its rows."""
        verb = re.compile(rf"\b(?:{_EVENTS[event]})\b", re.IGNORECASE)
        return any(_WRITTEN.match(one) and verb.search(one) and _names(one, table) for one in self.passages)


def _names(passage: str, name: str) -> bool:
    if re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", passage, re.IGNORECASE):
        return True
    # Perl names indexes in a loop: "Links$i".
    beginnings = _INTERPOLATED.findall(passage)
    return any(re.fullmatch(rf"{re.escape(one)}\d+", name, re.IGNORECASE) for one in beginnings)


def read(target: Rt, steps: Sequence[str]) -> StepMentions:
    """Read the passages of these steps from a container's release."""
    return parse(target.of_image("sh", "-c", _FILES, "sh", *steps)) if steps else StepMentions()


def parse(text: str) -> StepMentions:
    """Split concatenated files, each below a line "== step/name"."""
    _, *parts = _HEAD.split(text)
    passages: list[str] = []
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        plain = _COMMENT.sub("", content)
        passages += [plain] if name == "indexes" else [one for one in plain.split(";") if one.strip()]
    return StepMentions(tuple(passages))
