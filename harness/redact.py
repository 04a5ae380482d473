"""Take people's data out of log lines before they are shown: logs quote what the database refused."""

from __future__ import annotations

import re

HIDDEN = "'...'"
_NAMED = re.compile(
    r"(?:\b(?:column|table|key|constraint|index|step|collation|engine|procedure|function|method|package|file"
    r"|class|role|right|option|condition|action|in|of|for|finish|open|dir|field|module)\s+|[`.])$",
    re.IGNORECASE,
)
# Servers and Perl quote what they were given, and what was given may hold quotes: from there on all goes.
_GIVEN = (
    (re.compile(r"(Duplicate entry )'.*'( for key)"), rf"\1{HIDDEN}\2"),
    (re.compile(r"\bnear '.*'( at line \d+)?"), rf"near {HIDDEN}\1"),
    (re.compile(r'\bnear ".*', re.DOTALL), f"near {HIDDEN}"),
)
_FRAME = re.compile(r"^(\s+[\w:]+)\(.*\) called at ")
_QUOTED = re.compile(r"(?<![A-Za-z])'((?:[^'\\\n]|\\.|'')*)'")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_SCHEMA_WORD = re.compile(r"[\w.`/ -]{0,64}")


def without_given(text: str) -> str:
    """Return a message without the values and the code that it quotes to their end."""
    for pattern, instead in _GIVEN:
        text = pattern.sub(instead, text)
    return text


def lines(text: str) -> str:
    """Return `line` of each line of a text."""
    return "\n".join(map(line, text.splitlines()))


def line(text: str, width: int = 300) -> str:
    """Return one line of a log without values: quoted text goes unless it names a part of schema or code.

    "Duplicate entry 'strasse' for key 'Users1'" becomes "Duplicate entry '...' for key 'Users1'".
    """

    def shown(match: re.Match[str]) -> str:
        named = _NAMED.search(text[: match.start()]) and _SCHEMA_WORD.fullmatch(match[1])
        return match[0] if named else HIDDEN

    text = without_given(text)
    frame = _FRAME.match(text)  # a stack trace quotes the arguments of each call
    if frame:
        return f"{frame[1]}(...) called at {text[frame.end() :]}"[:width]
    return _ADDRESS.sub("(address)", _QUOTED.sub(shown, text))[:width]
