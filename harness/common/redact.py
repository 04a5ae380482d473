"""Take people's data out of log lines before they are shown: logs quote what the database refused.

What may stay is known, and not what must go: the words that programs speak in (vocabulary.txt, made by
harness.dumpmaking.vocabulary), names of code, small numbers. Any other word is left out, in quotes or not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

VOCABULARY = Path(__file__).with_name("vocabulary.txt")
HIDDEN, LEFT_OUT, ADDRESS, NUMBER = "'...'", "...", "(address)", "N"
WORD = re.compile(r"[A-Za-z]+(?:'(?:s|t|d|m|re|ve|ll)\b)?")
_NAMED = re.compile(
    r"(?:\b(?:column|table|key|constraint|index|step|collation|engine|procedure|function|method|package|class|right"
    r"|option|(?<!custom )field|module|variable|from|into|update|join|references)\s+[('\"]?|[`.])$",
    re.IGNORECASE,
)
# Servers and Perl quote what they were given, and what was given may hold quotes: from there on all goes.
_GIVEN = (
    (re.compile(r"(Duplicate entry )'.*'( for key)"), rf"\1{HIDDEN}\2"),
    (re.compile(r"\bnear '.*'( at line \d+)?"), rf"near {HIDDEN}\1"),
    (re.compile(r'\bnear ".*', re.DOTALL), f"near {HIDDEN}"),
)
_FRAME = re.compile(r"^(\s+[\w:]+)\(.*\) called at ")
_SCHEMA_WORD = re.compile(r"[A-Za-z0-9_.`/:-]{0,64}")
_CLAUSES = ("field list", "where clause", "order clause", "on clause", "having clause", "group statement")
"""What servers name in quotes themselves: a part of a statement."""
_DAYS, _MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_PIECE = re.compile(
    rf"""
    (?P<done> '\.\.\.' | "\.\.\." | `\.\.\.` | \.\.\. | \(address\) )
  | (?P<stamp> \[(?:{_DAYS})\ (?:{_MONTHS})\ [ \d]?\d\ [\d:.]+\ \d{{4}}\]
        | \[\d\d/(?:{_MONTHS})/[\d:]+\ [+-]\d{{4}}\] | \A\s*\d{{4}}-\d\d-\d\d[T ][ \d]?\d:[\d:.,]+Z? )
  | (?P<quoted> (?:\b(?:_\w+|[bBrRuUfFnNxX]{{1,2}}))? (?P<mark>['"`]) (?:\\.|(?!(?P=mark))[^\\])* (?P=mark) )
  | (?P<address> [\w.+-]+@[\w.-]*\w )
  | (?P<code> (?<![\w/])/(?:opt/rt|usr|etc|var|tmp|run|proc|dev|lib|s?bin)(?:/[A-Za-z0-9_.+~@-]*[A-Za-z0-9_+~-])*/?
        | \b[A-Za-z]\w*(?:::\w+)+ | \b[A-Za-z][\w/-]*\.(?:pm|so|py|psgi|cc|ibd|cnf)\b | \b0x[0-9a-f]+\b
        | \b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{{8,64}}\b
        | \b(?:AH\d{{5}}|MY-\d{{6}}|ER_[A-Z_]+|HY\d{{3}}|(?:utf8|latin|ucs)\w*)(?![A-Za-z0-9])
        | \brt-harness[\w.-]+
        | \b[A-Z][A-Za-z]+(?:Error|Exception|Timeout)\b )
  | (?P<plain> \b\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?\b
        | \b(?:0|[1-9]\d{{0,2}})(?:\.(?:0|[1-9]\d{{0,2}})){{1,3}}(?:[+~-]\w[\w.+~-]*)?\b(?![./-]?\d)
        | (?<![\d./-])\d+\.\d{{1,4}}(?![./-]?\d) | \b\d+(?:ms|[smhx]|[kKMG]B?)\b )
  | (?P<number> (?:\d[\d./-]*\d|\d)(?:[A-Za-z]\w*)? )
  | (?P<word> [^\W\d]\w*(?:'(?:s|t|d|m|re|ve|ll)\b)? )
  | (?P<strange> [^\x00-\x7f] )
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBERED, _REQUEST = re.compile(r"\(\d{3,5}, $"), re.compile(r"(?:GET|POST|HEAD) /")
"""What is in quotes of Python's and Apache's own: a server's message after its number, and a request."""
_FRAMED = "\u201c\u201d\u2018\u2019\u2013\u2014\u2026"
_IDENTIFIED = re.compile(
    r"(?:#|\b(?:ids?|line|number|ticket|transaction|attachment|attribute|user|group|pid|tid)[ =:])$", re.IGNORECASE
)
_NAMES = frozenset({
    "April", "Art", "August", "Bill", "Bob", "Dean", "Don", "Drew", "Eve", "Frank", "Gene", "Grace", "Grant",
    "Guy", "Hope", "Iris", "Jack", "Jay", "Joy", "June", "Lance", "Lee", "Mark", "Mary", "Max", "May", "Miles",
    "Nick", "Norm", "Pat", "Ray", "Rich", "Rob", "Rose", "Ruby", "Sandy", "Sue", "Tim", "Tom", "Victor", "Will",
})  # fmt: skip
"""People's names that programs use as words, too."""


def without_given(text: str) -> str:
    """Return a message without the values and the code that it quotes to their end."""
    for pattern, instead in _GIVEN:
        text = pattern.sub(instead, text)
    return text


def lines(text: str) -> str:
    """Return `line` of each line of a text. What is quoted from one line to another is nobody's word in either."""
    return "\n".join(map(line, text.splitlines()))


def line(text: str, width: int = 300) -> str:
    """Return one line of a log without values: what is not known for a program's own word is left out.

    "Duplicate entry 'strasse' for key 'Users1'" becomes "Duplicate entry '...' for key 'Users1'", and
    "search Jane Doe, cancer in attribute #12 not found" becomes "search ... in attribute #12 not found".
    """
    text = without_given(text)
    frame = _FRAME.match(text)  # a stack trace quotes the arguments of each call
    if frame:
        return f"{frame[1]}(...) called at {line(text[frame.end() :], width)}"[:width]
    shown: list[str] = []
    end = 0
    for piece in _PIECE.finditer(text[: 8 * width]):
        between, end = text[end : piece.start()], piece.end()
        word = _SHOWN[piece.lastgroup or ""](piece)
        if word == LEFT_OUT and shown and shown[-1] == LEFT_OUT and between.strip(" ,.;:/-") == "":
            continue
        shown += [between, word]
    shown.append(text[end : 8 * width])
    return "".join(shown)[:width]


@functools.cache
def vocabulary() -> frozenset[str]:
    """Return the words that programs speak in."""
    return frozenset(VOCABULARY.read_text(encoding="utf-8").split())


@functools.lru_cache(maxsize=65536)
def known(word: str) -> bool:
    """Tell whether every part of a word, which may be a name like objectcustomfieldvalues_3, is a program's."""
    return all(map(_known, word.split("_")))


def _known(word: str) -> bool:
    stem = word.rstrip("0123456789")
    word = stem if len(word) - len(stem) < 4 else word
    if len(word) < 2 or word in vocabulary():
        return word not in _NAMES and word.isascii()
    return word.isupper() and word.lower() in vocabulary()


def _word(piece: re.Match[str]) -> str:
    word = piece[0]
    if known(word):
        return word
    first = not piece.string[: piece.start()].strip() or piece.string[: piece.start()].endswith((": ", ". ", "] "))
    return word if first and word not in _NAMES and known(word[0].lower() + word[1:]) else LEFT_OUT


def _number(piece: re.Match[str]) -> str:
    """Return a number of a row, a line, an error; one with a zero first, or long, or joined, may be somebody's."""
    number = piece[0]
    if not number.isdigit():
        parts = re.split(r"[./-]", number)
        small = all(one.isdigit() and len(one) < 4 and str(int(one)) == one for one in parts)
        return number if small else NUMBER
    if number != str(int(number)):
        return NUMBER
    known_by = _IDENTIFIED.search(piece.string, max(0, piece.start() - 16), piece.start())
    return number if len(number) <= (12 if known_by else 6) else NUMBER


def _quoted(piece: re.Match[str]) -> str:
    """Return what stands in quotes where it names a part of the schema, of a statement or of the code."""
    mark = piece["mark"]
    within = piece[0][:-1].partition(mark)[2]
    if not piece[0].startswith(mark):
        return mark + LEFT_OUT + mark
    before = piece.string[max(0, piece.start() - 40) : piece.start()]
    named = _NAMED.search(before) and _SCHEMA_WORD.fullmatch(within)
    if named or within.lower() in _CLAUSES or _identifier(within, mark) or before.endswith("Version: "):
        return piece[0]
    if mark == '"' and (_NUMBERED.search(before) or _REQUEST.match(within)):
        return f"{mark}{line(within)}{mark}"
    return mark + LEFT_OUT + mark


def _identifier(text: str, mark: str) -> bool:
    """Tell whether it is a name as only programs have them: with capitals within, or a path, or in backquotes."""
    parts = [one for one in re.split(r"[./:-]+", text) if one]
    if not parts or not _SCHEMA_WORD.fullmatch(text):
        return False
    return (text.startswith("/") or mark == "`" or bool(re.search("[A-Z]", text[1:]))) and all(map(known, parts))


_SHOWN: dict[str, Callable[[re.Match[str]], str]] = {
    "done": lambda piece: piece[0],
    "stamp": lambda piece: piece[0],
    "quoted": _quoted,
    "address": lambda _: ADDRESS,
    "code": lambda piece: piece[0],
    "plain": lambda piece: piece[0],
    "number": _number,
    "word": _word,
    "strange": lambda piece: piece[0] if piece[0] in _FRAMED else LEFT_OUT,
}
