"""People at work: clients that create tickets, reply, attach files, search and read pages at a steady rate.

Every attempt is written down with what was sent and what RT said, so that a check can ask afterwards whether all
that was acknowledged is there (`harness.checks.acknowledged`). Nothing is ever sent twice: a write without an
answer stays one without an answer. The rate is kept by a clock and never made up for, so that an outage is not
followed by a flood.

`balancer` stands before the instances, `network_faults` is what goes wrong between them and their database.
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
from harness.rt import Rt, rest, web

Kind = Literal["create", "reply", "attach", "search", "page"]
State = Literal["acknowledged", "unknown", "session lost", "wrong"]
"""acknowledged: RT said yes. unknown: no answer, or not a yes. wrong: a search that left a write out."""
FORGOTTEN = ("AuthorizationError", "asks for a login", "refuses the login")
"""What is said when RT has forgotten a session; the password is right, for REST took it when the load began."""
WRITES: frozenset[Kind] = frozenset({"create", "reply", "attach"})
CYCLE: tuple[Kind, ...] = ("create", "reply", "search", "attach", "page", "reply")
TEXT = "Der Müll wurde nicht abgeholt → čas běží, 時間です 🕰.\nZweite Zeile: <b>& kein HTML</b>"
QUEUE = "General"


class Front(Rt):
    """RT as its users reach it: an address, maybe a balancer's, and no container."""

    def __init__(self, url: str) -> None:
        """Remember the address."""
        self._url = url

    @property
    def url(self) -> str:
        """Return the address."""
        return self._url


@dataclass(frozen=True)
class Attempt:
    """One thing that a client tried. Times in seconds since the journal's start; `mark` is in text and file name.

    text: what was sent as the text. ticket: the one written to, for a creation the one that RT named.
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
        """Whether RT said that it was done."""
        return self.state == "acknowledged"


@dataclass
class Journal:
    """All attempts of a run, and what was done to the site meanwhile, on one clock."""

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
        """Keep an attempt; from any thread."""
        with self._lock:
            self.attempts.append(attempt)

    def note(self, kind: str, label: str, lane: str, **more: Any) -> None:
        """Keep something that happened to the site; kinds and lanes are those of the report's timeline."""
        with self._lock:
            self.happenings.append({"t": round(self.now(), 3), "kind": kind, "label": label, "lane": lane, **more})

    @property
    def writes(self) -> list[Attempt]:
        """Return the attempts to write, in the order in which they were sent."""
        return sorted((one for one in self.attempts if one.kind in WRITES), key=lambda one: one.sent)


class Load:
    """Clients at work while the `with` block lasts, however long, together `rate` attempts a second."""

    def __init__(self, url: str, user: str, password: str, *, rate: float = 4, clients: int = 4) -> None:
        """Start nothing yet."""
        self.front, self._access = Front(url), (user, password)
        self._rate, self._clients = rate, clients
        self.journal = Journal()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        """Let everybody log in, then begin. Raises RestError when RT refuses: it must work to begin with."""
        people = [Client(self.front, self._access, self.journal, number) for number in range(self._clients)]
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
        """Let everybody finish what was begun. Raises what ended a client, if anything did."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        self.journal.ended = self.journal.now()
        if self._failures and error is None:
            raise self._failures[0]

    def go_on(self, seconds: float) -> None:
        """Let them work for so long, with nothing else happening."""
        self._over.wait(seconds)

    def reach(self, attempts: int, within: float = 120) -> None:
        """Let them work until so much was tried. Raises NotReadyError."""

        def reached() -> None:
            if len(self.journal.attempts) < attempts and not self._failures:
                raise Retry(f"{len(self.journal.attempts)} of {attempts}")

        wait_until(f"{attempts} attempts", reached, within)

    def _work(self, client: Client, number: int) -> None:
        try:
            for turn in itertools.count():
                due = (turn * self._clients + number) / self._rate
                late = self.journal.now() - due
                # What an outage swallowed is not made up for.
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
    """One person: a REST session and a browser, each logged in once, working on tickets of their own."""

    def __init__(self, front: Front, access: tuple[str, str], journal: Journal, number: int) -> None:
        """Log in over REST. Raises RestError when that fails."""
        self._front, self._access, self._journal, self._number = front, access, journal, number
        self._random = random.Random(number)
        self._tickets: list[Attempt] = []
        self._count = 0
        self._rest = rest.client(front, *access)
        self._browser: requests.Session | None = None

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()
        if self._browser:
            self._browser.close()

    def act(self) -> None:
        """Try the next thing of the cycle, and write down what came of it."""
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
        self._rest, self._browser = rest.client(self._front, *self._access), None
        return "acknowledged"

    def _do(self, kind: Kind, mark: str, about: Attempt | None, facts: dict[str, Any]) -> State:
        if kind in WRITES:
            self._write(kind, mark, facts)
        elif about is None:
            raise AssertionError("there is no ticket to read yet")
        elif kind == "search":
            return "acknowledged" if about.ticket in self._rest.search(f"Subject LIKE '{about.mark}'") else "wrong"
        else:
            self._browser = self._browser or web.login(self._front, *self._access)
            web.page(self._browser, self._front, f"/Ticket/Display.html?id={about.ticket}", user_text=True)
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
