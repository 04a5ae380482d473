"""Find the differences between two runs of the same old release: scrips may choose an owner at random.

The recipients of such a mail are no effect of the upgrade; that it is sent, and how often, still is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Mail = tuple[str, ...]
"""Recipients, subject, and headers, as in `mails.Mails`."""


@dataclass(frozen=True)
class Chance:
    """Differences between two runs of one release. Mails are identified by everything except their recipients.

    recipients: mails sent equally often, to different recipients. mails: those sent more often in one of the two
    runs. queues: those in which the outcome of a ticket's actions differed.
    """

    recipients: frozenset[Mail] = frozenset()
    mails: frozenset[Mail] = frozenset()
    queues: frozenset[str] = frozenset()

    def left(self, lost: Counter[Mail], new: Counter[Mail]) -> tuple[Counter[Mail], Counter[Mail]]:
        """Return the mails that only one of two releases sends, without the random ones.

        If only the recipients vary from run to run, a lost mail and a new one cancel out.
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
    """Return the differences between two runs: in their mails, and in the outcome of the actions by queue."""
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
