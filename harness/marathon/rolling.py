"""Decide whether a deploy may be rolling: two RT releases must never share a database across a schema step.

While a rolling deploy lasts, old and new instances write to the same tables. That is fine if both know the same
schema (another image of the same release, other configuration) and wrong if an upgrade step lies between: old code
then writes into new tables, or new code finds old ones. It is wrong as well if the new ones work on another
database. Such a deploy stops everything, backs up, upgrades once and starts everything.

There are three safeguards. `decide` compares the upgrade steps of both images; if they are not known, an equal
label RT_SCHEMA is trusted only if the image is the same, because --image changes the image without the labels.
`deploy` refuses to roll if steps differ or are not known. And the image's own guard refuses to serve a database of
another schema, in case both are bypassed by a manual PUT: so a definition that turns the guard off is refused, as
is one whose instances would only pretend to serve because the switch of scratch deploys is left on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import UsageError
from harness.marathon.definition import App, image_of, instances_of, labels_of
from harness.marathon.image_switches import pinned, unguarded
from harness.marathon.model import AppState
from harness.marathon.mounts import secrets_of
from harness.releases import VERSION, parse

How = Literal["first", "rolling", "stop-all", "refused"]


class RollingRefusedError(UsageError):
    """A rolling deploy was requested although only stopping everything is right, or nothing is."""


@dataclass(frozen=True)
class Decision:
    """How a definition may replace the running one, and why. `pending`: the upgrade steps between them."""

    how: How
    because: tuple[str, ...]
    pending: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the decision in one line."""
        return f"{self.how}: {'; '.join(self.because)}"


def decide(
    live: App | None,
    wanted: App,
    steps_live: Sequence[str] | None = None,
    steps_wanted: Sequence[str] | None = None,
) -> Decision:
    """Decide between rolling and stopping all. Pure.

    live is the definition that runs (None: none does). steps_* are the names of the directories of etc/upgrade
    that each image carries, in their order; None if they are not known, and then the labels decide. Every image
    of RT carries some, so an empty list means the same as None.
    """
    steps_live, steps_wanted = steps_live or None, steps_wanted or None
    lies = _label_lies(live, steps_live, "live") + _label_lies(wanted, steps_wanted, "wanted")
    wrong = lies + unguarded(wanted) + pinned(wanted)
    if wrong:
        return Decision("refused", wrong)
    if live is None or instances_of(live) == 0:
        return Decision("first", ("nothing runs that could meet the new instances on the database",))
    if steps_live is not None and steps_wanted is not None:
        return _moved(live, wanted, _by_steps(steps_live, steps_wanted))
    return _moved(live, wanted, _by_labels(live, wanted))


GRAVITY: tuple[How, ...] = ("first", "rolling", "stop-all", "refused")


def decide_among(
    live: Sequence[tuple[App, Sequence[str] | None]], wanted: App, steps_wanted: Sequence[str] | None = None
) -> Decision:
    """Decide against each running definition, given with the steps of its image; the strictest decision counts."""
    every = [decide(app, wanted, steps, steps_wanted) for app, steps in live]
    every = every or [decide(None, wanted, None, steps_wanted)]
    return max(every, key=lambda decision: GRAVITY.index(decision.how))


def _moved(live: App, wanted: App, decision: Decision) -> Decision:
    """Forbid a rolling deploy to another database: the old instances would still write to theirs."""
    before, after = secrets_of(live), secrets_of(wanted)
    if before == after or decision.how == "refused":
        return decision
    why = (
        f"the secrets change from {before or 'none'} to {after or 'none'}, so the database may be another one: "
        "what old instances are told meanwhile would be lost"
    )
    return replace(decision, how="stop-all", because=(why, *decision.because))


def _by_steps(live: Sequence[str], wanted: Sequence[str]) -> Decision:
    gone = tuple(step for step in live if step not in set(wanted))
    pending = tuple(step for step in wanted if step not in set(live))
    if gone:
        return Decision(
            "refused",
            (
                f"the wanted image lacks step(s) {', '.join(gone)} that the live one has: "
                "RT cannot be downgraded, restore the backup instead",
            ),
        )
    if pending:
        return Decision(
            "stop-all", (f"{len(pending)} upgrade step(s) lie between: {', '.join(pending)}",), pending
        )
    return Decision("rolling", (f"both images carry the same {len(wanted)} upgrade steps",))


def _by_labels(live: App, wanted: App) -> Decision:
    before, after = labels_of(live).get("RT_SCHEMA"), labels_of(wanted).get("RT_SCHEMA")
    if image_of(live) == image_of(wanted) and before == after and not names_one_build(image_of(wanted)):
        return Decision(
            "stop-all",
            (
                f"the image {image_of(wanted) or 'none'} has the same name, and its tag moves: what runs "
                "may be another build, so give a build its own tag or a digest",
            ),
        )
    if image_of(live) == image_of(wanted) and before == after:
        said = f", labelled RT_SCHEMA {after} as before" if after else ""
        return Decision("rolling", (f"the image is the same{said}, only configuration changes",))
    if not before or not after:
        return Decision("stop-all", ("RT_SCHEMA is not labelled on both definitions: equal schemas are unproven",))
    if _is_older(after, before):
        lower = f"the wanted definition is labelled RT_SCHEMA {after}, the live one {before}"
        return Decision("refused", (f"{lower}: RT cannot be downgraded, restore the backup instead",))
    if before == after:
        what = f"the image changes from {image_of(live) or 'none'} to {image_of(wanted) or 'none'}"
        return Decision(
            "stop-all", (f"{what}, and that both are labelled RT_SCHEMA {after} does not prove the same steps",)
        )
    return Decision("stop-all", (f"the schema goes from {before} to {after}",), (after,))


def _is_older(label: str, other: str) -> bool:
    """Tell whether one schema is older than another; False for labels that are no versions."""
    return all(map(VERSION.match, (label, other))) and parse(label) < parse(other)


def _label_lies(app: App | None, steps: Sequence[str] | None, which: str) -> tuple[str, ...]:
    """Compare RT_SCHEMA with the newest step of the image that the definition names."""
    label = labels_of(app or {}).get("RT_SCHEMA")
    if not steps or not label or label == steps[-1]:
        return ()
    return (f"the {which} definition is labelled RT_SCHEMA {label}, but its image's newest step is {steps[-1]}",)


def names_one_build(image: str) -> bool:
    """Tell whether an image's name means a single build: a digest, or a tag that is not "latest"."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return bool(digest) or tag not in ("", "latest")


def require_rolling(decision: Decision) -> None:
    """Raise RollingRefusedError unless new instances may run beside the old ones (or there are none)."""
    if decision.how in ("first", "rolling"):
        return
    sentence = f"This deploy must not roll: {'; '.join(decision.because)}."
    if decision.how == "refused":
        raise RollingRefusedError(
            sentence,
            repair="correct the definition's labels, or what turns its guard off or RT_SCRATCH on; go back by "
            "restoring the backup",
        )
    known = "" if decision.pending else "; where only equal steps are unproven, --ask-images compares them"
    raise RollingRefusedError(
        sentence,
        repair=f"stop all, back up, upgrade once, start all: python -m harness.marathon replace{known}",
    )


def require_unchanged(app_id: str, now: AppState | None, decided_on: str | None) -> None:
    """Raise RollingRefusedError if an app is no longer at the version on which the decision was made.

    decided_on: "" if there was no app then, None if it was not recorded.
    """
    if decided_on is not None and decided_on != (now.version_text if now else ""):
        raise RollingRefusedError(
            f"{app_id} was changed by somebody after it was decided how to deploy.",
            repair="see who deploys, stops or scales it; run it again when they are done",
        )
