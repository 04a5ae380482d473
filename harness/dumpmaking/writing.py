"""Write a bundled dump and its manifest, in the form that harness.dump reads."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from backports import zstd

from harness.database import NAME, USER, Database
from harness.dump import Manifest, manifest_of, read_manifest
from harness.errors import InfrastructureError

LEVEL = 19
WITHOUT_ROWS = ("sessions",)
"""Tables dumped without rows, as RT's documents advise: sessions hold frozen objects of the old code."""
_DUMP_INSIDE = "/tmp/bundled.sql"  # in the server's container, which is removed afterwards
_PROGRAM = {"mariadb": "mariadb-dump"}


def write(database: Database, path: Path, facts: Mapping[str, Any]) -> Path:
    """Dump the database into `path` (.sql.zst), and its facts with rows and sha256 beside it; return `path`.

    Raises InfrastructureError if the server's product has no client that dumps byte for byte.
    """
    rows = {table: 0 if table in WITHOUT_ROWS else count for table, count in database.counts().items()}
    packed = zstd.compress(dumped(database), level=LEVEL)
    sha256 = hashlib.sha256(packed).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest_of(path).unlink(missing_ok=True)  # an old manifest must never lie beside the new dump
    path.write_bytes(packed)
    text = manifest_text({**facts, "sha256": sha256, "bytes": len(packed), "rows": rows})
    manifest_of(path).write_text(text, encoding="utf-8")
    _prove(read_manifest(manifest_of(path)), rows, sha256)
    return path


def manifest_text(facts: Mapping[str, Any]) -> str:
    """Return the facts as TOML: plain values first, then one section for each mapping, sorted.

    Values are str, int, float, bool or list of str; empty lists and strings are left out.
    """
    plain = [f"{key} = {_value(value)}" for key, value in facts.items() if value != "" and _is_plain(value)]
    sections = [
        "\n".join([f"\n[{key}]", *(f"{_key(name)} = {_value(entry)}" for name, entry in sorted(value.items()))])
        for key, value in facts.items()
        if isinstance(value, Mapping)
    ]
    return "\n".join([*plain, *sections]) + "\n"


def _is_plain(value: object) -> bool:
    return not isinstance(value, Mapping) and value != []


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: object) -> str:
    """Return a TOML value. Strings, numbers and lists of JSON are valid TOML if non-ASCII text is not escaped."""
    return json.dumps(value, ensure_ascii=False)


def _prove(manifest: Manifest, rows: Mapping[str, int], sha256: str) -> None:
    """Verify that the written manifest is read back unchanged."""
    if manifest.rows != rows or manifest.sha256 != sha256:
        raise InfrastructureError("The manifest does not read back as it was written.")


def dumped(database: Database) -> bytes:
    """Return the dump's bytes, made by the server's own client.

    Text columns may hold any bytes: never decode them.
    """
    program = _PROGRAM.get(database.server.product)
    if program is None:
        raise InfrastructureError(
            f"No bundled dump is made on {database.server.name}.", repair="name a MariaDB server in the recipe"
        )
    # Without the dump's date, and with rows in the order of their keys, equal content gives equal text.
    words = [
        program,
        "--no-defaults",
        "--protocol=TCP",
        "--host=127.0.0.1",
        f"--user={USER}",
        "--single-transaction",
        "--default-character-set=utf8mb4",
        "--skip-dump-date",
        "--order-by-primary",
        f"--result-file={_DUMP_INSIDE}",
        *(f"--ignore-table-data={NAME}.{table}" for table in WITHOUT_ROWS),
        NAME,
    ]
    database.container.need(words, environment={"MYSQL_PWD": database.credentials.password}, limit=600)
    pieces, _ = database.container.docker.get_archive(_DUMP_INSIDE)
    return _only_file(pieces)


def _only_file(pieces: Iterable[bytes]) -> bytes:
    """Return the content of the single file in a tar stream."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        if member is None:
            raise InfrastructureError("The server's container gave no file for the dump.")
        return member.read()
