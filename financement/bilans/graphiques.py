"""Charts of a bilan: planned and done by axe, fiche, nature, financeur, in days, indicators, over the years, what is left to do."""

from collections.abc import Sequence
from decimal import Decimal

from financement.bilans.comptes import Compte
from financement.bilans.suivi import AxeSuivi, Synthese
from socle.graphiques import Graphique, Valeurs, draw_barres, draw_colonnes
from socle.typographie import format_euros, format_jours, format_montant, format_nombre, format_taux, list_fr

ENTETES = ("Prévu", "Réalisé", "Écart", "Taux")
INCONNU = "–"


def show_euros(montant: Decimal | None) -> str:
    """An amount for a table whose head says €."""
    return INCONNU if montant is None else format_montant(montant)


def show_ecart(ecart: Decimal | None) -> str:
    """« + 600 », « − 900 », « 0 »."""
    if ecart is None:
        return INCONNU
    return f"{'+' if ecart > 0 else '−'}\u202f{format_montant(abs(ecart))}" if ecart else "0"


def show_taux(compte: Compte) -> str:
    """« 92,8 % »."""
    return INCONNU if compte.pourcent is None else format_taux(compte.pourcent)


def write_ligne(nom: str, compte: Compte) -> list[str]:
    """A row of the table under a chart."""
    return [nom, show_euros(compte.prevu), show_euros(compte.realise), show_ecart(compte.ecart), show_taux(compte)]


def tell(compte: Compte) -> str:
    """« 168 300 € sur 175 650 € »."""
    fait = "non renseigné" if compte.realise is None else format_euros(compte.realise)
    return (
        f"{fait}, hors plan" if compte.prevu is None and compte.realise is not None else f"{fait} sur {format_euros(compte.prevu) or '0 €'}"
    )


def tell_phrase(sujet: str, comptes: Sequence[tuple[str, Compte]]) -> str:
    """The finding in one sentence, with every figure."""
    return f"{sujet} : " + " ; ".join(f"{nom}, {tell(compte)}" for nom, compte in comptes) + "."


def _draw(cle: str, titre: str, tete: str, comptes: Sequence[tuple[str, Compte]], total: Compte | None = None) -> Graphique:
    valeurs = [Valeurs(nom, c.realise, c.prevu, tell(c)) for nom, c in comptes]
    return draw_barres(
        cle,
        titre,
        tell_phrase(titre, comptes),
        valeurs,
        (tete, *ENTETES),
        [write_ligne(nom, c) for nom, c in comptes],
        total=write_ligne("Ensemble", total) if total else (),
    )


def draw_axes(s: Synthese) -> Graphique:
    """Planned and done by axe."""
    return _draw("axes", f"Prévu et réalisé par axe en {s.bilan.annee}, en euros", "Axe", [(a.titre, a.euros) for a in s.axes], s.euros)


def draw_fiches(s: Synthese, axe: AxeSuivi | None = None) -> Graphique:
    """Planned and done by action, of one axe or of all."""
    fiches = [f for f in (axe.fiches if axe else s.fiches) if f.is_active and (f.euros.prevu or f.euros.realise)]
    cle, suite = (f"fiches-{s.axes.index(axe)}", f", axe {axe.titre}") if axe else ("fiches", "")
    comptes = [(f"{f.objet.code} {f.objet.titre}", f.euros) for f in fiches]
    return _draw(cle, f"Prévu et réalisé par fiche en {s.bilan.annee}{suite}, en euros", "Fiche", comptes, axe.euros if axe else s.euros)


def draw_natures(s: Synthese) -> Graphique:
    """Planned and done by nature of expense."""
    return _draw("natures", f"Prévu et réalisé par nature de dépense en {s.bilan.annee}, en euros", "Nature", s.natures, s.euros)


def draw_financeurs(s: Synthese) -> Graphique:
    """Who paid, beside what each planned."""
    comptes = [(p.nom, p.compte) for p in s.financeurs if p.compte.prevu or p.compte.realise]
    return _draw("financeurs", f"Qui a payé en {s.bilan.annee}, en euros", "Financeur", comptes, s.euros)


def draw_jours(s: Synthese) -> Graphique:
    """Days planned and done by axe."""
    axes = [(a.titre, a.jours) for a in s.axes if a.jours.prevu or a.jours.realise]

    def tell_jours(c: Compte) -> str:
        fait = "non renseigné" if c.realise is None else format_jours(c.realise)
        return f"{fait} sur {format_jours(c.prevu or Decimal(0))}"

    def write(nom: str, c: Compte) -> list[str]:
        chiffres = [INCONNU if n is None else format_nombre(n) for n in (c.prevu, c.realise)]
        signe = "" if not c.ecart else "+\u202f" if c.ecart > 0 else "−\u202f"
        return [nom, *chiffres, INCONNU if c.ecart is None else f"{signe}{format_nombre(abs(c.ecart))}", show_taux(c)]

    titre = f"Jours prévus et réalisés par axe en {s.bilan.annee}"
    return draw_barres(
        "jours",
        titre,
        f"{titre} : " + " ; ".join(f"{nom}, {tell_jours(c)}" for nom, c in axes) + ".",
        [Valeurs(nom, c.realise, c.prevu, tell_jours(c)) for nom, c in axes],
        ("Axe", *ENTETES),
        [write(nom, c) for nom, c in axes],
        total=write("Ensemble", s.jours) if axes else (),
    )


def draw_indicateurs(s: Synthese) -> Graphique:
    """Indicators against their target, each on its own scale: the outline is the target."""
    mesures = [(f, m) for f, m in s.mesures if m.objet.cible is not None]
    valeurs, lignes = [], []
    for f, m in mesures:
        o = m.objet
        fait = "à saisir" if o.valeur is None else format_nombre(o.valeur)
        texte = f"{fait} sur {format_nombre(o.cible or Decimal(0))}"
        valeurs.append(Valeurs(o.libelle, o.valeur, o.cible, texte, f.objet.code))
        taux = INCONNU if m.pourcent is None else f"{format_nombre(m.pourcent, 0)}\u00a0%"
        lignes.append([f"{f.objet.code} {o.libelle}", format_nombre(o.cible or Decimal(0)), fait, taux])
    titre = f"Indicateurs atteints en {s.bilan.annee}, rapportés à leur cible"
    phrase = f"{titre} : " + " ; ".join(f"{v.libelle}, {v.texte}" for v in valeurs) + "."
    return draw_barres(
        "indicateurs", titre, phrase, valeurs, ("Indicateur", "Cible", "Atteint", "Taux"), lignes, ("Cible", "Atteint"), chacune=True
    )


def draw_annees(annees: Sequence[tuple[int, Compte]]) -> Graphique:
    """Planned and done over the years of the agreement."""
    comptes = [(str(annee), compte) for annee, compte in annees]
    total = Compte()
    for _, compte in comptes:
        total.add(compte)
    valeurs = [Valeurs(nom, c.realise, c.prevu, show_taux(c)) for nom, c in comptes]
    titre = f"Prévu et réalisé par année, {list_fr([nom for nom, _ in comptes])}, en euros"
    return draw_colonnes(
        "annees",
        titre,
        tell_phrase(titre, comptes),
        valeurs,
        ("Année", *ENTETES),
        [write_ligne(nom, c) for nom, c in comptes],
        total=write_ligne("Ensemble", total),
    )


def draw_reste(titre: str, comptes: Sequence[tuple[str, Compte]]) -> Graphique:
    """What is left to do: the empty part of each outline, told in words."""

    def tell_reste(c: Compte) -> str:
        return f"reste {format_euros(c.reste)}" if c.reste is not None else "hors plan"

    return draw_barres(
        "reste",
        titre,
        f"{titre} : " + " ; ".join(f"{nom}, {tell(c)}, {tell_reste(c)}" for nom, c in comptes) + ".",
        [Valeurs(nom, c.realise, c.prevu, tell_reste(c)) for nom, c in comptes],
        ("Axe", "Prévu", "Réalisé", "Reste à faire"),
        [[nom, show_euros(c.prevu), show_euros(c.realise), show_euros(c.reste)] for nom, c in comptes],
    )
