"""Figures of a fiche being written: what its grid and its shares come to, saved or not, by the code that counts everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from fiches.champs import Pilotes, Sheet
from fiches.identite import Identite
from fiches.models import FicheAction
from fiches.saisie import Contenu, SaisieRefusee, Valeurs
from fiches.saisie_indicateurs import Cibles, Indicateurs
from financement.cellules import explain_cellule
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout
from financement.recapitulatif import Cellule
from financement.repartition import Cout, Part, Portee, split_each, sum_by_portee
from financement.saisie_couts import Couts, Lignes, Natures, fill_ligne, read_cle
from financement.saisie_parts import ClePart, Parts, fill_part, read_cle_part
from financement.syntheses import to_part
from financement.tableaux import build_couts
from financement.templatetags.financement import cellule as render_cellule
from socle.montants import ZERO
from socle.typographie import format_euros, format_taux


@dataclass
class ContenuFiche(Contenu):
    """All the fields of a fiche, the money included."""

    natures: Natures = field(default_factory=Natures)

    @classmethod
    def of(cls, fiche: FicheAction) -> "ContenuFiche":
        natures, indicateurs = Natures(), Indicateurs(fiche)
        familles = [
            Sheet(fiche),
            Identite(fiche),
            Pilotes(fiche),
            indicateurs,
            Cibles(fiche, indicateurs),
            Couts(fiche, natures),
            Lignes(fiche, natures),
            Parts(fiche, natures),
        ]
        return cls(fiche, familles, natures)

    @property
    def nouveaux(self) -> dict[str, int]:
        """Numbers given to the indicators just created, by the key they were written under."""
        indicateurs = next(f for f in self.familles if isinstance(f, Indicateurs))
        return {cle: pk for cle, pk in indicateurs.crees.items() if not cle.isdecimal()}


@dataclass(frozen=True)
class Echo:
    """What was understood in one field, or why nothing was."""

    texte: str
    statut: str = "compris"  # compris, refus, question
    choix: list[str] = field(default_factory=list)


@dataclass
class Figures:
    """Texts to show at named places of the page (safe HTML), and the echo of each field."""

    places: dict[str, str]
    echos: dict[str, Echo]
    soldes: list[str]
    is_juste: bool


def compute_figures(fiche: FicheAction, valeurs: Valeurs, natures: Natures | None = None) -> Figures:
    """Count the costs and shares written in `valeurs` (typed or saved), without writing anything."""
    natures = natures or Natures()
    echos: dict[str, Echo] = {}
    lignes = _read_lignes(fiche, valeurs, natures, echos)
    parts = _read_parts(fiche, valeurs, natures, echos)
    annees = sorted({*fiche.convention.annees, *(ligne.annee for ligne in lignes)})
    couts = [Cout(li.nature_id, li.annee, li.montant.amount) for li in lignes if li.montant is not None]
    calcul = [to_part(part) for part in parts.values()]
    places = _count_couts(lignes, annees)
    places |= _count_parts(list(parts), calcul, couts, annees)
    perdues = sum(e.statut != "compris" for champ, e in echos.items() if champ.startswith("cout."))
    places["perdues"] = describe_perdues(perdues)
    soldes, is_juste = describe_soldes(couts, calcul, natures)
    places["solde"] = " ".join(soldes)
    return Figures(places, echos, soldes, is_juste)


def _read_lignes(fiche: FicheAction, valeurs: Valeurs, natures: Natures, echos: dict[str, Echo]) -> list[LigneCout]:
    """Unsaved cost lines of the cells that can be read; every cell gets its echo."""
    famille = Couts(fiche, natures)
    lignes: list[LigneCout] = []
    ordres: dict[tuple[int, str], int] = {}
    for champ, texte in valeurs.items():
        if not famille.owns(champ):
            continue
        try:
            cellule = famille.parse(champ, texte)
        except SaisieRefusee as refus:
            echos[champ] = Echo(str(refus), "question" if refus.choix else "refus", refus.choix)
            continue
        echos[champ] = Echo(explain_cellule(cellule) if cellule else "")
        if cellule is None:
            continue
        cle = read_cle(champ)
        ordre = ordres.setdefault((cle.nature, cle.libelle), len(ordres) + 1)
        ligne = LigneCout(pk=len(lignes) + 1, fiche=fiche, libelle=cle.libelle, annee=cle.annee, ordre=ordre)
        ligne.nature = natures.get(cle.nature)  # type: ignore[assignment] # parse refuses a nature that does not exist
        lignes.append(fill_ligne(ligne, cellule))
    return lignes


def _read_parts(fiche: FicheAction, valeurs: Valeurs, natures: Natures, echos: dict[str, Echo]) -> dict[ClePart, CoFinancement]:
    """Unsaved shares that can be read, by key, in the order of the page."""
    famille = Parts(fiche, natures)
    parts: dict[ClePart, CoFinancement] = {}
    for champ, texte in valeurs.items():
        if not famille.owns(champ):
            continue
        try:
            cle, nom = read_cle_part(champ)
            canonique, echo = famille.prepare(champ, texte)
        except SaisieRefusee as refus:
            echos[champ] = Echo(str(refus), "question" if refus.choix else "refus", refus.choix)
            continue
        echos[champ] = Echo(echo)
        part = parts.setdefault(cle, CoFinancement(fiche=fiche, financeur_id=cle.financeur, nature_id=cle.nature, annee=cle.annee))
        fill_part(part, {nom: canonique})
    return parts


def _count_couts(lignes: Sequence[LigneCout], annees: Sequence[int]) -> dict[str, str]:
    """Totals of the grid: by row, by year, of the fiche."""
    tableau = build_couts(lignes, annees)
    places: dict[str, str] = {f"ligne:{ligne.cle}": render_cellule(ligne.ensemble) for ligne in tableau.lignes}
    places |= {f"annee:{annee}": render_cellule(tableau.total.par_annee.get(annee)) for annee in tableau.annees}
    ensemble = tableau.total.ensemble
    places["ensemble"] = render_cellule(ensemble)
    places["cout"] = format_euros(ensemble.montant) or (f"Coût {ensemble.mention}" if ensemble.mention else "Coût non chiffré")
    return places


def _count_parts(cles: Sequence[ClePart], parts: Sequence[Part], couts: Sequence[Cout], annees: Sequence[int]) -> dict[str, str]:
    """What each share comes to by year, and the side of it that is not written: euros from a rate, a rate from euros."""
    par_rang, reste = split_each(couts, parts)
    bases = sum_by_portee(couts, parts)
    places: dict[str, str] = {}
    for rang, (cle, part) in enumerate(zip(cles, parts, strict=True)):
        montants = par_rang[rang]
        ensemble = sum(montants.values(), ZERO)
        base = bases.get((cle.nature, cle.annee), ZERO)
        taux = part.montant * 100 / base if part.montant is not None and base else None
        places[f"{cle.champ}.taux"] = format_taux(_trim(taux)) if taux is not None else ""
        places[f"{cle.champ}.montant"] = format_euros(ensemble) if part.taux is not None and part.montant is None and base else ""
        places |= {f"{cle.champ}:{annee}": _amount(montants.get(annee)) for annee in annees}
        places[f"{cle.champ}:ensemble"] = _amount(ensemble if montants else None)
    places |= {f"reste:{annee}": _amount(reste.get(annee)) for annee in annees}
    places["reste:ensemble"] = _amount(sum(reste.values(), ZERO) if reste else None)
    totaux: dict[int, Decimal] = {}
    for cout in couts:
        totaux[cout.annee] = totaux.get(cout.annee, ZERO) + cout.montant
    places |= {f"reparti:{annee}": _amount(totaux.get(annee)) for annee in annees}
    places["reparti:ensemble"] = _amount(sum(totaux.values(), ZERO) if totaux else None)
    return places


def _trim(taux: Decimal) -> Decimal:
    """A computed rate shown with at most four decimals."""
    return taux.quantize(Decimal("0.0001")).normalize() + 0


def _amount(montant: Decimal | None) -> SafeString:
    return render_cellule(Cellule(montant) if montant is not None else None)


def describe_soldes(couts: Sequence[Cout], parts: Sequence[Part], natures: Natures) -> tuple[list[str], bool]:
    """Whether the shares make the whole of each scope; otherwise what is missing or in excess, in % and in euros."""
    bases = sum_by_portee(couts, parts)
    phrases = []
    for portee, base in bases.items():
        if portee is None:
            continue
        suite = describe_portee(portee, natures)
        pour = f" pour {suite}" if suite else ""
        membres = [p for p in parts if (p.nature, p.annee) == portee and (p.taux is not None or p.montant is not None)]
        if not base:
            if couts and suite:
                phrases.append(f"Aucune dépense ne correspond aux parts{pour}.")
            continue
        if all(p.montant is None for p in membres):
            taux = sum((p.taux or ZERO for p in membres), ZERO)
            ecart = base * (100 - taux) / 100
        else:
            reparti = sum((p.montant if p.montant is not None else base * (p.taux or ZERO) / 100 for p in membres), ZERO)
            taux, ecart = reparti * 100 / base, base - reparti
        if taux != 100 and abs(ecart) >= Decimal("0.005"):
            mots = "Il manque" if ecart > 0 else "Il y a en trop"
            part = format_taux(_trim(abs(100 - taux)))
            phrases.append(
                f"Le total des parts{pour} fait {format_taux(_trim(taux))}. {mots} {part}, soit {format_euros(abs(ecart), True)}."
            )
    if None in bases and len(bases) > 1:
        phrases.append(f"{format_euros(bases[None])} de dépenses ne sont couverts par aucune part.")
    if not couts:
        return phrases, not phrases
    if not any(portee is not None for portee in bases):
        return phrases, False
    return phrases or ["Les parts font 100 %."], not phrases


def describe_perdues(nombre: int) -> str:
    """Cells that the totals leave out, said under the grid."""
    if not nombre:
        return ""
    if nombre == 1:
        return "Une cellule n’est pas comptée dans les totaux : précisez-la ou corrigez-la."
    return f"{nombre} cellules ne sont pas comptées dans les totaux : précisez-les ou corrigez-les."


def describe_portee(portee: Portee, natures: Natures) -> str:
    """« Études, 2019 »; nothing for the whole fiche."""
    nature = natures.get(portee[0]) if portee[0] else None
    return ", ".join(filter(None, [nature.nom if nature else "", str(portee[1] or "")]))


def serialize(figures: Figures) -> dict[str, object]:
    """Figures for the page's script."""
    echos = {champ: {"texte": e.texte, "statut": e.statut, "choix": e.choix} for champ, e in figures.echos.items()}
    places = {place: str(conditional_escape(texte)) for place, texte in figures.places.items()}
    return {"places": places, "echos": echos, "juste": figures.is_juste}
