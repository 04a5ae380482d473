"""Generate load: clients that create tickets, reply, attach files, search and read pages at a steady rate.

Every attempt is recorded with what was sent and RT's answer, so that a check can verify afterwards that every
acknowledged write is present (`harness.checks.acknowledged`). Nothing is sent twice: a write without an answer
stays unanswered. The rate follows a clock and missed attempts are not made up for, so that no flood follows an
outage.

`balancer` distributes connections to the instances, `network_faults` disturbs those to the database.
"""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import requests

from harness.common.waits import Retry, wait_until
from harness.rt import rest, web
from harness.rt.web_site import browser_session

Kind = Literal["create", "reply", "attach", "search", "page"]
State = Literal["acknowledged", "unknown", "session lost", "wrong"]
"""acknowledged: RT confirmed it. unknown: no answer, or no confirmation.

wrong: a search that misses a written ticket.
"""
FORGOTTEN = ("AuthorizationError", "asks for a login", "refuses the login")
"""Parts of errors for a lost session: the password is right, as REST accepted it when the load began."""
WRITES: frozenset[Kind] = frozenset({"create", "reply", "attach"})
CYCLE: tuple[Kind, ...] = ("create", "reply", "search", "attach", "page", "reply")
TEXT = "Der Müll wurde nicht abgeholt → čas běží, 時間です 🕰.\nZweite Zeile: <b>& kein HTML</b>"
QUEUE = "General"


@dataclass(frozen=True)
class PublicSite:
    """RT as its users reach it: by an address, possibly a balancer's, without access to a container."""

    url: str

    def session(self) -> requests.Session:
        """Return an HTTP session with a browser's headers."""
        return browser_session()


@dataclass(frozen=True)
class Attempt:
    """One attempt of a client. Times are seconds since the journal's start.

    `mark` is in the text and the file name.
    text: the text sent. ticket: the one written to, for a creation the one that RT returned.
    """

    kind: Kind
    mark: str
    sent: float
    answered: float
    state: State
    ticket: int = 0
    text: str = ""
    subject: str = ""
    file: rest.File | None = None
    said: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether RT confirmed it."""
        return self.state == "acknowledged"


@dataclass
class Journal:
    """All attempts of a run, and events on the site meanwhile, on one clock."""

    run: str = field(default_factory=lambda: secrets.token_hex(3))
    attempts: list[Attempt] = field(default_factory=list)
    happenings: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> float:
        """Return seconds since the start."""
        return time.monotonic() - self.started

    def add(self, attempt: Attempt) -> None:
        """Add an attempt; thread-safe."""
        with self._lock:
            self.attempts.append(attempt)

    def note(self, kind: str, label: str, lane: str, **more: Any) -> None:
        """Add an event on the site; kinds and lanes are those of the report's timeline.

        more: `t` for an event that began earlier than now, `until` for one with an end.
        """
        with self._lock:
            moment = round(self.now(), 3)
            self.happenings.append({"t": moment, "kind": kind, "label": label, "lane": lane} | more)

    @property
    def writes(self) -> list[Attempt]:
        """Return the attempts to write, in the order in which they were sent."""
        return sorted(
            (attempt for attempt in self.attempts if attempt.kind in WRITES), key=lambda attempt: attempt.sent
        )


class Load:
    """Clients that work while the `with` block lasts, together at `rate` attempts per second."""

    def __init__(self, url: str, user: str, password: str, *, rate: float = 4, clients: int = 4) -> None:
        """Store the settings; nothing is started yet."""
        self.site, self._access = PublicSite(url), (user, password)
        self._rate, self._clients = rate, clients
        self.journal = Journal()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        """Log all clients in, then start them.

        Raises RestError if RT refuses a login: the site must work at the start.
        """
        people = [Client(self.site, self._access, self.journal, number) for number in range(self._clients)]
        self.journal.started = time.monotonic()
        for number, client in enumerate(people):
            thread = threading.Thread(
                target=self._work, args=(client, number), name=f"client-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let all clients finish their current attempt. Raises the exception that ended a client, if any."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        self.journal.ended = self.journal.now()
        if self._failures and error is None:
            raise self._failures[0]

    def go_on(self, seconds: float) -> None:
        """Let the clients work for some seconds."""
        self._over.wait(seconds)

    def reach(self, attempts: int, within: float = 120) -> None:
        """Let the clients work until that many attempts were made. Raises NotReadyError after `within` seconds."""

        def reached() -> None:
            if len(self.journal.attempts) < attempts and not self._failures:
                raise Retry(f"{len(self.journal.attempts)} of {attempts}")

        wait_until(f"{attempts} attempts", reached, within)

    def _work(self, client: Client, number: int) -> None:
        try:
            for turn in itertools.count():
                due = (turn * self._clients + number) / self._rate
                late = self.journal.now() - due
                # attempts missed during an outage are not made up for
                if late > self._clients / self._rate:
                    continue
                if self._over.wait(max(0.0, -late)):
                    break
                client.act()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the load ends
            self._failures.append(error)
        finally:
            client.close()


class Client:
    """One user: a REST session and a browser session, each logged in once, with tickets of its own."""

    def __init__(self, site: PublicSite, access: tuple[str, str], journal: Journal, number: int) -> None:
        """Log in over REST. Raises RestError if that fails."""
        self._site, self._access, self._journal, self._number = site, access, journal, number
        self._random = random.Random(number)
        self._tickets: list[Attempt] = []
        self._count = 0
        self._rest = rest.client(site, *access)
        self._browser: requests.Session | None = None

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()
        if self._browser:
            self._browser.close()

    def act(self) -> None:
        """Perform the next action of the cycle and record its outcome."""
        kind = CYCLE[self._count % len(CYCLE)] if self._tickets else "create"
        mark = f"load-{self._journal.run}-{self._number}-{self._count}."
        self._count += 1
        about = self._random.choice(self._tickets) if self._tickets else None
        sent = self._journal.now()
        facts: dict[str, Any] = {"ticket": about.ticket if about and kind != "create" else 0}
        state, said = self._tried(lambda: self._do(kind, mark, about, facts))
        attempt = Attempt(kind, mark, sent, self._journal.now(), state, said=said, **facts)
        self._journal.add(attempt)
        if kind == "create" and attempt.acknowledged:
            self._tickets.append(attempt)
        if state == "session lost":
            self._tried(self._log_in_again)

    def _tried(self, work: Callable[[], State]) -> tuple[State, str]:
        try:
            return work(), ""
        except (rest.RestError, web.PageError) as error:
            lost = any(words in error.what for words in FORGOTTEN)
            return "session lost" if lost else "unknown", error.sentence
        except (requests.RequestException, OSError) as error:
            return "unknown", f"{type(error).__name__}: {error}"

    def _log_in_again(self) -> State:
        self._rest.close()
        self._rest, self._browser = rest.client(self._site, *self._access), None
        return "acknowledged"

    def _do(self, kind: Kind, mark: str, about: Attempt | None, facts: dict[str, Any]) -> State:
        if kind in WRITES:
            self._write(kind, mark, facts)
        elif about is None:
            raise AssertionError("there is no ticket to read yet")
        elif kind == "search":
            return "acknowledged" if about.ticket in self._rest.search(f"Subject LIKE '{about.mark}'") else "wrong"
        else:
            self._browser = self._browser or web.login(self._site, *self._access)
            web.page(self._browser, self._site, f"/Ticket/Display.html?id={about.ticket}", user_text=True)
        return "acknowledged"

    def _write(self, kind: Kind, mark: str, facts: dict[str, Any]) -> None:
        facts["text"] = f"{mark} {TEXT}"
        if kind == "create":
            facts["subject"] = f"{mark} Müll"
            facts["ticket"] = self._rest.create(QUEUE, facts["subject"], facts["text"])
        elif kind == "reply":
            self._rest.reply(facts["ticket"], facts["text"])
        else:
            facts["file"] = rest.File(f"{mark}bin", self._random.randbytes(3000), "application/octet-stream")
            self._rest.comment(facts["ticket"], facts["text"], [facts["file"]])
