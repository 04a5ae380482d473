"""Describe a visit to a site: the accounts to use, the things to look at, and the expected results."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.rt import Rt

JOB_LIMIT = 300.0
"""Seconds for a job on a small database."""
WIDE, EMOJI = "Prüfung 図書館 Ответ “ok”", " \U0001f600"


@dataclass
class Visit:
    """A visit to a site. user: an account with all rights. emoji: whether the database takes four bytes.

    answers: number of mails that the site's own scrips send to a requestor who opens a ticket and gets an answer.
    harmless_words: words of `web.ERROR_MARKS` that are in the site's own texts, and so mean nothing.

    queues: ids of the queues whose form for a new ticket is opened. customer: name of an account without
    privileges, with the same password, which made `customer_ticket` in the visit's own queue; "" for none.

    people: name to password of accounts whose homepage is opened. homepages_left: number of other people with a
    homepage of their own. subscribers: names of users who get dashboards by mail. jobs: those that not every site
    runs. jobs_left: others, each with the reason why it is not run. patience: seconds for a job. thorough: every
    kind of page. tools: of the same release on the same database, for programs; without them the site's own
    container runs these.
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
    customer_ticket: int = 0
    people: Mapping[str, str] = field(default_factory=dict)
    homepages_left: int = 0
    subscribers: tuple[str, ...] = ()
    jobs: tuple[tuple[str, ...], ...] = ()
    jobs_left: tuple[str, ...] = ()
    harmless_words: frozenset[str] = frozenset()
    patience: float = JOB_LIMIT
    thorough: bool = False
    tools: Rt | None = None
    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def programs(self) -> Rt:
        """Return the container in which programs are run."""
        return self.tools or self.rt

    @property
    def text(self) -> str:
        """Return a text with characters of every width, to see which of them survive."""
        return WIDE + (EMOJI if self.emoji else "")
