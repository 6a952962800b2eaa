"""What was typeset once is kept under the fingerprint of all it was made from: prepared parts, assembled documents.

Nothing here can be stale: another content has another name. What is lost or spoilt is simply made again.
"""

import dataclasses
import hashlib
import json
import threading
from collections import OrderedDict

from socle import pdf_depot as depot
from socle.pdf_finition import Prepare
from socle.pdf_folios import Folio
from socle.pdf_polices import Police

MEMOIRE = 200  # parts that a process keeps at hand, some 20 KB each
_recents: OrderedDict[str, Prepare] = OrderedDict()
_verrou = threading.Lock()


def has_cahier(cle: str) -> bool:
    """Tell whether a part is ready, without reading it."""
    return cle in _recents or depot.has(cle, "cahier")


def read_cahier(cle: str) -> Prepare | None:
    """A prepared part; None when it is to be made."""
    if (recent := _recents.get(cle)) is not None:
        return recent
    contenu = depot.read(cle, "cahier")
    if contenu is None:
        return None
    taille = int.from_bytes(contenu[:8], "big")
    dit = json.loads(contenu[8 : 8 + taille])
    pret = Prepare(
        contenu[8 + taille :],
        dit["pages"],
        {nom: (int(p), x, y) for nom, (p, x, y) in dit["ancres"].items()},
        [(n, titre, p, x, y) for n, titre, p, x, y in dit["signets"]],
        [Folio(**folio) for folio in dit["folios"]],
        {nom: Police.of_json(police) for nom, police in dit["polices"].items()},
    )
    _remember(cle, pret)
    return pret


def keep_cahier(cle: str, pret: Prepare) -> None:
    """Keep a prepared part."""
    dit = {
        "pages": pret.pages,
        "ancres": pret.ancres,
        "signets": pret.signets,
        "folios": [dataclasses.asdict(f) for f in pret.folios],
        "polices": {nom: police.to_json() for nom, police in pret.polices.items()},
    }
    entete = json.dumps(dit, ensure_ascii=False, separators=(",", ":")).encode()
    depot.write(cle, "cahier", len(entete).to_bytes(8, "big") + entete + pret.pdf)
    _remember(cle, pret)


def read_document(cle: str) -> bytes | None:
    """An assembled document; None when it is to be assembled."""
    return depot.read(cle, "pdf")


def keep_document(cle: str, contenu: bytes) -> None:
    """Keep an assembled document."""
    depot.write(cle, "pdf", contenu)


def read_version(version: str) -> str:
    """The key of the document printed for some state of the data; empty when there is none."""
    return (depot.read(version, "version") or b"").decode()


def keep_version(version: str, cle: str) -> None:
    """Keep the key of the document printed for a state of the data."""
    depot.write(version, "version", cle.encode())


def keep_last(objet: str, version: str, cle: str) -> None:
    """Keep the key of the document printed for a state of the data of `objet`; the one before gives its place."""
    keep_version(version, cle)
    nom = hashlib.sha256(objet.encode()).hexdigest()
    avant = (depot.read(nom, "dernier") or b"").decode().split()
    if avant and avant != [version, cle]:
        depot.delete(avant[0], "version")
        if avant[1] != cle:
            depot.delete(avant[1], "pdf")
    depot.write(nom, "dernier", f"{version} {cle}".encode())


def clear() -> None:
    """Forget everything, for measures: nothing is lost, it is only made again."""
    _recents.clear()
    depot.delete_all({"cahier", "pdf", "version", "dernier"})


def _remember(cle: str, pret: Prepare) -> None:
    with _verrou:
        _recents[cle] = pret
        _recents.move_to_end(cle)
        while len(_recents) > MEMOIRE:
            _recents.popitem(last=False)
