"""The fields of a bilan as its pages show them: each with its value, the one to compare with, what the plan and the carnet say beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString

from fiches.saisie import Resultat
from financement.bilans.comptes import Compte
from financement.bilans.graphiques import show_ecart, show_euros, show_taux
from financement.bilans.modeles import FicheBilan
from financement.bilans.saisie import ContenuBilan
from financement.bilans.suivi import AxeSuivi, FicheSuivie, LigneSuivie, MesureSuivie, PartSuivie, Synthese
from financement.editeur import ChampEdition
from socle.typographie import format_euros, format_nombre


@dataclass
class LigneGrille:
    """A line with its two cells."""

    suivie: LigneSuivie
    jours: ChampEdition
    montant: ChampEdition


@dataclass
class PartGrille:
    """A financeur with its cell; without cell, what nobody is said to pay."""

    suivie: PartSuivie
    champ: ChampEdition | None


@dataclass
class MesureGrille:
    """An indicator with its cells."""

    suivie: MesureSuivie
    atteint: ChampEdition
    explication: ChampEdition


@dataclass
class FicheGrille:
    """One action with its fields."""

    suivie: FicheSuivie
    etat: ChampEdition
    lignes: list[LigneGrille] = field(default_factory=list)
    parts: list[PartGrille] = field(default_factory=list)
    mesures: list[MesureGrille] = field(default_factory=list)
    textes: list[ChampEdition] = field(default_factory=list)


@dataclass
class Grille:
    """What a page of a bilan needs to be filled."""

    axes: list[tuple[AxeSuivi, list[FicheGrille]]]
    recit: ChampEdition
    perspectives: ChampEdition
    places: dict[str, str]
    echos: dict[str, str]
    refus: list[tuple[str, Resultat]]
    etats: list[tuple[str, str]] = field(default_factory=lambda: [("", "Choisir…"), *FicheBilan.Etat.choices])

    @property
    def fiche(self) -> FicheGrille:
        """The only action, on its own page."""
        return self.axes[0][1][0]


TEXTES = (
    ("fait", "Ce qui a été fait", "Ce que le partenaire et les élus doivent retenir."),
    ("difficultes", "Difficultés rencontrées", "Ce qui a retardé ou empêché, et pourquoi."),
    ("proposition", "Proposition pour l’année suivante", "Poursuivre, changer, arrêter : en une ou deux phrases."),
)


def build_grille(
    synthese: Synthese,
    contenu: ContenuBilan,
    seule: FicheSuivie | None = None,
    saisies: Mapping[str, str] | None = None,
    resultats: Mapping[str, Resultat] | None = None,
) -> Grille:
    """Fields of a whole bilan, or of one of its actions; what was refused is shown as it was typed."""
    valeurs = contenu.read()
    saisies, resultats = saisies or {}, resultats or {}

    def make(champ: str, libelle: str, aide: str = "", genre: str = "ligne", lignes: int = 1) -> ChampEdition:
        avant = valeurs.get(champ, "")
        return ChampEdition(champ, libelle, saisies.get(champ, avant), avant, aide, genre, lignes, resultats.get(champ))

    axes = []
    for axe in synthese.axes:
        fiches = []
        for f in axe.fiches:
            if seule is not None and f is not seule:
                continue
            o = f.objet
            fiches.append(
                FicheGrille(
                    f,
                    make(f"etat.{o.pk}", f"État de {o.code}" if seule is None else "L’action est"),
                    [
                        LigneGrille(
                            li,
                            make(f"jours.{li.objet.pk}", f"{o.code}, {li.objet.intitule}, jours réalisés"),
                            make(f"montant.{li.objet.pk}", f"{o.code}, {li.objet.intitule}, réalisé en euros"),
                        )
                        for li in f.lignes
                    ],
                    [PartGrille(p, make(f"part.{p.objet.pk}", f"Payé par {p.nom}") if p.objet else None) for p in f.parts],
                    [
                        MesureGrille(
                            m,
                            make(f"atteint.{m.objet.pk}", f"{m.objet.libelle}, atteint"),
                            make(f"explication.{m.objet.pk}", f"{m.objet.libelle}, explication"),
                        )
                        for m in f.mesures
                    ],
                    [make(f"{cle}.{o.pk}", nom, aide, "texte", 5) for cle, nom, aide in TEXTES],
                )
            )
        if fiches:
            axes.append((axe, fiches))
    pk = synthese.bilan.pk
    comptes = compute_places(synthese)
    return Grille(
        axes,
        make(
            f"recit.{pk}", "L’année en bref", "Quatre ou cinq phrases pour les élus : ce qui a été tenu, ce qui ne l’a pas été.", "texte", 6
        ),
        make(
            f"perspectives.{pk}",
            f"Ce qui change en {synthese.bilan.annee + 1}",
            "Une liste courte : ce qui continue, ce qui change, ce qui s’arrête.",
            "texte",
            5,
        ),
        comptes["places"],
        {champ: echo["texte"] for champ, echo in comptes["echos"].items()},
        [(contenu.describe(champ), r) for champ, r in resultats.items()],
    )


def compute_places(synthese: Synthese) -> dict[str, Any]:
    """The figures that change while one types, by named place, and what stands for the cells left empty."""
    places: dict[str, str] = {}
    echos: dict[str, dict[str, str]] = {}
    for f in synthese.fiches:
        for li in f.lignes:
            places[f"ecart:{li.objet.pk}"] = show_gap(li.euros)
            echos[f"montant.{li.objet.pk}"] = {"texte": tell_echo(li), "statut": "compris"}
            jours = li.jours.realise
            mots = (
                f"= {format_nombre(jours)} j (carnet)"
                if li.objet.jours is None and li.carnet_jours is not None and jours is not None
                else ""
            )
            echos[f"jours.{li.objet.pk}"] = {"texte": mots, "statut": "compris"}
        for p in f.parts:
            if p.objet is not None:
                mots = f"= {format_euros(p.compte.realise)} (selon le plan)" if not p.is_saisie and p.compte.realise is not None else ""
                echos[f"part.{p.objet.pk}"] = {"texte": mots, "statut": "compris"}
        _place(places, f"fiche:{f.objet.pk}", f.euros, f.jours)
        non_reparti = next((p.compte.realise for p in f.parts if p.cle is None), None)
        places[f"non-reparti:{f.objet.pk}"] = f"Non réparti : {format_euros(non_reparti)}" if non_reparti else ""
    for rang, axe in enumerate(synthese.axes):
        _place(places, f"axe:{rang}", axe.euros, axe.jours)
    _place(places, "total", synthese.euros, synthese.jours)
    return {"places": places, "echos": echos, "juste": True}


def _place(places: dict[str, str], nom: str, euros: Compte, jours: Compte) -> None:
    places[f"{nom}:euros"] = show_euros(euros.realise)
    places[f"{nom}:jours"] = "–" if jours.realise is None else format_nombre(jours.realise)
    places[f"{nom}:ecart"] = show_gap(euros)
    places[f"{nom}:taux"] = show_taux(euros)


def show_gap(compte: Compte) -> str:
    """A gap; an overrun says so in words, not by its colour."""
    texte = show_ecart(compte.ecart)
    return SafeString(f'{texte} <small class="depasse">dépassé</small>') if compte.depasse and compte.prevu else texte


def tell_echo(ligne: LigneSuivie) -> str:
    """Where the amount of an empty cell comes from."""
    if ligne.objet.montant is not None or ligne.euros.realise is None:
        return ""
    return f"= {format_euros(ligne.euros.realise)} ({ligne.source})"
