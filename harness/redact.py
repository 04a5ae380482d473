"""Take people's data out of log lines before they are shown: logs quote what the database refused."""

from __future__ import annotations

import re

_NAMED = re.compile(
    r"(?:\b(?:column|table|key|constraint|index|step|collation|engine|procedure|function|method|package|file"
    r"|class|role|right|option|condition|action|in|of|for|finish|open|dir|field|module)\s+|[`.])$",
    re.IGNORECASE,
)
_FRAME = re.compile(r"^(\s+[\w:]+)\(.*\) called at ")
_QUOTED = re.compile(r"(?<![A-Za-z])'((?:[^'\\\n]|\\.|'')*)'")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_SCHEMA_WORD = re.compile(r"[\w.`/ -]{0,64}")
HIDDEN = "'...'"


def line(text: str, width: int = 300) -> str:
    """Return one line of a log without values: quoted text goes unless it names a part of schema or code.

    "Duplicate entry 'strasse' for key 'Users1'" becomes "Duplicate entry '...' for key 'Users1'".
    """

    def shown(match: re.Match[str]) -> str:
        named = _NAMED.search(text[: match.start()]) and _SCHEMA_WORD.fullmatch(match[1])
        return match[0] if named else HIDDEN

    frame = _FRAME.match(text)  # a stack trace quotes the arguments of each call
    if frame:
        return f"{frame[1]}(...) called at {text[frame.end() :]}"[:width]
    return _ADDRESS.sub("(address)", _QUOTED.sub(shown, text))[:width]
