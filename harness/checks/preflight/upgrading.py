"""Read a release's own UPGRADING documents, passage by passage, and select those for an upgrade.

They are POD. The report shows them to people, so the POD markup is removed for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.releases import parse
from harness.rt import Rt

_HEAD = re.compile(r"^=head1\s+UPGRADING\s+FROM\s+(.*)$", re.MULTILINE | re.IGNORECASE)
_NUMBER = re.compile(r"\d+\.\d+\.\d+")
_DOCUMENTS = (
    'for f in /usr/share/doc/request-tracker*/UPGRADING-*; do [ -e "$f" ] || continue; '
    'echo "=document $f"; zcat -f "$f"; done'
)
# C<text>, L<text|address>, C<< text >>; the innermost first, because they may be nested.
_MARKED = re.compile(r"[A-Z](?:<<+ (?P<long>.*?) >>+|<(?P<short>[^<>]*)>)", re.DOTALL)
_LINK = re.compile(r"L<([^|<>]*)\|([^<>]*)>")
_ESCAPE = re.compile(r"E<(\w+)>")
_ESCAPES = {"lt": "<", "gt": ">", "verbar": "|", "sol": "/"}


@dataclass(frozen=True)
class Passage:
    """A part of an UPGRADING document: the releases that it is for (its heading) and its paragraphs, in POD."""

    file: str
    heading: str
    paragraphs: tuple[str, ...]

    def applies(self, origin: str, target: str) -> bool:
        """Tell whether the passage is for the upgrade from `origin` to `target`.

        "FROM 1.2.3 AND EARLIER" is for upgrades that start there or before and go past it; "FROM 1.2.0 and
        greater" heads a whole document, for upgrades that leave that series.
        """
        numbers = [parse(one) for one in _NUMBER.findall(self.heading)]
        if not numbers:
            return False
        if re.search("greater|later", self.heading, re.IGNORECASE):
            return parse(origin) < (numbers[0][0], numbers[0][1] + 1, 0) <= parse(target)
        return parse(origin) <= max(numbers) < parse(target)

    def raw(self) -> str:
        """Return the passage as it was written."""
        return "\n\n".join(self.paragraphs)

    def text(self) -> str:
        """Return it as plain text: headings on lines of their own, items behind a dash."""
        parts: list[str] = []
        dash = False
        for paragraph in self.paragraphs:
            if paragraph.startswith("=item"):
                title = re.sub(r"^=item\s*\*?\s*", "", paragraph)
                dash = not title
                parts += [f"- {unmarked(title)}"] if title else []
            elif paragraph.startswith("=head"):
                parts.append(unmarked(re.sub(r"^=head\d\s+", "", paragraph)).upper())
            elif not paragraph.startswith("="):
                parts.append(("- " if dash else "") + unmarked(paragraph))
                dash = False
        return "\n\n".join(parts)


def unmarked(pod: str) -> str:
    """Return a paragraph of POD without its markup: the text of a link with its address; code unchanged."""
    if pod[:1].isspace():
        return pod
    text = _LINK.sub(r"\1 (\2)", pod)
    text = _ESCAPE.sub(lambda found: f"\0{found[1]}\0", text)  # else they would look like markup
    while (plainer := _MARKED.sub(lambda found: found["long"] or found["short"] or "", text)) != text:
        text = plainer
    return re.sub("\0(\\w+)\0", lambda found: _ESCAPES.get(found[1], found[1]), text)


def passages(target: Rt) -> list[Passage]:
    """Return the passages of the target's UPGRADING documents; [] if the image has none."""
    found: list[Passage] = []
    for document in target.of_image("sh", "-c", _DOCUMENTS).split("=document ")[1:]:
        file = document.partition("\n")[0].rpartition("/")[2].removesuffix(".gz")
        marks = list(_HEAD.finditer(document))
        for mark, end in zip(marks, [*(one.start() for one in marks[1:]), len(document)], strict=True):
            parts = re.split(r"\n[^\S\n]*\n", document[mark.end() : end])
            kept = tuple(part.strip("\n").rstrip() for part in parts if part.strip())
            found.append(Passage(file, mark[1].strip(), kept))
    return found
