"""What a check finds out about the old side can be kept as JSON, beside the baseline that it is about."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass
class Remembered:
    """A fact whose fields are JSON values. Whatever people wrote is in none of them, but for digests."""

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))
