"""Archives taken apart and put together again, as somebody who means harm would."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from socle.sauvegarde.archive import MANIFESTE
from socle.sauvegarde.tables import list_tables

Membres = dict[str, bytes]


def empty_database() -> None:
    """Take every row away, as in a new database; keys go on."""
    with connection.cursor() as cursor:
        for table in reversed(list_tables()):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table.modele._meta.db_table)}")  # noqa: S608


def read_members(archive: Path) -> Membres:
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}


def read_manifeste(archive: Path) -> dict[str, Any]:
    return json.loads(read_members(archive)[MANIFESTE])


def write_members(archive: Path, membres: Membres, autres: list[tarfile.TarInfo] | None = None) -> Path:
    """The archive again, with these members; `autres` are put first, bare."""
    with tarfile.open(archive, "w") as tar:
        for membre in autres or []:
            tar.addfile(membre, io.BytesIO(bytes(membre.size)))
        for nom, contenu in membres.items():
            info = tarfile.TarInfo(nom)
            info.size = len(contenu)
            tar.addfile(info, io.BytesIO(contenu))
    return archive


def tamper(archive: Path, geste: Callable[[Membres], Any]) -> Path:
    """Change members; the manifest stays as it was unless `geste` changes it."""
    membres = read_members(archive)
    geste(membres)
    return write_members(archive, membres)


def tamper_manifeste(archive: Path, geste: Callable[[dict[str, Any]], Any]) -> Path:
    def change(membres: Membres) -> None:
        manifeste = json.loads(membres[MANIFESTE])
        geste(manifeste)
        membres[MANIFESTE] = json.dumps(manifeste).encode()

    return tamper(archive, change)


def forge_lines(archive: Path, table: str, geste: Callable[[bytes], bytes]) -> Path:
    """Change the lines of a table and seal the manifest again, as who knows the format can."""

    def change(membres: Membres) -> None:
        nom = f"tables/{table}.jsonl"
        membres[nom] = geste(membres[nom])
        manifeste = json.loads(membres[MANIFESTE])
        sauvee = next(t for t in manifeste["tables"] if t["nom"] == table)
        sauvee |= {"taille": len(membres[nom]), "empreinte": hashlib.sha256(membres[nom]).hexdigest()}
        membres[MANIFESTE] = json.dumps(manifeste).encode()

    return tamper(archive, change)
