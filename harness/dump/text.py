"""Parse the SQL of a dump as it is streamed: its statements about itself, and the part fed to a throw-away server.

For dumps of mariadb-dump and mysqldump. They write a line break inside data as \\n, so no line of data can begin
like a line of a definition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.dump import collations, maker
from harness.dump.left_out import LeftOut
from harness.dump.replaced import NAME, Replaced

_USER = rb"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|[\w.%$-]+)"
_GTIDS = b"SET @@GLOBAL.GTID_PURGED"
_REPLICAS = ("SLAVE", "ALL SLAVES", "REPLICA")
_DROPPED: tuple[tuple[bytes, str], ...] = (
    (b"/*M!999999\\-", "the sandbox marker, which other clients refuse"),
    (b"/*!999999\\-", "the sandbox marker, which other clients refuse"),
    (b"CREATE DATABASE ", "the dump's own database name"),
    (b"DROP DATABASE ", "the dump's own database name"),
    (b"/*!40000 DROP DATABASE ", "the dump's own database name"),
    (b"ALTER DATABASE ", "the dump's own database name"),
    (b"USE `", "the dump's own database name"),
    (_GTIDS, "replication state"),
    (b"SET GLOBAL gtid_", "replication state"),
    (b"CHANGE MASTER ", "replication state"),
    (b"CHANGE REPLICATION ", "replication state"),
    *((f"{verb} {whom}".encode(), "replication state") for verb in ("STOP", "START") for whom in _REPLICAS),
    (b"SET @MYSQLDUMP_TEMP_LOG_BIN", "replication state"),
    (b"SET @@SESSION.SQL_LOG_BIN", "replication state"),
)
"""Beginnings of lines that must not reach the server, and what they hold."""
_DATA = (b"(", b"INSERT ", b"REPLACE ")
_ROWS = re.compile(rb"(?:INSERT|REPLACE) +(?:[A-Z_]+ +)*INTO " + NAME)
_BEGIN = re.compile(rb"-- (?:MariaDB|MySQL) dump ")
SERVER = re.compile(rb"^-- Server version\s+(\S+)", re.MULTILINE)
"""The line that names the server from which the dump was read."""
_DATABASE = re.compile(
    rb"(?:CREATE DATABASE (?:/\*!\d+ )?(?:IF NOT EXISTS ?)?(?:\*/ ?)?|"
    rb"(?:/\*!\d+ )?DROP DATABASE (?:IF EXISTS )?|USE )" + NAME
)
_HEADED = re.compile(rb"-- Host: .*?\bDatabase: *(.*?)\s*$")
_NAMES = re.compile(rb"(?:/\*M?!\d+ )?SET NAMES (\w+)")
_MODE = re.compile(rb"(?:/\*M?!\d+ )?SET sql_mode += ", re.IGNORECASE)
# Views: a line of its own. Triggers and events: a comment of its own after CREATE. Routines: without comments.
_DEFINER = re.compile(
    rb"((?:/\*M?!\d+ )?(?:CREATE(?: OR REPLACE)?(?: ALGORITHM=\w+)?(?:\*/)? (?:/\*M?!\d+ )?)?)"
    rb"DEFINER ?= ?" + _USER + rb"(?:@" + _USER + rb")?"
)
_OBJECT = re.compile(
    rb"[^`]*?\b(VIEW|TRIGGER|PROCEDURE|FUNCTION|EVENT|PACKAGE(?: BODY)?) (?:IF NOT EXISTS )?"
    rb"(?!IF )(?:" + NAME + rb"|([\w$]+))"
)
_TABLE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?" + NAME)
_ENGINE = re.compile(rb"\bENGINE=(\w+)")
_CHARSET = re.compile(rb"(?:\bCHARSET=|\bCHARACTER SET |\bCOLLATE[ =])([^\W_]+)")
_TEXT = re.compile(rb"(?:[,(]|\A) *" + NAME + rb" (?:(?:var)?char|(?:tiny|medium|long)?text|enum|set)\b")
_WIDTHS = {"ascii": 1, "utf8": 3, "utf8mb3": 3, "ucs2": 3, "utf8mb4": 4, "utf16": 4, "utf32": 4, "binary": 5}
_EIGHT_BITS = 2


@dataclass
class Text:
    """Facts that a dump's SQL states about itself, noted line by line.

    size: bytes so far. databases: names of the databases that it was made of. engines: of each table, as written
    there. objects: "view", "trigger", "procedure" and so on to the names of such objects. narrow: the character
    set in which the dump was written to the tables whose own character set holds more; characters that did not fit
    were lost, as question marks. unsaid: tables with text whose rows come before any statement of the character
    set in which they are written. hexadecimal: whether binary values are written so, two digits for a byte.
    server: its version, as written. collated: columns whose collation the server omitted, as table to column to
    character set; "" is the table's own default. The collation is added to the SQL that is fed. bare: such columns
    of a server that would have written the collation, so that it is unknown. without: SQL modes that the server
    which is fed does not know; they are taken out of the definitions of triggers, routines and events. missed:
    those that were. replaced: tables whose rows are written with REPLACE. messages: lines of the program that
    made the dump, written into it. left_out: tables whose rows are not all there.
    """

    size: int = 0
    begun: int = 0
    ended: int = 0
    databases: list[str] = field(default_factory=list)
    engines: dict[str, str] = field(default_factory=dict)
    objects: dict[str, list[str]] = field(default_factory=dict)
    narrow: dict[str, list[str]] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    hexadecimal: bool = False
    server: str = ""
    collated: dict[str, dict[str, str]] = field(default_factory=dict)
    bare: dict[str, dict[str, str]] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    missed: list[str] = field(default_factory=list)
    replaced: Replaced = field(default_factory=Replaced)
    messages: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)
    _at_end: bool = False
    _fresh: bool = True
    _dropping: bool = False
    _body: bool = False
    _names: str = ""
    _table: str = ""
    _unnamed: list[str] = field(default_factory=list)
    _worded: set[str] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether every part is complete; the last line of all must be the end of one."""
        return self._at_end and self.ended >= self.begun

    @property
    def least(self) -> int:
        """Lower bound of the bytes that a server needs for it: about the size of the SQL, half if hexadecimal."""
        return self.size // 2 if self.hexadecimal else self.size * 9 // 10

    def take(self, piece: bytes) -> bytes:
        """Take a line, or the next piece of a long one; return the part of it to be fed to the server."""
        self.size += len(piece)
        fresh, self._fresh = self._fresh, piece.endswith(b"\n")
        if not fresh or piece.startswith(_DATA):
            self._at_end = self._at_end and piece.isspace()
            self.hexadecimal = self.hexadecimal or b",0x" in piece
            if fresh and not self._names:
                self._rows(piece)
            if not self._body:
                self.replaced.take(piece, fresh=fresh)
            return piece
        if piece.isspace():
            return piece
        self._at_end = False
        self.left_out.take(piece)
        if self._dropping:  # a set of GTIDs for each former server, one per line
            self._dropping = not piece.rstrip().endswith(b";")
            return b""
        if maker.MESSAGE.match(piece):
            self.messages += 1
        elif piece.startswith(b"-- "):
            self._comment(piece)
        elif self._table:
            piece = self._column(piece)
        else:
            piece = self._definition(piece)
        return piece

    def _rows(self, line: bytes) -> None:
        """Note the table of rows that come before any SET NAMES, if it has text."""
        table = _text(match[1]) if (match := _ROWS.match(line)) else ""
        self.unsaid += [table] if table in self._worded and table not in self.unsaid else []

    def _comment(self, line: bytes) -> None:
        if _BEGIN.match(line):
            self.begun, self._names = self.begun + 1, ""  # each part speaks for itself
        if line.startswith(b"-- Dump completed"):
            self.ended, self._at_end = self.ended + 1, True
        elif match := _HEADED.match(line):
            self._use(match[1])
        elif match := SERVER.match(line):
            self.server = match[1].decode(errors="replace")

    def _use(self, name: bytes) -> None:
        text = _text(name)
        if text and text not in self.databases:
            self.databases.append(text)

    def _definition(self, line: bytes) -> bytes:
        """Note the facts in a line outside of a table's definition; return the line to be fed."""
        if line.startswith(tuple(beginning for beginning, _ in _DROPPED)):
            if match := _DATABASE.match(line):
                self._use(match[1])
            self._dropping = line.startswith(_GTIDS) and not line.rstrip().endswith(b";")
            return b""
        if line.startswith(
            b"DELIMITER "
        ):  # around triggers and routines: their lines may begin with any statement
            self._body = line.split() != [b"DELIMITER", b";"]
        elif match := _TABLE.match(line):
            self._table, self._unnamed = _text(match[1]), []
            line = line[: match.end()] + self._column(line[match.end() :], only=True)
        elif match := _NAMES.match(line):
            self._names = match[1].decode()
        elif self.without and _MODE.match(line):
            line = self._mode(line)
        elif line.startswith((b"/*", b"CREATE ")):
            line = _DEFINER.sub(rb"\1DEFINER=CURRENT_USER", line, count=1) if _DEFINER.match(line) else line
            if match := _OBJECT.match(line):
                known, name = self.objects.setdefault(match[1].decode().lower(), []), _text(match[2] or match[3])
                known += [name] if name not in known else []
        return line

    def _mode(self, line: bytes) -> bytes:
        """Return a line without the SQL modes that are not known where it is fed."""
        for mode in self.without:
            line, found = re.subn(rb"\b%s,|,?\b%s\b" % (mode.encode(), mode.encode()), b"", line)
            self.missed += [mode] if found and mode not in self.missed else []
        return line

    def _column(self, line: bytes, *, only: bool = False) -> bytes:
        """Note the facts in a line of a table's definition; return the line to be fed.

        The last line of a definition names the engine, and the character set of the columns that name none. only:
        the line may be the whole definition.
        """
        last = _ENGINE.search(line) if only or line.startswith(b")") else None
        said = _CHARSET.search(line)
        if names := _TEXT.findall(line):
            if said and not last:
                self._holds(said[1])
            else:
                self._unnamed += map(_text, names)
        if last:
            self.engines[self._table] = last[1].decode()
        ends = last or line.rstrip().endswith(b";")
        if ends and self._unnamed:
            said = _CHARSET.search(line, last.end()) if last else None
            self._holds(said[1] if said else b"")
        fed = self._collate(line, last.end() if last else None)
        self._table = "" if ends else self._table
        return fed

    def _collate(self, line: bytes, options: int | None) -> bytes:
        """Add the collation that an old server omitted. options: offset of the table's own, if in this line."""
        found = collations.unsaid(line, options)
        if found is None:
            return line
        charset = found["charset"].decode()
        known = collations.leaves_out(self.server, charset)
        columns = [_text(found["column"])] if options is None else ["", *self._unnamed]
        noted = (self.collated if known else self.bare).setdefault(self._table, {})
        noted.update(dict.fromkeys(columns, charset))
        if not known:
            return line
        said = f" COLLATE {collations.default_of(charset)}".encode()  # for columns and tables alike
        return line[: found.end()] + said + line[found.end() :]

    def _holds(self, charset: bytes) -> None:
        """Note a character set of the current table, and whether it holds more than the one of the dump."""
        if _width(charset.decode()) > _WIDTHS["ascii"]:
            self._worded.add(self._table)
        if self._names and _width(charset.decode()) > _width(self._names):
            tables = self.narrow.setdefault(self._names, [])
            tables += [self._table] if self._table not in tables else []


def _width(charset: str) -> int:
    return _WIDTHS.get(charset, _EIGHT_BITS)


def _text(name: bytes) -> str:
    return name.decode(errors="replace").replace("``", "`")
