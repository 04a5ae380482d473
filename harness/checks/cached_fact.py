"""Facts that a check reads from the old side, in a form that can be cached as JSON beside the baseline."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass
class CachedFact:
    """A fact whose fields are JSON values. Texts that people wrote are in it only as digests."""

    @property
    def steady(self) -> bool:
        """Whether the same would be read again; if not, the fact must not be cached."""
        return True

    def to_json(self) -> str:
        """Return the fact as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the output of `to_json`."""
        return cls(**json.loads(text))
