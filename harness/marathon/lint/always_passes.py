"""Find what makes a health check's command pass whatever the instance answers: `true`, `|| true`, `; exit 0`.

Only what is certain from the text is found. Whether a command passes where nothing serves shows when it is run
(`harness.marathon.in_image`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<blank>[^\S\n]+|\\\n|(?<!\S)\#[^\n]*)"""
    r"""|(?P<operator>\|\||&&|;;|[;&|\n](?!>))"""
    r"""|(?P<bracket>[()])"""
    r"""|(?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|`[^`]*`|\\.|[<>]&|&>|[^\s'"`\\;&|()])+)""",
    re.DOTALL,
)
"""Blanks and comments, operators, brackets, words. `2>&1` and `&>file` are words, no operators."""
_SHELL = re.compile(r"(?:(?:/usr)?/bin/)?(?:ba|da)?sh -c '([^']*)'")
_ASSIGNMENT = re.compile(r"\w+=")
_TO_FILE = re.compile(r"[<>](?!&[12]$)")
_MAY_BREAK = re.compile(r"\$\{(?!\w+(?:\}|:?[-+]))|\$\(\(|<<")
"""Expansions that end the shell where a variable or a number is not as it should be; and what holds other text."""
_PASSES = frozenset({"true", ":", "/bin/true", "/usr/bin/true", "echo"})
"""Programs that end with 0 whatever they are given, for practical purposes; so does printf with a plain format."""
_PLAIN_FORMAT = re.compile(r"(?!['\"]?-)(?:[^%\\$`]|%[s%]|\\n)+")
_MAY_END_IT = frozenset(
    {"exit", "exec", "return", "set", "trap", "eval", ".", "source"}
    | {"break", "continue", "export", "local", "readonly", "shift", "times", "unset"}
)
"""Words that may end the shell with another code, if only by a mistake in what they are given."""
_MAY_END_ALL = frozenset({"kill", "while", "until"})
"""Words that may do so, or never end, from a subshell as well."""
_NOT_UNDERSTOOD = frozenset({"if", "then", "else", "elif", "case", "esac", "for", "do", "{"})
_SEPARATORS = (";", "\n", "&")

Part = tuple[str, list[str]]
"""An operator ("" for the first part), and the words after it."""


def always_passes(command: str) -> str:
    """Return the end of a command that makes it pass whatever it has asked, such as `|| true`, or ""."""
    inner = _SHELL.fullmatch(command.strip())
    parts = list(_parts(inner[1] if inner else command))
    last = ""
    while parts and not parts[-1][1] and parts[-1][0] in _SEPARATORS:
        last = parts.pop()[0]
    starts = [index for index, (operator, _) in enumerate(parts) if operator in _SEPARATORS]
    start = starts[-1] if starts else 0
    said = {word for _, words in parts for word in words}
    if not parts or said & _NOT_UNDERSTOOD or _MAY_BREAK.search(command):
        return ""
    if any(_may_end_it(words) for _, words in (parts[:start] if last == "&" else parts[:-1])):
        return ""
    return "&" if last == "&" else _of_statement(parts[start:])


def _may_end_it(words: list[str]) -> bool:
    """Tell whether a simple command may end the whole, or never let it end."""
    own, depth = set(), 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth:
            own.add(word)
    # A file that cannot be opened ends the shell at `:`, as at the other built-in ones that are special to it.
    unopened = ":" in own and any(map(_TO_FILE.search, own))
    return unopened or bool(own & _MAY_END_IT or {*words} & _MAY_END_ALL)


def _of_statement(parts: list[Part]) -> str:
    """Return the end that makes the last statement pass: pipes first, then `&&` and `||` from the left."""
    pipes: list[Part] = []
    for operator, words in parts:
        pipes.append((pipes.pop()[0] if operator == "|" else operator, words))  # its last program decides
    found = ""
    for operator, words in pipes:
        end = _passing(words)
        if operator == "||":
            found = found or (end and f"|| {end}")
        elif operator == "&&":
            found = found and end
        else:
            found = end and f"{operator.strip()} {end}".strip()
    return found


def _passing(words: list[str]) -> str:
    """Return the beginning of a simple command that passes whatever there is, else ""."""
    bare = [*words]
    while bare and _ASSIGNMENT.match(bare[0]):
        bare.pop(0)
    if bare == ["exit", "0"]:
        return "exit 0"
    plain = bare[:1] == ["printf"] and _PLAIN_FORMAT.fullmatch("".join(bare[1:2]))
    return bare[0] if (plain or {*bare[:1]} & _PASSES) and not any(map(_TO_FILE.search, bare)) else ""


def _parts(command: str) -> Iterator[Part]:
    """Split a command at the operators outside of quotes and brackets; yield nothing if it is not understood."""
    parts: list[Part] = [("", [])]
    depth = position = 0
    for token in _TOKEN.finditer(command):
        if token.start() != position:
            return
        position = token.end()
        if token["operator"] and not depth:
            parts.append((token["operator"], []))
        elif not token["blank"]:
            parts[-1][1].append(token[0])
            depth += {"(": 1, ")": -1}.get(token[0], 0)
    if position == len(command) and not depth:
        yield from parts
