"""Frozen content is compared by its values and by the classes of its objects."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.dump.choice import DEFAULT_SERVER
from harness.rt import thaw
from harness.rt.thaw import CLASSES, Thawer
from harness.upgrade.lifecycle import Lifecycle

PLAIN = "BQsDAAAAAQiBAAAAAWE="
OBJECT = "BQsRCVJUOjpUaGluZwMAAAABCIEAAAABYQ=="
WITHIN = "BQsDAAAAAQQRCVJUOjpUaGluZwMAAAABCIEAAAABYQAAAAF4"
LIST = "BQsRAVgCAAAAAQiB"
TWO = "BQsDAAAAAgQRCVJUOjpUaGluZwMAAAAAAAAAAXgEEQlSVDo6T3RoZXIDAAAAAAAAAAF5"
"""By Perl: nfreeze of {a => 1}, of the same as RT::Thing, of {x => that}, of [1] as X, and of two classes."""


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (PLAIN, []),
        (OBJECT, ["RT::Thing"]),
        (WITHIN, ["RT::Thing"]),
        (LIST, ["X"]),
        (TWO, ["RT::Other", "RT::Thing"]),
        ("", []),
        ("BQsDA", []),
    ],
)
def test_the_classes_of_objects_are_read(content: str, names: list[str]) -> None:
    """Wherever they are; damaged content has none."""
    assert thaw.classes(content) == names


@pytest.mark.engine
def test_an_object_is_not_plain_data(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """Its class may be gone, and RT calls its methods; what it holds is read as before."""
    known = Thawer(rt_tools("5.0.3", clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))))
    known.load([PLAIN, OBJECT, LIST])
    assert known.value(PLAIN) == {"a": "1"}
    assert known.value(OBJECT) == {"a": "1", CLASSES: ["RT::Thing"]}
    assert known.value(LIST) == {"(value)": ["1"], CLASSES: ["X"]}
