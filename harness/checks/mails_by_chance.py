"""What differs from one time to the next with the old release itself: scrips may choose an owner by lot.

To whom such a mail goes is no matter of the upgrade; that it comes, and how often, still is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Mail = tuple[str, ...]
"""Recipients, subject, and headers, as `mails.Mails` has them."""


@dataclass(frozen=True)
class Chance:
    """What two answers of one release differ in. Mails are known by all but their recipients.

    recipients: mails that came as often, to others. mails: those that came more often in one of the two.
    queues: those in which something else became of a ticket.
    """

    recipients: frozenset[Mail] = frozenset()
    mails: frozenset[Mail] = frozenset()
    queues: frozenset[str] = frozenset()

    def left(self, lost: Counter[Mail], new: Counter[Mail]) -> tuple[Counter[Mail], Counter[Mail]]:
        """Return what of the mails that one of two releases alone sends is no chance.

        Where only recipients differ from time to time, one that is lost stands for one that is new.
        """
        lost, new = (Counter({m: n for m, n in side.items() if m[1:] not in self.mails}) for side in (lost, new))
        for kind in self.recipients:
            pairs = min(_count(lost, kind), _count(new, kind))
            for side in (lost, new):
                _take(side, kind, pairs)
        return +lost, +new


def between(
    first: Iterable[Iterable[str]], second: Iterable[Iterable[str]], done: tuple[dict[str, str], dict[str, str]]
) -> Chance:
    """Return what differs between two answers: of mails, and in what was done, by queue."""
    one, other = (Counter(map(tuple, side)) for side in (first, second))
    kinds = {mail[1:] for mail in (one - other) + (other - one)}
    as_often = frozenset(kind for kind in kinds if _count(one, kind) == _count(other, kind))
    queues = frozenset(queue for queue, what in done[0].items() if done[1].get(queue, what) != what)
    return Chance(as_often, frozenset(kinds) - as_often, queues)


def _count(mails: Counter[Mail], kind: Mail) -> int:
    return sum(number for mail, number in mails.items() if mail[1:] == kind)


def _take(mails: Counter[Mail], kind: Mail, number: int) -> None:
    for mail in [one for one in mails if one[1:] == kind]:
        taken = min(number, mails[mail])
        mails[mail] -= taken
        number -= taken
