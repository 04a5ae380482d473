"""Refuse the text of a dump that is not whole, or more than one database's."""

from __future__ import annotations

from collections.abc import Callable

from harness.common.wording import amount, listed
from harness.dump import maker
from harness.dump.manifest import DumpError
from harness.dump.text import Text

_OF_THE_SERVER = ("mysql", "sys", "information_schema", "performance_schema")
_SHOWN = 5


def hole(name: str, text: Text, ahead: int, head: bytes) -> DumpError:
    """Return the error of a file with a zero byte, `ahead` bytes after the text that was read.

    The servers' own programs write such a byte of data as \\0, with and without --hex-blob. A copy that skipped a
    part of the file, or a disk that lost power, leaves zeros in its place, which a restore takes for data.
    name, head: of the file; its first bytes, unpacked.
    """
    if maker.archive(head) or not text.begun:
        return DumpError(*maker.refusal(name, head))
    return DumpError(
        f"The dump {name} is damaged: byte {text.size + ahead} of its SQL is zero, and no dump has such bytes.",
        repair="copy it again from where it was made, and compare sha256sum there and here; if both are the same, "
        "make it again, and look at the health of the disk that it is on",
    )


def need_sound(name: str, packing: str, text: Text, read_head: Callable[[], bytes]) -> None:
    """Raise DumpError if text that was read to its end is cut off, lacks rows, or is not that of one database.

    name, packing: of the file. read_head: returns its first bytes, unpacked.
    """
    if text.messages:
        raise DumpError(*maker.mixed(name))
    if not text.whole:
        head = read_head()
        if not head:
            raise DumpError(
                f"The dump {name} is empty: its {packing} data unpacks to nothing.",
                repair="make it again; the program that wrote the SQL failed, so look at what it said",
            )
        if maker.archive(head) or not text.begun:
            raise DumpError(*maker.refusal(name, head))
        raise DumpError(
            f"The dump {name} is cut off: {text.size} bytes of SQL without the closing line '-- Dump completed'.",
            repair="make it again without --compact and --skip-comments; look at the disk's free space",
        )
    if cut := text.left_out.cut:
        raise DumpError(
            f"The dump {name} lacks rows: those of {amount(len(cut), 'tables')} were not written to their end "
            f"({listed(cut, _SHOWN)}).",
            repair="make it again without --force while nobody alters a table, and look at what the program says: "
            "it ends with another exit code than 0 if it left something out",
        )
    if chosen := text.left_out.chosen:
        raise DumpError(
            f"The dump {name} was made with --where, which left rows out of {amount(len(chosen), 'tables')}.",
            repair="make it again without --where",
        )
    if len(text.databases) > 1:
        first = next((one for one in text.databases if one not in _OF_THE_SERVER), "rt")
        raise DumpError(
            f"The dump {name} holds {len(text.databases)} databases: {', '.join(text.databases)}.",
            repair="dump the one that RT works on by its name alone, without --databases and --all-databases: "
            f"mariadb-dump --single-transaction --default-character-set=utf8mb4 {first} > rt.sql",
        )
