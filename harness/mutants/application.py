"""What makes an upgraded site useless although its data is whole; planted under a running site, and taken back."""

from __future__ import annotations

from dataclasses import dataclass

from harness.mutants import Mutant


@dataclass(frozen=True)
class ApplicationMutant(Mutant):
    """undo: statements that take it back. part: the part of the check that must find it."""

    undo: tuple[str, ...] = ()
    part: str = ""


_SUBJECT = "ALTER TABLE Tickets MODIFY Subject VARCHAR(200)"
_DEFECTS: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("password", "pages", "an old password hash lets nobody in", (
        "UPDATE Users SET Password = CONCAT(Password, 'x') WHERE Name = 'root'",), (
        "UPDATE Users SET Password = LEFT(Password, LENGTH(Password) - 1) WHERE Name = 'root'",)),
    ("no-sessions", "pages", "without its table nobody stays logged in", (
        "RENAME TABLE sessions TO sessions_gone",), ("RENAME TABLE sessions_gone TO sessions",)),
    ("no-homepage", "pages", "the home page has lost its parts", (
        "UPDATE Attributes SET Name = CONCAT('gone ', Name) WHERE Name LIKE '%DefaultDashboard'",), (
        "UPDATE Attributes SET Name = SUBSTR(Name, 6) WHERE Name LIKE 'gone %DefaultDashboard'",)),
    ("narrow-subject", "rest", "a subject of another character set loses its letters", (
        "SET sql_mode = ''", f"{_SUBJECT} CHARACTER SET latin1"), (f"{_SUBJECT} CHARACTER SET utf8mb4",)),
    ("narrow-content", "rest", "attachments are cut off by a column too small", (
        "SET sql_mode = ''", "ALTER TABLE Attachments MODIFY Content TINYBLOB"), (
        "ALTER TABLE Attachments MODIFY Content LONGBLOB",)),
    ("no-number", "rest", "a table whose ids no longer count up takes no new rows", (
        "ALTER TABLE Transactions MODIFY id INTEGER NOT NULL",), (
        "ALTER TABLE Transactions MODIFY id INTEGER NOT NULL AUTO_INCREMENT",)),
    ("no-gateway-right", "mail", "mail from outside is refused", (
        "UPDATE ACL SET RightName = CONCAT('No', RightName)"
        " WHERE RightName IN ('CreateTicket', 'ReplyToTicket')",), (
        "UPDATE ACL SET RightName = SUBSTR(RightName, 3)"
        " WHERE RightName IN ('NoCreateTicket', 'NoReplyToTicket')",)),
    ("no-scrips", "mail", "no scrip runs, so no mail is sent", (
        "UPDATE Scrips SET Disabled = Disabled + 2",), ("UPDATE Scrips SET Disabled = Disabled - 2",)),
    ("template-gone", "mail", "the answer's template is gone, and only the log says so", (
        "UPDATE Templates SET Name = CONCAT('gone ', Name) WHERE Name LIKE '%orrespondence%'",), (
        "UPDATE Templates SET Name = SUBSTR(Name, 6) WHERE Name LIKE 'gone %'",)),
)  # fmt: skip
MUTANTS = tuple(
    ApplicationMutant(name, "application", reason, statements, undo, part)
    for name, part, reason, statements, undo in _DEFECTS
)
