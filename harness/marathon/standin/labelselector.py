"""Label selectors of GET /v2/apps: `a`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`, joined by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.marathon.standin.errors import bad_request

TERM = re.compile(
    r"\s*(?P<key>[^\s,!=()]+)\s*(?:(?P<sign>==|!=)\s*(?P<value>[^\s,()]+)"
    r"|(?P<word>in|notin)\s*\((?P<values>[^()]*)\))?\s*(?:,|$)"
)


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Tell whether labels match a selector. Raises ApiError 400 if it cannot be parsed."""
    position = 0
    fits = True
    while position < len(selector):
        term = TERM.match(selector, position)
        if term is None:
            raise bad_request(f"Could not parse label selector: {selector}")
        fits = fits and fits_term(term, labels)
        position = term.end()
    return fits


def fits_term(term: re.Match[str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels match one term."""
    value = labels.get(term["key"])
    if term["sign"]:
        return value is not None and (value == term["value"]) == (term["sign"] == "==")
    if term["word"]:
        listed = {item.strip() for item in term["values"].split(",")}
        return value is not None and (value in listed) == (term["word"] == "in")
    return value is not None
