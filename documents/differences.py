"""What an avenant changes: the difference between two sets of canonical data, in the words of the field.

Pure functions on the data of `instantane`: nothing is read from the database, so that what was signed is compared as it was.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.safestring import SafeString

from documents.instantane import Donnees
from documents.libelles import (
    CALENDRIER,
    CODES,
    COURT,
    DATES,
    EUROS,
    LIBELLES,
    LONGS,
    MUETS,
    MUETS_AVENANT,
    TAUX,
    VIDE,
)
from socle.differences import render_difference
from socle.texte import plain_texte
from socle.typographie import format_euros, format_jours, format_nombre, format_taux


@dataclass(frozen=True)
class Changement:
    """One thing changed: `genre` is texte, valeur, ajout or retrait. `avant` and `apres` are as people read them."""

    libelle: str
    avant: str
    apres: str
    genre: str = "valeur"
    mineur: bool = False

    @property
    def is_texte(self) -> bool:
        return self.genre == "texte"

    @property
    def difference(self) -> SafeString:
        """Both texts in one, what goes and what comes marked."""
        return render_difference("" if self.avant == VIDE else self.avant, "" if self.apres == VIDE else self.apres)


@dataclass
class Objet:
    """What was changed of one fiche, article, party…; added or taken away as a whole when `genre` says so."""

    titre: str
    genre: str = "modifie"
    changements: list[Changement] = field(default_factory=list)

    @property
    def is_mineur(self) -> bool:
        return self.genre == "modifie" and all(c.mineur for c in self.changements)


@dataclass
class Rubrique:
    """One subject of the agreement: its objects that changed."""

    cle: str
    titre: str
    objets: list[Objet]


@dataclass(frozen=True)
class Mouvement:
    """An amount before and after: of a fiche, a year, a financeur. None: nothing planned."""

    libelle: str
    avant: Decimal | None
    apres: Decimal | None

    @property
    def ecart(self) -> Decimal:
        return (self.apres or Decimal(0)) - (self.avant or Decimal(0))


@dataclass
class Difference:
    """All that an avenant changes, and what it does to the amounts."""

    rubriques: list[Rubrique]
    par_fiche: list[Mouvement]
    par_annee: list[Mouvement]
    par_financeur: list[Mouvement]
    total: Mouvement

    @property
    def is_vide(self) -> bool:
        return not self.rubriques

    @property
    def demande_avenant(self) -> bool:
        """Something else than a calendar told otherwise inside the same years."""
        return any(not o.is_mineur for r in self.rubriques for o in r.objets)

    @property
    def nombre(self) -> int:
        return sum(max(1, len(o.changements)) for r in self.rubriques for o in r.objets)

    @property
    def has_montants(self) -> bool:
        return bool(self.par_fiche or self.par_annee or self.par_financeur or self.total.ecart)

    @property
    def tableaux(self) -> list[tuple[str, list[Mouvement]]]:
        """Amounts that moved, one table a point of view."""
        tableaux = [("Fiche", self.par_fiche), ("Année", self.par_annee), ("Financeur", self.par_financeur)]
        return [(titre, lignes) for titre, lignes in tableaux if lignes]

    def list_fiches(self, genre: str) -> list[str]:
        """Titles of the fiches that were added, taken away or changed."""
        return [o.titre for r in self.rubriques if r.cle == "fiches" for o in r.objets if o.genre == genre]


def compare_donnees(avant: Donnees, apres: Donnees) -> Difference:
    """The difference between two canonical data of one agreement.

    The printed recap and printed totals are left out: they say how the first paper was printed, and an avenant prints what it computes.
    """
    # The names of today on both sides: an organisation renamed since is the same one.
    noms = {genre: avant["noms"].get(genre, {}) | apres["noms"].get(genre, {}) for genre in ("organisations", "natures", "politiques")}
    avant, apres = _nommees(avant, noms), _nommees(apres, noms)
    rubriques = [
        Rubrique("convention", "Convention", _whole("La convention", avant["convention"], apres["convention"])),
        Rubrique("parties", "Parties", _rows(avant, apres, "parties", lambda p: p["denomination"], MUETS_AVENANT)),
        Rubrique("objectifs", "Objectifs", _rows(avant, apres, "objectifs", lambda o: o["titre"])),
        Rubrique("axes", "Axes", _rows(avant, apres, "axes", lambda a: f"{a['code']} – {a['titre']}")),
        Rubrique("articles", "Articles", _rows(avant, apres, "articles", lambda a: f"Article {a['numero']} – {a['titre']}")),
        Rubrique("montants", "Montants du texte", _rows(avant, apres, "montants_declares", lambda m: m["libelle"])),
        Rubrique("fiches", "Fiches action", list(_fiches(avant["fiches"], apres["fiches"]))),
        Rubrique("versements", "Versements", _rows(avant, apres, "versements", _name_versement)),
    ]
    fiches, annees, financeurs, total = _mouvements(avant, apres)
    return Difference([r for r in rubriques if r.objets], fiches, annees, financeurs, total)


def _nommees(donnees: Donnees, noms: dict[str, dict[str, str]]) -> Donnees:
    """The same data with organisations, natures and policies called by their names instead of their keys."""
    organisations, natures, politiques = noms["organisations"], noms["natures"], noms["politiques"]
    champs = {"organisation": organisations, "financeur": organisations, "payeur": organisations, "beneficiaire": organisations}

    def name(valeur: Any, champ: str = "") -> Any:
        if isinstance(valeur, dict):
            return {cle: name(v, cle) for cle, v in valeur.items()}
        if isinstance(valeur, list):
            return [name(v, champ) for v in valeur]
        if champ == "maitres_ouvrage":
            return organisations.get(valeur, valeur)
        if champ == "politiques":
            return politiques.get(valeur, valeur)
        return champs.get(champ, {}).get(valeur, valeur) if isinstance(valeur, str) else valeur

    nommees = {
        cle: name(donnees[cle], cle)
        for cle in ("convention", "parties", "objectifs", "axes", "articles", "montants_declares", "fiches", "versements")
    }
    nommees["convention"]["cadre"] = nommees["convention"].pop("parent", None)
    for fiche in nommees["fiches"]:
        for ligne in [*fiche["couts"], *fiche["parts"]]:
            ligne["nature"] = natures.get(ligne["nature"], ligne["nature"])
    return nommees | {"recapitulatif": donnees["recapitulatif"]}


def _name_versement(versement: Donnees) -> str:
    return f"{write('nature', versement['nature'])}, {versement['beneficiaire']}"


def _whole(titre: str, avant: Donnees, apres: Donnees) -> list[Objet]:
    changements = list(_champs(avant, apres, MUETS_AVENANT))
    return [Objet(titre, "modifie", changements)] if changements else []


def _rows(avant: Donnees, apres: Donnees, cle: str, name: Callable[[Donnees], str], sans: Iterable[str] = ()) -> list[Objet]:
    """Rows of one table, followed by their number of origin."""
    anciennes = {r["id"]: r for r in avant[cle]}
    nouvelles = {r["id"]: r for r in apres[cle]}
    objets = []
    for pk in [*nouvelles, *(pk for pk in anciennes if pk not in nouvelles)]:
        ancienne, nouvelle = anciennes.get(pk), nouvelles.get(pk)
        if ancienne is None and nouvelle is not None:
            objets.append(Objet(name(nouvelle), "ajout", [c for c in _champs({}, nouvelle, sans) if c.apres != VIDE]))
        elif nouvelle is None and ancienne is not None:
            objets.append(Objet(name(ancienne), "retrait"))
        elif ancienne is not None and nouvelle is not None and (changements := list(_champs(ancienne, nouvelle, sans))):
            objets.append(Objet(name(nouvelle), "modifie", changements))
    return objets


def _champs(avant: Donnees, apres: Donnees, sans: Iterable[str] = ()) -> Iterator[Changement]:
    """Columns that say something else."""
    for champ, libelle in LIBELLES.items():
        if champ in MUETS or champ in sans or champ not in apres:
            continue
        ancien, nouveau = avant.get(champ), apres[champ]
        if champ not in avant and nouveau is False:
            continue  # a box that did not exist was not ticked
        if ancien != nouveau and (ancien or nouveau or ancien == 0 or nouveau == 0):
            genre = "texte" if champ in LONGS and max(len(str(ancien or "")), len(str(nouveau or ""))) > COURT else "valeur"
            ecrits = write(champ, ancien), write(champ, nouveau)
            if champ in LONGS and (genre == "valeur" or not avant):  # read whole: its marks are not words
                simples = plain_texte(ecrits[0]), plain_texte(ecrits[1])
                ecrits = simples if simples[0] != simples[1] else ecrits
            yield Changement(libelle, *ecrits, genre)


def write(champ: str, valeur: Any) -> str:
    """A value as people read it; « néant » when there is none."""
    if valeur is None or valeur in ("", [], {}):
        return VIDE
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    if isinstance(valeur, list):
        return ", ".join(str(v) for v in valeur)
    if isinstance(valeur, dict):
        return ", ".join(f"{cle} : {format_nombre(Decimal(v))}" for cle, v in sorted(valeur.items()))
    if champ in EUROS:
        return format_euros(Decimal(valeur))
    if champ in TAUX:
        return format_taux(Decimal(valeur))
    if champ in DATES:
        return f"{date.fromisoformat(valeur):%d/%m/%Y}"
    return CODES.get(champ, {}).get(str(valeur), str(valeur))


def _fiches(avant: list[Donnees], apres: list[Donnees]) -> Iterator[Objet]:
    """Fiches added, changed (headings, costs, shares, indicators, loans), taken away."""
    anciennes = {f["id"]: f for f in avant}
    for fiche in apres:
        titre = f"{fiche['code']} – {fiche['titre']}"
        ancienne = anciennes.pop(fiche["id"], None)
        if ancienne is None:
            couts = [Changement(_name_cout(c), VIDE, _write_cout(c)) for c in fiche["couts"]]
            parts = [Changement(_name_part(p), VIDE, _write_part(p)) for p in fiche["parts"]]
            yield Objet(titre, "ajout", [*[c for c in _champs({}, fiche) if c.apres != VIDE], *couts, *parts])
            continue
        mineur = _is_meme_annees(ancienne, fiche)
        changements = [
            Changement(c.libelle, c.avant, c.apres, c.genre, mineur and _is_calendrier(c.libelle)) for c in _champs(ancienne, fiche)
        ]
        changements += _keyed(ancienne["couts"], fiche["couts"], _name_cout, _write_cout)
        changements += _keyed(ancienne["parts"], fiche["parts"], _name_part, _write_part)
        for cle, mot in (("indicateurs", "Indicateur"), ("produits_pret", "Prêt")):
            for objet in _rows(ancienne, fiche, cle, lambda i: i.get("libelle") or i.get("nom", "")):
                changements += _flatten(mot, objet)
        if changements:
            yield Objet(titre, "modifie", changements)
    for ancienne in anciennes.values():
        yield Objet(f"{ancienne['code']} – {ancienne['titre']}", "retrait")


def _flatten(mot: str, objet: Objet) -> list[Changement]:
    """An indicator or a loan inside its fiche."""
    if objet.genre == "retrait":
        return [Changement(f"{mot} « {objet.titre} »", "présent", "retiré", "retrait")]
    if objet.genre == "ajout":
        details = ", ".join(f"{c.libelle.lower()} {c.apres}" for c in objet.changements if c.libelle not in ("Libellé", "Nom"))
        suite = f" ({details})" if details else ""
        return [Changement(f"{mot} « {objet.titre} »", VIDE, f"ajouté{suite}", "ajout")]
    return [Changement(f"{mot} « {objet.titre} », {c.libelle.lower()}", c.avant, c.apres, c.genre) for c in objet.changements]


def _is_calendrier(libelle: str) -> bool:
    return libelle in {LIBELLES[c] for c in CALENDRIER}


def _is_meme_annees(avant: Donnees, apres: Donnees) -> bool:
    """The years of the calendar, of its dates and of the costs are the same."""

    def years(fiche: Donnees) -> tuple[Any, ...]:
        bornes = [fiche[c][:4] if fiche[c] else None for c in ("date_debut", "date_fin")]
        return (fiche["annees_calendrier"], *bornes, sorted({c["annee"] for c in fiche["couts"]}))

    return years(avant) == years(apres)


def _name_cout(cout: Donnees) -> str:
    libelle = f" : {cout['libelle']}" if cout["libelle"] else ""
    return f"{cout['nature']}{libelle}, {cout['annee']}"


def _write_cout(cout: Donnees) -> str:
    mots = {"sur_devis": "sur devis", "inconnu": "à déterminer"}.get(cout["chiffrage"], VIDE)
    montant = mots if cout["montant"] is None else format_euros(Decimal(cout["montant"]))
    jours = format_jours(Decimal(cout["jours"])) if cout["jours"] is not None else ""
    tarif = f"à {format_euros(Decimal(cout['tarif_journalier']))}" if cout["tarif_journalier"] is not None else ""
    calcul = f" ({' '.join(filter(None, [jours, tarif]))})" if jours or tarif else ""
    mention = f", {cout['mention']}" if cout["mention"] else ""
    return f"{montant}{calcul}{mention}"


def _name_part(part: Donnees) -> str:
    precisions = ", ".join(str(v) for v in (part["nature"], part["annee"]) if v)
    suite = f", {precisions}" if precisions else ""
    return f"Part de {part['financeur'] or 'personne (non réparti)'}{suite}"


def _write_part(part: Donnees) -> str:
    morceaux = []
    if part["taux"] is not None:
        morceaux.append(format_taux(Decimal(part["taux"])))
    if part["montant"] is not None:
        morceaux.append(format_euros(Decimal(part["montant"])))
    return " – ".join(filter(None, [*morceaux, part["mention"]])) or VIDE


def _keyed(avant: list[Donnees], apres: list[Donnees], name: Callable[[Donnees], str], say: Callable[[Donnees], str]) -> list[Changement]:
    """Rows without number of their own, followed by what names them."""
    anciennes, nouvelles = {name(r): r for r in avant}, {name(r): r for r in apres}
    changements = []
    for nom in [*nouvelles, *(n for n in anciennes if n not in nouvelles)]:
        ancien = say(anciennes[nom]) if nom in anciennes else VIDE
        nouveau = say(nouvelles[nom]) if nom in nouvelles else VIDE
        if ancien != nouveau:
            changements.append(Changement(nom, ancien, nouveau))
    return changements


def _mouvements(avant: Donnees, apres: Donnees) -> tuple[list[Mouvement], list[Mouvement], list[Mouvement], Mouvement]:
    """Amounts that moved: of each fiche, each year, each financeur, and the whole."""

    def read(cellules: Donnees, colonne: str, cle: str) -> Decimal | None:
        try:
            return Decimal(cellules[colonne][cle])
        except (KeyError, InvalidOperation):
            return None  # nothing planned, or words instead of an amount

    def compare(lignes: Iterable[tuple[str, Decimal | None, Decimal | None]]) -> list[Mouvement]:
        return [Mouvement(nom, ancien, nouveau) for nom, ancien, nouveau in lignes if ancien != nouveau]

    codes_avant, codes_apres = ({f["id"]: f["code"] for f in d["fiches"]} for d in (avant, apres))
    avant, apres = avant["recapitulatif"], apres["recapitulatif"]

    def read_fiche(recap: Donnees, code: str | None) -> Decimal | None:
        return read(recap["fiches"].get(code, {}), "periode", "total")

    annees = sorted({*avant["annees"], *apres["annees"]})
    noms = {f["cle"]: f["nom"] for f in [*avant["financeurs"], *apres["financeurs"]]}
    totaux = avant["total"], apres["total"]
    return (
        compare(
            (
                codes_apres.get(pk) or codes_avant[pk],
                read_fiche(avant, codes_avant.get(pk)),
                read_fiche(apres, codes_apres.get(pk)),
            )
            for pk in dict.fromkeys([*codes_apres, *codes_avant])
        ),
        compare((str(a), *(read(t, str(a), "total") for t in totaux)) for a in annees),  # type: ignore[misc]
        compare((nom, *(read(t, "periode", cle) for t in totaux)) for cle, nom in noms.items()),
        Mouvement("Coût total des actions", *(read(t, "periode", "total") for t in totaux)),
    )
