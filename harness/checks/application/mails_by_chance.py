"""Find the differences between two runs of the same old release: scrips may choose an owner at random.

The recipients of such a mail are no effect of the upgrade. That it is sent, how often, and whether the requestor
is among the recipients, still is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Mail = tuple[str, ...]
"""Recipients, subject, and headers, as in `mails.Mails`."""
Kind = tuple[str, ...]
"""A mail without the recipients who may be chosen at random, and without numbers in its subject."""
# Also glued to letters, as in INC0001234; the number of a queue stays.
_NUMBER = re.compile(r"(?<!queue )(?<!\d)\d+")


@dataclass(frozen=True)
class Chance:
    """Differences between two runs of one release.

    often: for each kind of mails that differed, the smaller and the larger number of them. outcomes: for each
    queue in which the outcome of a ticket's actions differed, both outcomes. people: the harness's own recipients,
    whom no scrip of the site's chooses; in the form in which recipients are written.
    """

    often: Mapping[Kind, tuple[int, int]] = field(default_factory=dict)
    outcomes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    people: frozenset[str] = frozenset()

    def unexplained(self, old: Counter[Mail], new: Counter[Mail]) -> tuple[Counter[Mail], Counter[Mail]]:
        """Return the mails that only one of two releases sends, without the random ones.

        Of a kind that varies from run to run, as many are returned as the new release sends less often than both
        runs, or more often.
        """
        numbers = _numbers(new, self.people)
        fewer = {kind: least - numbers[kind] for kind, (least, _) in self.often.items()}
        more = {kind: numbers[kind] - most for kind, (_, most) in self.often.items()}
        return _reduced(old - new, fewer, self.people), _reduced(new - old, more, self.people)

    def explains(self, queue: str, outcome: str) -> bool:
        """Tell whether the old release has this outcome in a queue as well. No ticket at all is never one."""
        return bool(outcome) and outcome in self.outcomes.get(queue, ())

    def reservations(self, release: str) -> list[str]:
        """Return what a comparison with this old release leaves out."""
        same = sum(least == most for least, most in self.often.values())
        counted = {"to whom": same, "exactly how often": len(self.often) - same}
        told = [
            f"{what} {number} kinds of mails go: with RT {release} it is another each time"
            for what, number in counted.items()
            if number
        ]
        if self.outcomes:
            told.append(
                f"which of two things becomes of a ticket in queue {', '.join(sorted(self.outcomes))}: with RT "
                f"{release} it is another each time"
            )
        return told


def differences_between(
    first: Iterable[Iterable[str]],
    second: Iterable[Iterable[str]],
    done: tuple[dict[str, str], dict[str, str]],
    people: Iterable[str] = (),
) -> Chance:
    """Return the differences between two runs: in their mails, and in the outcome of the actions by queue.

    people: the harness's own recipients. If the number of mails to them differs, no difference in such mails is
    left out: a requestor who is no longer told must be found.
    """
    own = frozenset(people)
    one, other = (Counter(map(tuple, side)) for side in (first, second))
    numbers = [_numbers(side, own) for side in (one, other)]
    often: dict[Kind, tuple[int, int]] = {}
    for kind in _numbers((one - other) + (other - one), own):
        least, most = sorted(side[kind] for side in numbers)
        if least == most or not kind[0]:
            often[kind] = (least, most)
    outcomes = {
        queue: frozenset((what, done[1][queue]))
        for queue, what in done[0].items()
        if done[1].get(queue, what) != what
    }
    return Chance(often, outcomes, own)


def _kind(mail: Mail, people: frozenset[str]) -> Kind:
    """Return a mail's kind: its first part is the harness's own recipients, separated by commas."""
    own = sorted(people.intersection(mail[0].split(", ")))
    return (", ".join(own), _NUMBER.sub("N", mail[1]), *mail[2:])


def _numbers(mails: Counter[Mail], people: frozenset[str]) -> Counter[Kind]:
    """Return the number of mails of each kind."""
    found: Counter[Kind] = Counter()
    for mail, number in mails.items():
        found[_kind(mail, people)] += number
    return found


def _reduced(mails: Counter[Mail], limits: Mapping[Kind, int], people: frozenset[str]) -> Counter[Mail]:
    """Return all mails of kinds without a limit, and of the others at most the limit; none if it is negative."""
    left, room = Counter[Mail](), Counter(limits)
    for mail, number in sorted(mails.items()):
        kind = _kind(mail, people)
        left[mail] = min(number, max(room[kind], 0)) if kind in limits else number
        room[kind] -= left[mail]
    return +left
