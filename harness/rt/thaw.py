"""Decode Perl's Storable into plain values, in an RT container: untrusted data stays out of this process."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.errors import InfrastructureError
from harness.rt import Rt

PROGRAM = "/opt/rt/thaw"
BATCH = 8_000_000
"""Maximum characters of frozen content sent at once."""
REMEMBERED = 32_000_000
"""Characters of frozen content whose values are cached; beyond that the cache is cleared, to limit memory."""
CLASSES = "(classes)"
"""Key under which a value has the names of the classes of its objects, if there are any."""
_BLESSED = re.compile(rb"\x11([\x01-\x7f])(?=([A-Za-z_][\w:]*))")
"""Storable's mark of an object, the length of its class's name, and the name."""


@dataclass(frozen=True)
class Unreadable:
    """Placeholder for content that cannot be decoded: equal only if both the reason and the content are."""

    reason: str
    content: str


class Thawer:
    """Decodes frozen content in an RT container; caches the values, as calls are slow."""

    def __init__(self, tools: Rt) -> None:
        """Use this container; any release will do, as the format has not changed."""
        self.tools = tools
        self._known: dict[str, Any] = {}
        self._size = 0

    def value(self, content: str) -> Any:
        """Return frozen content (base64 text) as strings, None, lists and dicts; Unreadable if it is damaged."""
        if content not in self._known:
            self.load([content])
        return self._known[content]

    def load(self, contents: Iterable[str]) -> None:
        """Decode many contents at once, so that `value` finds them.

        Raises InfrastructureError if the program fails.
        """
        new = [content for content in dict.fromkeys(contents) if content not in self._known]
        self._size += sum(map(len, new))
        if self._size > REMEMBERED:
            self._known.clear()
            self._size = sum(map(len, new))
        for batch in _batches(new):
            questions = [json.dumps({"id": number, "content": one}) for number, one in enumerate(batch)]
            done = self.tools.tool(PROGRAM, stdin="".join(f"{question}\n" for question in questions).encode())
            # not splitlines(): some letters of other alphabets, read byte by byte, contain characters that it
            # splits at
            answers = [json.loads(line) for line in done.out.split("\n") if line]
            if done.code or [answer["id"] for answer in answers] != list(range(len(batch))):
                raise InfrastructureError(
                    f"{PROGRAM} gave {len(answers)} answers to {len(batch)} questions (exit code {done.code}).",
                    [("Errors", done.err[-2000:])],
                )
            for content, answer in zip(batch, answers, strict=True):
                unreadable = Unreadable(answer.get("error", ""), content)
                value = answer.get("value", unreadable)
                self._known[content] = value if value is unreadable else _with_classes(value, content)


def classes(content: str) -> list[str]:
    """Return the names of the classes of all objects in frozen content, sorted; [] if it has only plain data.

    The program decodes objects as plain data, because a class may run code; its name can be read all the same.
    Text that looks like such a name does so on both sides of a comparison.
    """
    try:
        frozen = base64.b64decode(content)
    except binascii.Error:
        return []
    found = {mark[2][: mark[1][0]] for mark in _BLESSED.finditer(frozen) if len(mark[2]) >= mark[1][0]}
    return sorted(name.decode("ascii") for name in found)


def _with_classes(value: Any, content: str) -> Any:
    """Return a decoded value with the names of its classes: an object is not equal to plain data."""
    if not (names := classes(content)):
        return value
    return {**(value if isinstance(value, dict) else {"(value)": value}), CLASSES: names}


def _batches(contents: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for content in contents:
        batch.append(content)
        size += len(content)
        if size > BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
