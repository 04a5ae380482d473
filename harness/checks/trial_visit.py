"""What a look at a site needs to know: whom to be, what to look at, and what to expect."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.checks.jobs import LIMIT
from harness.rt import Rt

WIDE, EMOJI = "Prüfung 図書館 Ответ “ok”", " \U0001f600"


@dataclass
class Visit:
    """One look at a site. user: one with all rights. emoji: whether the database takes four bytes.

    answers: how many mails the site's own scrips send to somebody who opens a ticket and gets an answer. said:
    words of `web.ERROR_MARKS` that people have written themselves, so that they mean nothing.

    queues: by id, those whose form for a new ticket is opened. customer: name of an account without privileges,
    with the same password, who has made the ticket `asked` in the visit's own queue; "" for none.

    people: name to password of accounts whose homepage is looked at. subscribers: names of those who get
    dashboards by mail. jobs: those that not every site runs. jobs_left: others, each with the reason why it is not
    run. patience: seconds for a job. thorough: every kind of page. tools: of the same release on the same
    database, for programs; without them the site's own container runs these.
    """

    rt: Rt
    user: str
    password: str
    queue: str = "General"
    answers: int = 2
    emoji: bool = True
    dashboards: tuple[int, ...] = ()
    tickets: tuple[int, ...] = (1,)
    queues: tuple[int, ...] = (1,)
    customer: str = ""
    asked: int = 0
    people: Mapping[str, str] = field(default_factory=dict)
    subscribers: tuple[str, ...] = ()
    jobs: tuple[tuple[str, ...], ...] = ()
    jobs_left: tuple[str, ...] = ()
    said: frozenset[str] = frozenset()
    patience: float = LIMIT
    thorough: bool = False
    tools: Rt | None = None
    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def programs(self) -> Rt:
        """Return where programs are run."""
        return self.tools or self.rt

    @property
    def text(self) -> str:
        """Return text that shows what happens to characters of every width."""
        return WIDE + (EMOJI if self.emoji else "")
